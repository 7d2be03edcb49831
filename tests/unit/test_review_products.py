"""Pages and workbooks: what they may not say, who may read them, and that nothing in them runs."""

from __future__ import annotations

import html
import io
import re
import zipfile
from datetime import date
from functools import cache
from html.parser import HTMLParser
from typing import Any

import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from review_samples import AS_OF, SETTINGS, candidate, compose, event, family_week, identities, key, pack_words, words

from review.compose import compose_lists
from review.document import content_of
from review.notices import compose_notices
from review.render import RenderProblem, render
from review.settings import ListSettings
from review.words import forbidden_in

# What belongs to people and places and may be any word ("Amber Green", "Greenfield").
OWN_WORDS = [part for who in identities().values() for part in (str(who["forename"]), str(who["surname"]))] + [
    "Greenfield Primary <School>"
]


@cache
def documents() -> dict[str, dict[str, Any]]:
    return compose()


def worker(name: str, role: str, since: str) -> dict[str, Any]:
    return {
        "episode_type": "involvement",
        "agency": "csc",
        "started_on": since,
        "team": "East Support",
        "worker_record_key": name,
        "organisation": role,
    }


def notice() -> dict[str, Any]:
    lead = [worker("pat", "ALLOCATED_SW", "2026-01-01")]
    shareable = candidate(1, exclusion_reason="open_cin", involvement=lead)
    for row in shareable["reasons"][0]["evidence"]:
        row["release"] = "shareable"
    (document,) = compose_notices(
        [shareable, candidate(2, sealed=True, exclusion_reason="open_cin", involvement=lead)],
        settings=SETTINGS,
        wording=words(),
        as_of=AS_OF,
        identities=identities(),
        professionals={"pat": {"name": "Pat O'Neill", "role": "Social worker"}},
    )
    return document


