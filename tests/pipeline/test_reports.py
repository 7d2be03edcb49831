"""After a real night: every agency has its report and reads of nobody else; the hub has its page."""

import re

import pandas as pd

from tests.demo_hub import DemoHub

_SHAPES = {
    "nhs number": rb"\b\d{10}\b",
    "upn": rb"\b[A-Z]\d{11}[0-9A-Z]\b",
    "postcode": rb"\bZM\d{1,2} ?\d[A-Z]{2}\b",
    "full name": rb"\b[A-Z][a-z'-]+ [A-Z][a-z'-]+\b",
}


def test_every_agency_reads_of_itself_alone_and_nobody_is_named(finished: DemoHub) -> None:
    world = pd.read_parquet(finished.drops / "world" / "person.parquet")
    names = {f"{a} {b}".encode() for a, b in zip(world.forename, world.surname, strict=True)}
    with finished.zones.open("warehouse", read_only=True) as con:
        files: dict[str, set[str]] = {}
        for agency, _feed, file in con.execute("select agency, feed, file_name from gate.drop_log").fetchall():
            files.setdefault(agency, set()).add(file)
    for agency, own in files.items():
        (page,) = (finished.root / "outbox" / agency).glob("data_quality_*.html")
        content = page.read_bytes() + page.with_suffix(".csv").read_bytes()
        others = {file for other, sent in files.items() if other != agency for file in sent} - own
        assert not [file for file in others if re.search(rf"(?<![\w]){re.escape(file)}".encode(), content)]
        assert all(file.encode() in content for file in own)
        for kind, shape in _SHAPES.items():
            found = set(re.findall(shape, content))
            assert not (found & names if kind == "full name" else found), f"{agency}: {len(found)} {kind}"
        assert page.stat().st_mode & 0o077 == 0


def test_the_hub_has_one_page_about_all_and_commands_say_where(finished: DemoHub) -> None:
    page = finished.root / "assurance" / "data_quality.html"
    assert "Agencies by week" in page.read_text(encoding="utf-8")
    assert str(page) in finished.run("report", "quality")
    assert "data_quality_" in finished.run("report", "supplier", "police")
    assert "no agency" in finished.run("report", "supplier", "nobody", fails=True)
