"""What a person at the terminal sees while a run works: one line a step, as it happens.

The steps run inside Dagster and do not know who is watching; they call `tell`. The command line listens, the
scheduler does not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_listener: ContextVar[Callable[[str], None] | None] = ContextVar("progress_listener", default=None)


def tell(message: str) -> None:
    """Say what is being done now. Never a person's data."""
    listener = _listener.get()
    if listener:
        listener(message)


@contextmanager
def listening(listener: Callable[[str], None]) -> Iterator[None]:
    """Hand every message told inside the block to `listener`."""
    token = _listener.set(listener)
    try:
        yield
    finally:
        _listener.reset(token)
