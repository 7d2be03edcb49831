"""Reviewers are blind to who proposed a child: no product tells it, and nothing is ordered by it."""

from __future__ import annotations

import io
import re

import openpyxl
import pytest

from review.document import finish
from review.render import render
from tests.unit.review_samples import compose, family_week

WORDS = re.compile(r"\b(model|channels?|machine|algorithm\w*)\b", re.IGNORECASE)


def listed(*channels: list[str]) -> dict:
    """The sample list with children proposed in these ways, in turn."""
    candidates = [dict(one, channel=channels[i % len(channels)]) for i, one in enumerate(family_week())]
    return compose(candidates)["north"]


def texts_of(workbook: bytes) -> list[str]:
    """Every cell of every sheet, hidden ones too, and the file's own properties."""
    book = openpyxl.load_workbook(io.BytesIO(workbook))
    cells = [str(c.value) for sheet in book for row in sheet.iter_rows() for c in row if c.value is not None]
    return [*cells, *(str(v) for v in vars(book.properties).values() if v), *book.sheetnames]


@pytest.mark.parametrize("form", ["html", "xlsx"])
def test_a_product_says_the_same_of_children_whoever_proposed_them(form):
    by_model, by_rules = listed(["model"]), listed(["an_incident_in_view"])
    # The order of families follows from the content's hash, in which the way takes part: compare what is said of each.
    said = []
    for document in (by_model, by_rules):
        content = render(document, form)
        lines = texts_of(content) if form == "xlsx" else re.findall(r">([^<>]+)<", content.decode())
        said.append(
            sorted(line.strip() for line in lines if document["content_hash"][:12] not in line and line.strip())
        )
    assert said[0] == said[1] and said[0]


@pytest.mark.parametrize("form", ["html", "xlsx"])
def test_no_product_names_a_way_of_choosing_a_child(form):
    document = listed(["model"], ["an_incident_in_view"], ["model", "an_incident_in_view"])
    content = render(document, form)
    lines = texts_of(content) if form == "xlsx" else re.findall(r"[^<>]+", content.decode())
    about = [line for line in lines if not any(line.strip() in basis for basis in document["basis"])]
    assert not [line for line in about if WORDS.search(line)]
    assert "an_incident_in_view" not in " ".join(lines)


def test_order_owes_nothing_to_the_way_but_the_draw_by_content():
    document = listed(["model"], ["an_incident_in_view"])
    ways = [child["channels"] for family in document["families"] for child in family["children"]]
    # Whichever family came first by choice, the printed order is that of its day and then of a digest.
    again = finish({**document, "families": list(reversed(document["families"]))})
    assert [f["ref"] for f in again["families"]] == [f["ref"] for f in document["families"]] and ways
