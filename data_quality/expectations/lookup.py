"""Frames that expectations look into, lent by key.

An expectation holds the key and never the frame: a suite is described in results and messages, and rows about people
are not.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import pandas as pd

_LENT: dict[str, pd.DataFrame] = {}


@contextmanager
def lent(frames: Mapping[str, pd.DataFrame]) -> Iterator[None]:
    """Lend frames to the expectations judged meanwhile."""
    _LENT.update(frames)
    try:
        yield
    finally:
        for key in frames:
            del _LENT[key]


def looked_up(key: str) -> pd.DataFrame:
    """The frame lent under a key.

    Raises:
        KeyError: none is.
    """
    return _LENT[key]
