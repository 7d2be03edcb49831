"""`hub identity explain, who, adopt, accept`: what is shown and logged, what a model needs before it comes into use."""

from __future__ import annotations

import io
import json
import shutil
from contextlib import nullcontext
from datetime import date, datetime
from pathlib import Path

import duckdb
import pytest
from linkage_people import FAR, database
from rich.console import Console

from governance.pseudonym import Pseudonym
from governance.zones import Zones
from models.linkage import LinkageModel, ModelMismatch
from pipelines import identity_explain, identity_models
from pipelines.hub import Hub, HubProblem

PACK = Path(__file__).parents[2] / "partnerships/northmere"


@pytest.fixture
def opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Hub, duckdb.DuckDBPyConnection]:
    """Two records of one person, joined by an edge, and the pack in a folder of its own."""
    pack = tmp_path / "northmere"
    shutil.copytree(PACK, pack, ignore=shutil.ignore_patterns("staging", "marts", "feeds"))
    monkeypatch.setenv("HUB_PARTNERSHIP", str(pack))
    monkeypatch.setenv("HUB_VAR", str(tmp_path / "var"))
    monkeypatch.setenv("HUB_KEY_FILE", str(tmp_path / "keys.json"))
    monkeypatch.setattr(Hub, "present", lambda _: datetime(2026, 10, 5, 1))
    con = database()
    monkeypatch.setattr(Zones, "open", lambda *_, **__: nullcontext(con))
    hub = Hub.from_environment(create_keys=True)
    key_of = Pseudonym(hub.keys.pseudonym).key_of
    hub.settings.root.mkdir(parents=True)
    keys = [key_of("csc", "person", "1"), key_of("police", "ppn", "N", "1")]
    for key, agency, feed, source in ((keys[0], "csc", "person", "1"), (keys[1], "police", "ppn", "N\x1f1")):
        con.execute(
            "insert into canonical.person_record by name select $key::uuid as record_key, $agency as agency, "
            "$feed as feed, $source as source_key, 'Marisol' as forename, 'Quennell' as surname, "
            "timestamp '2026-01-01' as known_from, $far::timestamp as known_to",
            {"key": key, "agency": agency, "feed": feed, "source": source, "far": FAR},
        )
        con.execute(
            "insert into linkage.person_assignment values (?, 'P1', '2026-01-01', ?, 'probabilistic', 'linked', 'r')",
            [key, FAR],
        )
    con.execute(
        "insert into linkage.edge values (?, ?, 'probabilistic', 'model', 12, 12, null, ?)",
        [*keys, '{"forename": 7.0, "tf_adj_forename": 2.0, "surname": 18.0}'],
    )
    return hub, con


def said(command, *words) -> str:
    printed = io.StringIO()
    command(Console(file=printed, width=200, highlight=False), *words)
    return printed.getvalue()


def test_why_two_records_without_a_name_and_with_names_under_log(opened) -> None:
    hub, _ = opened
    plain = said(identity_explain.print_why, "csc/person/1", "police/ppn/N/1", False, None, None)
    assert "agree on surname and first name" in plain and "before any evidence -15.0" in plain
    assert "Marisol" not in plain and "N/1" not in plain
    with pytest.raises(HubProblem, match="--by"):
        said(identity_explain.print_why, "csc/person/1", "police/ppn/N/1", True, None, None)
    named = said(identity_explain.print_why, "csc/person/1", "police/ppn/N/1", True, "A. Reader", "a doubtful pair")
    assert "Marisol, Quennell" in named
    assert [entry.what for entry in hub.store.audit.entries()] == ["identity.names_shown"]
    with pytest.raises(HubProblem, match="No record of a person goes by"):
        said(identity_explain.print_why, "csc/person/1", "csc/person/2", False, None, None)


def test_who_a_record_was_on_a_day(opened) -> None:
    assert "it was person P1" in said(identity_explain.print_who, "csc/person/1", date(2026, 3, 1), None)
    assert "no person" in said(identity_explain.print_who, "csc/person/1", date(2025, 3, 1), None)
    with pytest.raises(HubProblem, match="before"):
        said(identity_explain.print_who, "csc/person/1", date(2026, 3, 1), date(2026, 2, 1))


def test_a_model_comes_into_use_with_a_report_of_that_very_model_and_a_name(opened, tmp_path) -> None:
    hub, con = opened
    new = tmp_path / "new"
    shutil.copytree(PACK / "linkage", new)
    with (new / "tf_forename.csv").open("a") as file:
        file.write("zzz,0.000001\n")
    with pytest.raises(ModelMismatch):
        identity_models.adopt(Console(), new, "R. Example", "why not")
    files = {path.name: path.read_bytes() for path in new.iterdir() if path.suffix != ".sha256"}
    from models.linkage.model import content_hash

    (new / "model.sha256").write_text(content_hash(files) + "\n")
    with pytest.raises(HubProblem, match="no report"):
        identity_models.adopt(Console(), new, "R. Example", "a year more")
    present, digest = hub.linkage_model().digest, content_hash(files)
    report = hub.settings.root / "linkage" / f"shadow_{digest[:12]}.json"
    report.parent.mkdir()
    report.write_text(json.dumps({"model": digest, "present_model": "another"}))
    with pytest.raises(HubProblem, match="not in use"):
        identity_models.adopt(Console(), new, "R. Example", "a year more")
    report.write_text(json.dumps({"model": digest, "present_model": present}))
    with pytest.raises(HubProblem, match="sign-off needs somebody"):
        identity_models.adopt(Console(), new, " ", "a year more")
    assert hub.linkage_model().digest == present
    assert "signed by R. Example" in said(identity_models.adopt, new, "R. Example", "a year more")
    assert hub.linkage_model().digest == digest and isinstance(hub.linkage_model(), LinkageModel)
    assert con.sql("select model_digest, signed_by, used_by_night from linkage.sign_off").fetchall() == [
        (digest, "R. Example", None)
    ]
    assert "says R. Example" in said(identity_models.accept, "R. Example", "housing joined")
    assert [entry.what for entry in hub.store.audit.entries()] == ["identity.model_adopted", "identity.night_accepted"]
