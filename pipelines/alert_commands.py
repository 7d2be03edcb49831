"""`hub alert test` and `hub alert check`."""

from __future__ import annotations

import os
from datetime import UTC, datetime

import dagster as dg
from rich.console import Console
from rich.markup import escape

from pipelines.alert_channels import ChannelProblem, Message, channels
from pipelines.alerts import Alert, announce, how_many, standing_alerts
from pipelines.hub import Hub
from pipelines.run import prepare_dagster_home


def send_test(console: Console) -> bool:
    """Send one message by every channel there is; true when each took it."""
    hub = Hub.from_environment()
    name = hub.settings.name
    message = Message(
        name, f"[{name}] test message", f"A test of {hub.partnership.title}: nothing is wrong.", ("test",)
    )
    ways = channels(hub.settings)
    if not ways:
        console.print(
            "No channel is set: alerts go to alerts/alerts.jsonl alone. Set HUB_ALERT_SMTP_URL with HUB_ALERT_MAIL_TO, "
            "or HUB_ALERT_WEBHOOK (docs/service.md).",
            soft_wrap=True,
        )
    ok = True
    for way in ways:
        try:
            way.send(message)
            console.print(f"{way.name}: sent")
        except ChannelProblem as problem:
            console.print(f"[red]{escape(str(problem))}[/red]", soft_wrap=True)
            ok = False
    return ok


def check(console: Console) -> bool:
    """Print what needs somebody now and tell what was not told lately; true when there is nothing."""
    hub = Hub.from_environment()
    prepare_dagster_home(hub.settings)
    now = datetime.now(UTC)
    with dg.DagsterInstance.get() as instance:
        found = standing_alerts(hub, instance, now)
    for alert in found:
        console.print(escape(alert.sentence()), soft_wrap=True)
    told = announce(hub, found, lambda _: None, now)
    console.print(f"{how_many(len(found))} somebody, {len(told)} told now." if found else "Nothing needs anybody.")
    return not found


def service_failed(console: Console) -> None:
    """Tell once that a service failed; systemd names it in MONITOR_UNIT."""
    hub = Hub.from_environment()
    unit = os.environ.get("MONITOR_UNIT", "a service")
    why = f"{unit} failed. `journalctl -u {unit}` says why; a failed run has told its own story already."
    announce(hub, [Alert(f"service:{unit}", "The hub itself", why)], console.print, datetime.now(UTC))
