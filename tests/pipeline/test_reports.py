"""After a real night: every agency has its report and reads of nobody else; the hub has its page."""

import re

import pandas as pd

from tests.demo_hub import DemoHub

# Overlapping, so that no neighbour hides one.
_SHAPES = {
    "nhs number": rb"(?=(\d{10}))",
    "upn": rb"(?=([A-Z]\d{11}[0-9A-Z]))",
    "postcode": rb"(?=(ZM\d{1,2} ?\d[A-Z]{2}))",
    "full name": rb"(?=\b([A-Z][A-Za-z'-]+ [A-Z][A-Za-z'-]+))",
}


def test_every_agency_reads_of_itself_alone_and_nobody_is_named(finished: DemoHub) -> None:
    person = pd.read_parquet(finished.drops / "world" / "person.parquet")
    postcodes = set(pd.read_parquet(finished.drops / "world" / "address.parquet").postcode)
    personal = {
        "nhs number": set(person.nhs_number.dropna()),
        "upn": set(person.upn.dropna()),
        "postcode": postcodes | {postcode.replace(" ", "") for postcode in postcodes},
        "full name": {f"{a} {b}" for a, b in zip(person.forename, person.surname, strict=True)},
    }
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
            found = {match.decode() for match in re.findall(shape, content)} & personal[kind]
            assert not found, f"{agency}: {len(found)} {kind}"
        assert page.stat().st_mode & 0o077 == 0


def test_the_hub_has_one_page_about_all_and_commands_say_where(finished: DemoHub) -> None:
    page = finished.root / "assurance" / "data_quality.html"
    assert "Agencies by week" in page.read_text(encoding="utf-8")
    assert str(page) in finished.execute("report", "quality")
    assert "data_quality_" in finished.execute("report", "supplier", "police")
