"""Reports at a terminal: the same builders, read again for the night the files were written for."""

from __future__ import annotations

from rich.console import Console

from data_quality import quality_page, supplier_page
from pipelines.clock import nightly_cutoff
from pipelines.hub import Hub
from pipelines.reports import QUALITY_PAGE, build_quality_page, nights_of, supplier_report_of
from pipelines.shrink_together import declared, write_page


def tell_supplier(console: Console, agency: str) -> bool:
    """Print one agency's last report in short; true when there was one."""
    hub = Hub.from_environment()
    if agency not in hub.agencies:
        console.print(f"There is no agency {agency!r}: it is one of {', '.join(hub.agencies)}.")
        return False
    nights = nights_of(hub, agency)
    if not nights:
        console.print("No report has been made yet; `hub run nightly` makes one for every agency.")
        return False
    with hub.zones.open("warehouse", "quarantine", read_only=True) as con:
        report = supplier_report_of(con, hub, agency, nightly_cutoff(nights[-1]), None)
    console.print(f"[bold]{report.title}[/bold], night to {report.night:%A %d %B %Y}", soft_wrap=True)
    for line in supplier_page.summary(report):
        console.print(line, markup=False, soft_wrap=True)
    stem = hub.settings.outbox / agency / f"data_quality_{report.night:%Y%m%d}"
    console.print(f"{stem}.html\n{stem}.csv", markup=False, soft_wrap=True)
    return True


def tell_quality(console: Console) -> bool:
    """Print the data-quality page in short; true when there was one."""
    hub = Hub.from_environment()
    nights = [night for agency in hub.agencies for night in nights_of(hub, agency)]
    target = hub.settings.root / "assurance" / QUALITY_PAGE
    if not nights or not target.is_file():
        console.print("No page has been made yet; `hub run nightly` makes it.")
        return False
    with hub.zones.open("warehouse", "quarantine", "identity", read_only=True) as con:
        shown = build_quality_page(con, hub, nightly_cutoff(max(nights)))
    for line in quality_page.summary(shown):
        console.print(line, markup=False, soft_wrap=True)
    console.print(str(target), markup=False, soft_wrap=True)
    return True


def make_quarter(console: Console) -> bool:
    """Write the partners' page of the quarter that the marts stand at; true when there was something to write."""
    hub = Hub.from_environment()
    if not declared(hub):
        console.print("This partnership has no shrink_together.yml, so there is no such page.")
        return False
    with hub.zones.open("warehouse", read_only=True) as con:
        built = con.execute(
            "select count(*) from duckdb_tables() where schema_name = 'marts' and table_name = 'reporting_quarter'"
        ).fetchall()[0][0]
        page = write_page(con, hub) if built else None
    if page is None:
        console.print("Nothing has been counted yet; `hub run nightly` builds the marts.")
        return False
    console.print(str(page), markup=False, soft_wrap=True)
    return True
