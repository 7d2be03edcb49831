"""The night's two kinds of report: to every agency about its own files, to the hub about all of them.

Both say what the gate did, from the drop logs. They are made before the completion check: what a night took in stays
true when a later step of it fails, and that is when an agency most needs to be told.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path

import duckdb

from data_quality.drop import scan_folder
from data_quality.quality_page import QualityPage, quality_page
from data_quality.quality_page import page as quality_html
from data_quality.supplier_page import page as supplier_html
from data_quality.supplier_page import table as supplier_csv
from data_quality.supplier_report import LedTo, SupplierReport, supplier_report
from pipelines.clock import as_of_known_at, nightly_cutoff
from pipelines.hub import Hub
from pipelines.identity_kept import kept_since
from review.contributions import Contribution, contributions
from review.render import page_style

QUALITY_PAGE = "data_quality.html"
_LED_TO_WEEKS = 12
# As far back as the trend of a report goes; after that the trend is all that is worth keeping.
_KEPT = timedelta(days=56)
_STEM = "data_quality_"


@dataclass(frozen=True)
class Written:
    """A report and the files it stands in."""

    report: SupplierReport
    page: Path
    table: Path


def supplier_reports(con: duckdb.DuckDBPyConnection, hub: Hub, now: datetime) -> list[SupplierReport]:
    """The report of every agency that sends something, each read for itself.

    Args:
        con: `warehouse` and `quarantine` attached.
        now: the night's knowledge instant (naive UTC).
    """
    led = _led_to(con, hub, now)
    return [supplier_report_of(con, hub, agency, now, led) for agency in hub.agencies]


def supplier_report_of(
    con: duckdb.DuckDBPyConnection, hub: Hub, agency: str, now: datetime, led: Mapping[str, Contribution] | None
) -> SupplierReport:
    """The report of one agency; `led` is what all agencies' data led to, None before the first list."""
    mine = None if led is None else led.get(agency, Contribution())
    before = [night for night in nights_of(hub, agency) if nightly_cutoff(night) < now]
    return supplier_report(
        con,
        agency,
        hub.agencies[agency].title,
        hub.contracts,
        hub.code_sets,
        now,
        since=nightly_cutoff(before[-1]) if before else None,
        waiting=_waiting(hub, agency),
        led_to=None if mine is None else LedTo(_LED_TO_WEEKS, mine.listed, mine.noticed, mine.assessed),
    )


def write_supplier_reports(hub: Hub, reports: list[SupplierReport]) -> list[Written]:
    """Put each report into its agency's folder of the outbox, the night's own over again; old ones go."""
    written = []
    for report in reports:
        agency = hub.agencies[report.agency]
        folder = hub.settings.outbox / report.agency
        stem = folder / f"{_STEM}{report.night:%Y%m%d}"
        text = supplier_html(
            report,
            look=page_style(),
            owner=hub.partnership.title,
            contact=agency.contact.get("role", ""),
            hub_contact=", ".join(hub.partnership.data_team.values()) or "the hub",
            synthetic=_synthetic(hub),
        )
        written.append(Written(report, stem.with_suffix(".html"), stem.with_suffix(".csv")))
        _write(written[-1].page, text)
        # A spreadsheet takes a file without this mark for another encoding.
        _write(written[-1].table, "\ufeff" + supplier_csv(report))
        for night in nights_of(hub, report.agency):
            if night < report.night - _KEPT:
                for suffix in (".html", ".csv"):
                    (folder / f"{_STEM}{night:%Y%m%d}{suffix}").unlink(missing_ok=True)
    return written


def build_quality_page(con: duckdb.DuckDBPyConnection, hub: Hub, now: datetime) -> QualityPage:
    """The data-quality page at a night's knowledge instant; `identity`, `warehouse` and `quarantine` attached."""
    kept = kept_since(con, now)
    return quality_page(
        con,
        {name: agency.title for name, agency in hub.agencies.items()},
        {name: agency.whom_to_ring for name, agency in hub.agencies.items()},
        hub.contracts,
        now,
        quiet=hub.quiet_days,
        overrides=hub.overrides(),
        persons_kept=f"{kept[0][0].upper()}{kept[0][1:]}. {kept[1]}" if kept else "",
    )


def write_quality_page(hub: Hub, shown: QualityPage) -> Path:
    """Put the page into the assurance folder; returns its path."""
    target = hub.settings.root / "assurance" / QUALITY_PAGE
    _write(target, quality_html(shown, look=page_style(), owner=hub.partnership.title, synthetic=_synthetic(hub)))
    return target


def nights_of(hub: Hub, agency: str) -> list[date]:
    """The nights for which a report of the agency lies in the outbox, oldest first."""
    folder = hub.settings.outbox / agency
    return sorted(
        datetime.strptime(path.stem.removeprefix(_STEM), "%Y%m%d").date() for path in folder.glob(f"{_STEM}[0-9]*.html")
    )


def _led_to(con: duckdb.DuckDBPyConnection, hub: Hub, now: datetime) -> dict[str, Contribution] | None:
    sunday = as_of_known_at(now)
    if not hub.store.issued("weekly_list.v1"):
        return None

    def assessed(listed: Mapping[str, date]) -> Collection[str]:
        """Persons with an assessment that began after the Sunday they were listed for."""
        began = con.execute(
            "select person_key::varchar, max(started_on) from warehouse.marts.episode "
            "where episode_type = 'assessment' and person_key in (select unnest(?::uuid[])) "
            "and known_from <= ? and ? < known_to group by person_key",
            [list(listed), now, now],
        ).fetchall()
        return {person for person, started_on in began if started_on > listed[person]}

    return contributions(hub.store, sunday - timedelta(weeks=_LED_TO_WEEKS), sunday, assessed)


def _waiting(hub: Hub, agency: str) -> list[tuple[str, str, str]]:
    """(feed, file, why) of what lies in the agency's landing folders and is no complete drop."""
    found = []
    for contract in hub.contracts.values():
        folder = hub.settings.landing / agency / contract.feed
        if contract.agency == agency and folder.is_dir():
            _, waiting, _ = scan_folder(agency, contract.feed, folder)
            found += [(contract.feed, item.path.name, item.why) for item in waiting]
    return found


def _synthetic(hub: Hub) -> str:
    if hub.partnership.label is None:
        return ""
    return str(hub.declaration("wording.yml").get("statements", {}).get("synthetic", "Everything here is made up."))


def _write(target: Path, text: str) -> None:
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    partial = target.with_name(f".{target.name}.partial")
    partial.write_text(text, encoding="utf-8", newline="")
    partial.chmod(0o600)
    partial.replace(target)
