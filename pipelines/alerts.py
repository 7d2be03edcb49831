"""Somebody is told when something needs them: which agency to ring, why, and what to do. Once, not every night.

What is told comes from records that hold nothing about a person: Dagster's history of a run, its checks, and
`assurance/feed_status.json`. Everything goes to `alerts/alerts.jsonl`; where else is said by the settings
(`pipelines/alert_channels.py`). The same cause is told again only after HUB_ALERT_EVERY_HOURS.

Whoever notices first sends: `hub run` when it ends, or a sensor of the Dagster daemon. They share one memory.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg

from pipelines.alert_channels import Channel, ChannelProblem, Message, channels
from pipelines.failures import DIED, Failure, failures_in_history
from pipelines.hub import Hub
from pipelines.problems import expected_problems

# A night starts at 02:00; whoever has not seen one end well by the next evening should look.
NIGHT_OVERDUE = timedelta(hours=40)
_HUB_ITSELF = "whoever looks after the hub"


@dataclass(frozen=True)
class Alert:
    """One thing that needs somebody.

    Attributes:
        cause: short key; the same cause is not told twice within HUB_ALERT_EVERY_HOURS.
        about: the agency's name, or the hub itself.
        why: one or two sentences.
        ring: role and telephone number of whom to ring.
    """

    cause: str
    about: str
    why: str
    ring: str = _HUB_ITSELF

    def sentence(self) -> str:
        """One paragraph for people."""
        return f"{self.about}: {self.why} Ring {self.ring}."


# -- what there is to tell --------------------------------------------------------------------------------------------


def alerts_of_run(hub: Hub, instance: dg.DagsterInstance, run: dg.DagsterRun) -> list[Alert]:
    """Everything a finished run leaves for people to do."""
    if run.status is dg.DagsterRunStatus.FAILURE:
        return [_of_failure(run, failure) for failure in failures_in_history(instance, run.run_id)]
    found = list(_of_checks(hub, instance, run.run_id))
    return [*(feed_alerts(hub) if run.job_name != "weekly" else []), *found]


def standing_alerts(hub: Hub, instance: dg.DagsterInstance, now: datetime) -> list[Alert]:
    """What needs somebody now, whatever ran last: feeds, the last night and week, and a night that never came.

    Args:
        now: the machine's time, UTC.
    """
    found = feed_alerts(hub)
    for job in ("nightly", "weekly"):
        for run in instance.get_runs(dg.RunsFilter(job_name=job), limit=1):
            found += [one for one in alerts_of_run(hub, instance, run) if one not in found]
    return [*found, *missed_night(hub, instance, now)]


def missed_night(hub: Hub, instance: dg.DagsterInstance, now: datetime) -> list[Alert]:
    """That no night has ended well for too long; not asked in the demo, where nights pass when somebody lets them."""
    if hub.partnership.clock != "wall":
        return []
    filters = dg.RunsFilter(job_name="nightly", statuses=[dg.DagsterRunStatus.SUCCESS])
    last = instance.get_run_records(filters, limit=1)
    ended = datetime.fromtimestamp(last[0].end_time or 0, UTC) if last else None
    if ended is not None and now - ended < NIGHT_OVERDUE:
        return []
    since = f"since {ended:%d %B %Y %H:%M} UTC" if ended else "yet"
    why = f"No night has ended well {since}. Look at the run page, or run `hub run nightly` by hand."
    return [Alert("no-night", "The hub itself", why)]


def feed_alerts(hub: Hub) -> list[Alert]:
    """Feeds as the last night left them: late though lists need them, newest file refused, or without an agreement."""
    path = hub.settings.root / "assurance" / "feed_status.json"
    if not path.is_file():
        return []
    found = []
    for feed in json.loads(path.read_text(encoding="utf-8")):
        name = f"{feed['agency']}__{feed['feed']}"
        about, ring = str(feed["agency_title"]), str(feed["contact"] or _HUB_ITSELF)
        since = f"last good file received {feed['last_good_load'][:16]} UTC" if feed["last_good_load"] else "none yet"
        if feed["no_agreement"]:
            why = f"{feed['feed']} is not read: its agreement is {feed['agreement']} (see its contract)."
            found.append(Alert(f"agreement:{name}", about, why, ring))
        elif feed["last_refusal"]:
            refusal = str(feed["last_refusal"])
            why = f"the newest file of {feed['feed']} was refused, older data stand. {refusal}"
            # Another file refused is another cause.
            found.append(Alert(f"refused:{name}:{hashlib.sha256(refusal.encode()).hexdigest()[:8]}", about, why, ring))
        elif feed["is_late"] and feed["required_for_list"]:
            why = f"{feed['feed']} is late ({since}), and lists need it. Ask when the next file comes."
            found.append(Alert(f"late:{name}", about, why, ring))
    return found


def _of_failure(run: dg.DagsterRun, failure: Failure) -> Alert:
    told = failure.kind in {one.__name__ for one in expected_problems()} | {"RunIncomplete", DIED}
    # Any other exception may quote what it choked on, so its words stay in the run's own page.
    words = failure.words if told else f"The run page says more ({failure.kind or 'no reason recorded'})."
    step = f" at the step {failure.step}" if failure.step else ""
    job = "run of chosen assets" if run.job_name.startswith("__") else f"{run.job_name} run"
    why = f"The {job} failed{step}; nothing was published, what was there stays. {words}"
    return Alert(f"failed:{run.job_name}:{failure.step}:{failure.kind}", "The hub itself", why)


def _of_checks(hub: Hub, instance: dg.DagsterInstance, run_id: str) -> Iterator[Alert]:
    """Checks of a run that failed with severity ERROR."""
    for entry in instance.all_logs(run_id, of_type=dg.DagsterEventType.ASSET_CHECK_EVALUATION):
        if entry.dagster_event is None:
            continue
        result = entry.dagster_event.asset_check_evaluation_data
        if result.passed or result.severity is not dg.AssetCheckSeverity.ERROR:
            continue
        agency = hub.agencies.get(result.asset_key.path[0])
        words = result.metadata.get("why") or result.metadata.get("status")
        why = (
            f"the check {result.check_name} of {result.asset_key.to_user_string()} is not passed. "
            f"{words.value if words else 'The check page says which rules.'}"
        )
        yield Alert(
            f"check:{result.asset_key.to_user_string()}:{result.check_name}",
            agency.title if agency else "The hub itself",
            why,
            (agency.whom_to_ring if agency else "") or _HUB_ITSELF,
        )


# -- telling ----------------------------------------------------------------------------------------------------------


def announce(
    hub: Hub, found: Iterable[Alert], say: Callable[[str], None], now: datetime, to: list[Channel] | None = None
) -> list[Alert]:
    """Tell what was not told lately; one message for all of it. Returns what was told.

    A channel that fails is said and recorded, never raised: an alert may not stop a run. When every channel fails the
    causes count as not told, so that the next occasion tries again.

    Args:
        now: the machine's time, UTC.
        to: default: as the settings say.
    """
    ways = channels(hub.settings) if to is None else to
    with _memory(hub.settings.root / "alerts") as (told_at, record):
        every = timedelta(hours=hub.settings.alert_every_hours)
        fresh = [one for one in found if now - told_at.get(one.cause, datetime.min.replace(tzinfo=UTC)) >= every]
        if not fresh:
            return []
        for alert in fresh:
            say(alert.sentence())
        problems = _send(ways, message_of(hub, fresh))
        for problem in problems:
            say(problem)
        for alert in fresh:
            record({"at": now.isoformat(timespec="seconds"), **vars(alert), "not_sent": problems})
            if not ways or len(problems) < len(ways):
                told_at[alert.cause] = now
        for cause in [cause for cause, at in told_at.items() if now - at >= every]:
            del told_at[cause]
    return fresh


def how_many(alerts: int) -> str:
    """
    >>> how_many(1), how_many(3)
    ('1 thing needs', '3 things need')
    """
    return "1 thing needs" if alerts == 1 else f"{alerts:,} things need"


def message_of(hub: Hub, alerts: list[Alert]) -> Message:
    """One plain message, agencies in the order of the alerts, each with whom to ring."""
    names = list(dict.fromkeys(alert.about for alert in alerts))
    lines: list[str] = []
    for name in names:
        mine = [alert for alert in alerts if alert.about == name]
        lines += [name, f"  Ring: {mine[0].ring}", *(f"  - {alert.why}" for alert in mine), ""]
    lines += [
        f"`hub status` shows every feed of {hub.partnership.title}. "
        f"The same is told again after {hub.settings.alert_every_hours:g} hours if it is still so.",
    ]
    shown = ", ".join(names[:3]) + (" and others" if len(names) > 3 else "")
    subject = f"[{hub.settings.name}] {how_many(len(alerts))} somebody: {shown}"
    return Message(hub.settings.name, subject, "\n".join(lines), tuple(alert.cause for alert in alerts))


def _send(ways: list[Channel], message: Message) -> list[str]:
    problems = []
    for way in ways:
        try:
            way.send(message)
        except ChannelProblem as problem:
            problems.append(str(problem))
    return problems


@contextmanager
def _memory(folder: Path) -> Iterator[tuple[dict[str, datetime], Callable[[dict[str, Any]], None]]]:
    """When each cause was last told, to be changed in the block, and a function that adds a line to the record."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with (folder / "told.json").open("a+", encoding="utf-8") as memory:
        fcntl.flock(memory, fcntl.LOCK_EX)
        memory.seek(0)
        text = memory.read()
        told_at = {cause: datetime.fromisoformat(at) for cause, at in json.loads(text or "{}").items()}

        def record(line: dict[str, Any]) -> None:
            with (folder / "alerts.jsonl").open("a", encoding="utf-8") as lines:
                lines.write(json.dumps(line, ensure_ascii=False) + "\n")

        yield told_at, record
        memory.seek(0)
        memory.truncate()
        json.dump({cause: at.isoformat() for cause, at in told_at.items()}, memory, indent=1)
