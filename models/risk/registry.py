"""A model as files: skops for the estimator, JSON for all else, hashes of what made it; nothing pickled.

The caller stores the bytes and hands them back; a file that was changed or swapped is refused by its hash, and a type
that is not of the short list below is refused by skops before anything is built.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from models.risk.calibrate import Calibration
from models.risk.declare import Feature, RiskConfig, RuleBook
from models.risk.train import Fitted

# Types beyond skops' own defaults that a boosting model is made of; all of them belong to scikit-learn or numpy.
TRUSTED = (
    "sklearn.ensemble._hist_gradient_boosting.binning._BinMapper",
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
    "sklearn._loss.loss.HalfBinomialLoss",
    "sklearn._loss.link.Interval",
    "sklearn._loss.link.LogitLink",
    "sklearn._loss._loss.CyHalfBinomialLoss",
    "numpy.dtype",
)


class ModelFileError(ValueError):
    """A model file is missing, changed, swapped or holds a type that is not trusted."""


@dataclass(frozen=True)
class ModelFiles:
    """name: `<candidate>-<first 12 of the content hash>`; files: name -> bytes; card: what the run knows of it."""

    name: str
    files: dict[str, bytes]
    card: dict[str, Any]


def pack_model(
    parts: Sequence[tuple[Fitted, Calibration]], hashes: Mapping[str, str], card: Mapping[str, Any]
) -> ModelFiles:
    """Turn a week's model into files: one part for each fold of families it scores.

    hashes: of code, data, features and configuration, put into the card.
    """
    import skops.io

    body = {_estimator_file(i): skops.io.dumps(fitted.estimator) for i, (fitted, _) in enumerate(parts)}
    body["model.json"] = _described(parts)
    content = content_hash(parts)
    full = dict(card) | {"content_hash": content, "hashes": dict(hashes)}
    full["files"] = {name: hashlib.sha256(data).hexdigest() for name, data in sorted(body.items())}
    return ModelFiles(name_of(parts, content), body | {"card.json": to_json(full)}, full)


def content_hash(parts: Sequence[tuple[Fitted, Calibration]]) -> str:
    """What identifies a model: its declarations and its numbers. A skops file is a zip with times in it, and is not."""
    return digest([_described(parts), *(numbers_of(fitted) for fitted, _ in parts)])


def name_of(parts: Sequence[tuple[Fitted, Calibration]], content: str) -> str:
    """The name a model is registered under: its candidates and the beginning of its content hash."""
    return f"{'-'.join(sorted({fitted.name for fitted, _ in parts}))}-{content[:12]}"


def recipe_of(hashes: Mapping[str, str]) -> str:
    """What a person can approve beforehand: the code and all that risk.yml declares, not one week's numbers."""
    return digest([hashes["code"].encode(), hashes["config"].encode()])[:12]


def card_hash(card: Mapping[str, Any]) -> str:
    """SHA-256 of a card's content, however its file is laid out."""
    return hashlib.sha256(to_json(card)).hexdigest()


def _described(parts: Sequence[tuple[Fitted, Calibration]]) -> bytes:
    """model.json: candidate, declarations and calibration of each part."""
    return to_json(
        [
            {
                "candidate": fitted.name,
                "features": [f.model_dump(mode="json") for f in fitted.features],
                "calibration": {"intercept": calibration.intercept, "slope": calibration.slope},
            }
            for fitted, calibration in parts
        ]
    )


def unpack_model(
    files: Mapping[str, bytes], name: str | None = None
) -> tuple[list[tuple[Fitted, Calibration]], dict[str, Any]]:
    """Load a model from its files: its parts and its card.

    name: the one it was registered under, when known. Raises ModelFileError when a file is missing, a hash differs, the
    folder holds another model's files, or a type is not trusted.
    """
    for needed in ("card.json", "model.json", _estimator_file(0)):
        if needed not in files:
            raise ModelFileError(f"model file {needed} is missing")
    try:
        card = json.loads(files["card.json"])
        registered = dict(card["files"])
        content = str(card["content_hash"])
    except (ValueError, KeyError, TypeError):
        raise ModelFileError("model file card.json cannot be read") from None
    if name is not None and not name.endswith(content[:12]):
        raise ModelFileError(f"the files kept as {name} are those of another model")
    for one, expected in registered.items():
        if hashlib.sha256(files.get(one, b"")).hexdigest() != expected:
            raise ModelFileError(f"model file {one} is not the one that was registered")
    try:
        parts = [
            (
                Fitted(one["candidate"], _estimator(files, i), tuple(map(Feature.model_validate, one["features"]))),
                Calibration(**one["calibration"]),
            )
            for i, one in enumerate(json.loads(files["model.json"]))
        ]
    except ModelFileError:
        raise
    except Exception:
        # Whatever a file holds whose hash somebody made fit: nothing of it is told, it may be anything.
        raise ModelFileError("the model's files cannot be read as a model") from None
    if content_hash(parts) != content:
        raise ModelFileError("the model computes other numbers than those registered")
    return parts, card


def _estimator_file(number: int) -> str:
    return f"estimator_{number + 1}.skops"


def _estimator(files: Mapping[str, bytes], number: int) -> Any:
    """One estimator out of its file, if it is made of trusted types alone."""
    import skops.io

    data = files.get(_estimator_file(number), b"")
    strange = set(skops.io.get_untrusted_types(data=data)) - set(TRUSTED)
    if strange:
        raise ModelFileError(f"model file holds types that are not trusted: {', '.join(sorted(strange))}")
    return skops.io.loads(data, trusted=list(TRUSTED))


def numbers_of(fitted: Fitted) -> bytes:
    """The fitted numbers of a model in a fixed order, as bytes."""
    if fitted.name == "blend":
        return b"".join(map(numbers_of, fitted.members()))
    if fitted.name == "logistic":
        scale, model = fitted.estimator.named_steps["scale"], fitted.estimator.named_steps["model"]
        arrays = [scale.mean_, scale.scale_, model.coef_, model.intercept_]
    else:
        arrays = [np.asarray(fitted.estimator._baseline_prediction)]
        for (tree,) in fitted.estimator._predictors:
            nodes = tree.nodes
            arrays += [nodes[field] for field in ("value", "feature_idx", "num_threshold", "left", "right", "is_leaf")]
    return b"".join(np.ascontiguousarray(a).tobytes() for a in arrays)


def config_hash(config: RiskConfig) -> str:
    """Hash of everything risk.yml declares."""
    return digest([to_json(config.model_dump(mode="json"))])


def rules_hash(book: RuleBook) -> str:
    """Hash of everything rules.yml declares."""
    return digest([to_json(book.model_dump(mode="json"))])


def features_hash(features: Iterable[Feature]) -> str:
    """Hash of the declarations of the features a model reads."""
    return digest(to_json(f.model_dump(mode="json")) for f in features)


def data_hash(X: np.ndarray, y: np.ndarray, positions: np.ndarray) -> str:
    """Hash of the rows a model was fitted on, by content and order; no key enters it."""
    return digest([np.ascontiguousarray(X).tobytes(), np.packbits(y).tobytes(), positions.astype(np.int64).tobytes()])


def digest(parts: Iterable[bytes]) -> str:
    """SHA-256 over parts, each preceded by its length so that parts cannot run into one another."""
    total = hashlib.sha256()
    for part in parts:
        total.update(len(part).to_bytes(8, "big"))
        total.update(part)
    return total.hexdigest()


def to_json(value: Any) -> bytes:
    """JSON with sorted keys and no spaces to choose: equal values give equal bytes."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"), default=str).encode()
