"""The front door's night as its readers get it: references on a list, counts on a page, nothing about a child."""

from __future__ import annotations

import csv

import pandas as pd

from tests.demo_hub import DemoHub


def test_the_mart_tells_planted_losses_from_what_was_recorded(finished: DemoHub) -> None:
    lost = pd.read_parquet(finished.drops / "truth" / "lost_notification.parquet")
    with finished.zones.open("warehouse", read_only=True) as con:
        states = dict(con.execute("select state, count(*) from marts.notification_match group by all").fetchall())
    assert states["matched"] > 20 * len(lost)
    assert len(lost) - 1 <= states.get("lost", 0) + states.get("waiting", 0) <= len(lost) + 2


def test_lists_to_ask_by_hold_references_alone_and_are_logged(finished: DemoHub) -> None:
    with finished.zones.open("warehouse", read_only=True) as con:
        chased = dict(
            con.execute(
                "select agency, count(*) from marts.notification_match where is_to_chase group by all"
            ).fetchall()
        )
    files = {file.name for file in (finished.root / "outbox" / "front_door").glob("*")}
    assert files == {f"lost_{agency}_20261005.{form}" for agency in chased for form in ("csv", "html")}
    for agency, count in chased.items():
        file = finished.root / "outbox" / "front_door" / f"lost_{agency}_20261005.csv"
        with file.open(encoding="utf-8-sig", newline="") as handle:
            rows = list(csv.DictReader(handle))
        assert len(rows) == count
        assert list(rows[0]) == ["reference", "sent_on", "working_days", "kind", "place"]


def test_pages_are_offline_and_made_anew_on_request(finished: DemoHub) -> None:
    assurance = finished.root / "assurance"
    page = (assurance / "front_door.html").read_text(encoding="utf-8")
    quarter = (assurance / "shrink_together_2026Q3.html").read_text(encoding="utf-8")
    for text in (page, quarter):
        assert "http:" not in text and "https:" not in text and "<script" not in text
    assert str(assurance / "shrink_together_2026Q3.html") in finished.execute("report", "quarter")
    assert (assurance / "shrink_together_2026Q3.html").read_text(encoding="utf-8") == quarter