class Page(HTMLParser):
    """Visible text, tags with attributes, headings in order."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.text, self.tags, self.headings = [], [], []
        self._hidden = False
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.tags.append((tag, dict(attrs)))
        self._hidden = tag == "style"
        if re.fullmatch("h[1-6]", tag):
            self.headings.append(int(tag[1]))

    def handle_endtag(self, tag: str) -> None:
        self._hidden = False

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.text.append(data)

    def said(self) -> str:
        return " ".join(" ".join(self.text).split())


@cache
def pages() -> dict[str, str]:
    found = {f"list {team}": render(document, "html").decode() for team, document in documents().items()}
    return {**found, "notice": render(notice(), "html").decode()}


def cells(content: bytes) -> list[Any]:
    book = openpyxl.load_workbook(io.BytesIO(content))
    return [cell for sheet in book for row in sheet.iter_rows() for cell in row if cell.value is not None]


def without_own_words(text: str) -> str:
    for word in sorted(OWN_WORDS, key=len, reverse=True):
        text = text.replace(word, "Somebody")
    return text


@pytest.mark.parametrize("name", ["list north", "list south", "notice"])
def test_no_page_says_what_may_not_be_said(name: str) -> None:
    assert forbidden_in(without_own_words(Page(pages()[name]).said())) == []


@pytest.mark.parametrize("team", ["north", "south"])
def test_no_workbook_says_what_may_not_be_said(team: str) -> None:
    for cell in cells(render(documents()[team], "xlsx")):
        assert forbidden_in(without_own_words(str(cell.value))) == []


def test_every_product_says_what_absence_means_and_that_danger_is_referred_now() -> None:
    told = pack_words()["statements"]
    told["danger_now"] = words().statement("danger_now", SETTINGS.front_door)
    assert "01632 960999" in told["danger_now"]
    for text in pages().values():
        said = Page(text).said()
        for statement in ("danger_now", "absence", "synthetic", "purpose"):
            assert told[statement] in said
    book = {cell.value for cell in cells(render(documents()["north"], "xlsx"))}
    assert {told["danger_now"], told["absence"], told["synthetic"]} <= book


def test_pages_are_built_for_screen_readers() -> None:
    for text in pages().values():
        page = Page(text)
        tags = [tag for tag, _ in page.tags]
        assert ("html", {"lang": "en-GB"}) in page.tags
        assert page.headings[0] == 1
        assert page.headings.count(1) == 1
        assert all(after - before <= 1 for before, after in zip(page.headings, page.headings[1:], strict=False))
        assert tags.count("main") == 1
        assert tags[tags.index("body") + 1] == "a"
        assert all("scope" in attrs for tag, attrs in page.tags if tag == "th")
        ids = [attrs["id"] for _, attrs in page.tags if "id" in attrs]
        assert len(ids) == len(set(ids))
        targets = {attrs["href"][1:] for tag, attrs in page.tags if tag == "a"}
        labels = {attrs["aria-labelledby"] for _, attrs in page.tags if "aria-labelledby" in attrs}
        assert targets | labels <= set(ids)
        assert "<title>" in text


def test_pages_run_nothing_and_fetch_nothing() -> None:
    for text in pages().values():
        page = Page(text)
        assert not {"script", "link", "img", "iframe", "form", "object"} & {tag for tag, _ in page.tags}
        assert all(attrs["href"].startswith("#") for _, attrs in page.tags if "href" in attrs)
        assert not any(name.startswith("on") or name in {"src", "style"} for _, attrs in page.tags for name in attrs)
        assert "url(" not in text
        assert "@import" not in text
        assert "default-src 'none'" in text


def test_text_has_enough_contrast() -> None:
    def luminance(colour: str) -> float:
        channels = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
        linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    style = render(documents()["north"], "html").decode()
    found = dict(re.findall(r"--(ink|quiet|line|wash|link): (#[0-9a-f]{6})", style))
    for name, least in (("ink", 7), ("quiet", 7), ("link", 7), ("line", 3)):
        for ground in ("#ffffff", found["wash"]):
            assert (luminance(ground) + 0.05) / (luminance(found[name]) + 0.05) >= least or name == "line"


def test_an_agency_colour_never_stands_without_the_name() -> None:
    text = render(documents()["north"], "html").decode()
    badges = re.findall(r'<span class="agency agency-([a-z_]+)">([^<]*)</span>', text)
    assert badges
    assert all(words().agency(agency) == html.unescape(name) for agency, name in badges)
    assert text.count('class="agency') == len(badges)


def test_names_are_shown_as_they_are_and_run_nowhere() -> None:
    text = render(documents()["north"], "html").decode()
    assert "<b>Bold</b>" not in text
    said = Page(text).said()
    for name in (
        "=cmd|' /C calc'!A0 <b>Bold</b> & Sons",
        "Aisha O'Brien",
        "Łukasz Żółć-Smith",
        "Greenfield Primary <School>",
    ):
        assert name in said


@given(
    forename=st.text(st.characters(exclude_categories=["Cs"]), max_size=40),
    surname=st.text(st.characters(exclude_categories=["Cs"]), max_size=40),
    school=st.text(st.characters(exclude_categories=["Cs"]), max_size=60),
)
@settings(max_examples=30, deadline=None)
def test_any_name_whatever_gives_a_whole_page_and_workbook(forename: str, surname: str, school: str) -> None:
    who = {key("key one", "person", 0): {"forename": forename, "surname": surname, "birth_date": None}}
    (document,) = compose_lists(
        [candidate(0)],
        settings=ListSettings("northmere", "Northmere", {"north": 1}),
        wording=words(),
        as_of=AS_OF,
        identities=who,
        organisations={"100234": school},
    ).values()
    (child,) = document["families"][0]["children"]
    usual = {tag for tag, _ in Page(pages()["list north"]).tags}
    page = Page(render(document, "html").decode())
    assert {tag for tag, _ in page.tags} <= usual
    assert " ".join(child["name"].split()) in page.said()
    assert child["name"] in [cell.value for cell in cells(render(document, "xlsx"))]


def test_no_cell_is_a_formula_or_a_link() -> None:
    content = render(documents()["north"], "xlsx")
    found = cells(content)
    assert "=cmd|' /C calc'!A0 <b>Bold</b> & Sons" in {cell.value for cell in found}
    for cell in found:
        assert cell.data_type == "s", cell.coordinate
        assert cell.hyperlink is None
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        for name in archive.namelist():
            body = archive.read(name).decode()
            assert "<f>" not in body
            assert "hyperlink" not in body
    dangerous = [cell for cell in found if str(cell.value)[:1] in "=+-@"]
    assert dangerous
    assert all(cell.quotePrefix for cell in dangerous)


def test_decisions_are_chosen_from_a_list() -> None:
    document = documents()["north"]
    book = openpyxl.load_workbook(io.BytesIO(render(document, "xlsx")))
    sheet = book["Decisions"]
    heads = {cell.value: cell.column_letter for cell in sheet[1]}
    assert sheet.max_row == 1 + document["counts"]["listed"]
    by_range = {str(rule.sqref): rule for rule in sheet.data_validations.dataValidation}
    rule = by_range[f"{heads['Decision']}2:{heads['Decision']}{sheet.max_row}"]
    assert rule.type == "list"
    choices = book["Choices"]
    column, last = re.fullmatch(r"=?Choices!\$([A-Z])\$1:\$\1\$(\d+)", rule.formula1).groups()
    assert [choices[f"{column}{row}"].value for row in range(1, int(last) + 1)] == pack_words()["decisions"]
    assert choices.sheet_state == "hidden"
    reasons = book["Reasons"].data_validations.dataValidation
    assert [rule.type for rule in reasons] == ["list"]
    assert f"{heads['Family told?']}2:{heads['Family told?']}{sheet.max_row}" in by_range


def test_equal_documents_give_equal_bytes() -> None:
    for form in ("html", "xlsx"):
        again = compose(family_week("another key"), "another key")["north"]
        assert render(again, form) == render(documents()["north"], form)


def test_products_hold_no_key_and_no_channel() -> None:
    document = documents()["north"]
    keys = set()

    def collect(value: Any) -> None:
        for name, inner in value.items() if isinstance(value, dict) else enumerate(value):
            if isinstance(inner, dict | list):
                collect(inner)
            elif isinstance(name, str) and name.endswith("_key") and inner:
                keys.add(inner)

    collect(document)
    assert keys
    book = " ".join(str(cell.value) for cell in cells(render(document, "xlsx")))
    for text in (render(document, "html").decode(), book):
        assert not [one for one in keys if one in text]
        assert "da_cluster" not in text
        assert "model" not in Page(text).said().lower()


@pytest.mark.parametrize(
    "token", ["REFUGE-CANARY", "da_service", "19 September 2026", "2026-09-19", "Specialist service"]
)
def test_sealed_information_is_in_no_product(token: str) -> None:
    book = " ".join(str(cell.value) for cell in cells(render(documents()["north"], "xlsx")))
    for text in (*pages().values(), book):
        assert token not in text


def test_outside_the_hub_nothing_says_that_anything_is_sealed() -> None:
    said = Page(pages()["notice"]).said().lower()
    assert "specialist" not in said
    assert "3 domestic abuse notifications from the police" in said
    assert "there is new information from schools" in said
    assert "half-days" not in said
    assert "emergency department visit" not in said


def test_a_worker_reads_their_own_agencys_facts_plainly() -> None:
    def lines(**who: str) -> list[str]:
        one = candidate(1, involvement=[worker("pat", "ALLOCATED_SW", "2026-01-01")])
        own = [event("k", "csc", "contacts", "csc_contact", date(2026, 9, day), detail="3A") for day in (3, 9)]
        one["reasons"][0]["evidence"] += own
        one["reasons"][1]["evidence"] += own[:1]
        one["reasons"][2]["evidence"].append(
            event("k", "csc", "contacts", "csc_contact", date(2026, 9, 12), "sealed", detail="3A")
        )
        (document,) = compose_notices(
            [one],
            settings=SETTINGS,
            wording=words(),
            as_of=AS_OF,
            identities=identities(),
            professionals={"pat": {"name": "Pat O'Neill", **who}},
        )
        return [line["sentence"] for line in document["children"][0]["lines"]]

    own_first = lines()
    assert own_first[:2] == [
        "On 9 September 2026: Contact at the front door: from a GP.",
        "On 3 September 2026: Contact at the front door: from a GP.",
    ]
    assert all(sentence.startswith("There is new information from") for sentence in own_first[2:])
    assert not any("children's social care" in sentence for sentence in own_first)
    # Named in one agency's register, working for another: the register's rows are not theirs.
    of_another = lines(organisation="Northmere Family Help")
    assert not any("September" in sentence for sentence in of_another)
    assert "There is new information from children's social care." in of_another[-3]


def test_a_notice_of_others_news_says_at_least_what_the_own_agency_does() -> None:
    (document,) = compose_notices(
        [candidate(1, involvement=[worker("pat", "ALLOCATED_SW", "2026-01-01")])],
        settings=SETTINGS,
        wording=words(),
        as_of=AS_OF,
        identities=identities(),
        professionals={"pat": {"name": "Pat O'Neill"}},
    )
    assert document["children"][0]["lines"][0]["sentence"] == (
        "In your own agency's records: Named worker, since 1 January 2026."
    )


def test_a_notice_names_only_what_it_must() -> None:
    document = notice()
    assert document["worker"] == "Pat O'Neill"
    assert [child["name"] for child in document["children"]] == ["=cmd|' /C calc'!A0 <b>Bold</b> & Sons", "Amber Green"]
    assert "event_key" not in str(content_of(document))


def test_a_notice_without_a_worker_goes_to_the_team_on_duty() -> None:
    (document,) = compose_notices(
        [candidate(1, involvement=[], reasons=[])],
        settings=SETTINGS,
        wording=words(),
        as_of=AS_OF,
        identities=identities(),
    )
    assert document["worker"] == "Duty worker, North area team"
    assert document["children"][0]["lines"][0]["sentence"].startswith("New information came in")


def test_the_allocated_worker_is_told_before_others() -> None:
    rows = [
        worker("w1", "TEAM_MANAGER", "2026-09-01"),
        worker("w2", "ALLOCATED_SW", "2026-01-01"),
        worker("w3", "ALLOCATED_SW", "2026-05-01"),
    ]
    (document,) = compose_notices(
        [candidate(1, involvement=rows)],
        settings=SETTINGS,
        wording=words(),
        as_of=AS_OF,
        identities=identities(),
        professionals={f"w{number}": {"name": f"Worker {number}"} for number in (1, 2, 3)},
    )
    assert document["worker"] == "Worker 3"


def test_there_is_no_workbook_of_a_notice() -> None:
    with pytest.raises(RenderProblem, match="html"):
        render(notice(), "xlsx")
