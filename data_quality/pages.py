"""How pages of this package are rendered: one offline file, the look handed in, words and numbers as people write them.

The clock is not read: the same input gives the same bytes.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from data_quality.supplier_words import amount, day, local, moment, percent, weekday


def render(template: str, look: str, **context: Any) -> str:
    """A template of this package with its context.

    Args:
        look: the style sheet of the hub's products.
    """
    return str(_environment().get_template(template).render(look=look, **context))


@cache
def _environment() -> Any:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "amount": amount,
        "day": day,
        "moment": moment,
        "number": lambda value: f"{value:,}",
        "percent": percent,
        "short": lambda end: f"{local(end).day} {local(end):%b}",
        "weekday": weekday,
    }
    return environment
