"""A document as a page or a workbook: the same document always gives the same bytes.

Nothing is added here that the document does not say; the clock is not read. Keys, channels and references to runs
stay behind. `review.release` is the only caller that writes to disk.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from review.document import validate
from review.words import on_words
from review.workbook import workbook

_TEMPLATES = Path(__file__).parent / "templates"
FORMATS = {"weekly_list.v1": ("html", "xlsx"), "notice.v1": ("html",), "subject_list.v1": ("html",)}


class RenderProblem(Exception):
    """The document cannot be rendered in the form asked for."""


def render(document: Mapping[str, Any], form: str) -> bytes:
    """The product as bytes.

    Args:
        document: a valid `weekly_list.v1`, `notice.v1` or `subject_list.v1` document.
        form: "html", or "xlsx" for a weekly list.

    Raises:
        RenderProblem: there is no such form of this document.
        DocumentProblem: the document does not fit its schema or was changed.
    """
    validate(document)
    kind = str(document["schema"])
    if form not in FORMATS[kind]:
        raise RenderProblem(f"A {kind} document has the forms {', '.join(FORMATS[kind])}, not {form!r}.")
    if form == "xlsx":
        return workbook(document)
    template = _environment().get_template(f"{kind}.html.j2")
    return template.render(doc=document).encode()


def render_page(template: str, page: Mapping[str, Any]) -> str:
    """A page that is no frozen document: the night's aggregates, or references to ask after. Nothing about a person."""
    return _environment().get_template(f"{template}.html.j2").render(page=page)


def page_style() -> str:
    """The style sheet of every product, for pages that are made elsewhere and should look like them."""
    return (_TEMPLATES / "page.css").read_text(encoding="utf-8")


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["day"] = _day
    environment.filters["weekday"] = _weekday
    return environment


def _day(value: str | None) -> str:
    return on_words(date.fromisoformat(value)) if value else "date not recorded"


def _weekday(value: str) -> str:
    return on_words(date.fromisoformat(value), weekday=True)
