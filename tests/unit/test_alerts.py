"""Alerts: whom to ring and why, once, by mail and by post, and never a person's data."""

from __future__ import annotations

import http.server
import json
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest

from pipelines.alert_channels import ChannelProblem, Mail, Message, Webhook, channels
from pipelines.alerts import Alert, alerts_of_run, announce, feed_alerts
from pipelines.hub import Hub, HubProblem
from pipelines.settings import Settings

NOW = datetime(2026, 10, 5, 3, tzinfo=UTC)
LATE = Alert("late:police__ppn", "Police", "ppn is late.", "Public protection unit, 01632 960104")
MESSAGE = Message("northmere", "[northmere] 1 thing needs somebody: Police", "Police\n  - ppn is late.\n", ("late",))


class _Smtp(socketserver.StreamRequestHandler):
    """As much of a mail relay as a sender needs; keeps what it was given."""

    def handle(self) -> None:
        def say(line: str) -> None:
            self.wfile.write(f"{line}\r\n".encode())

        say("220 sink")
        while line := self.rfile.readline().decode().strip():
            if line.upper() == "DATA":
                say("354 go on")
                content = []
                while (part := self.rfile.readline().decode().rstrip("\r\n")) != ".":
                    content.append(part)
                self.server.got.append("\n".join(content))  # type: ignore[attr-defined]
            say("221 bye" if line.upper() == "QUIT" else "250 ok")


class _Http(http.server.BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        self.server.got.append(self.rfile.read(int(self.headers["Content-Length"])))  # type: ignore[attr-defined]
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Quiet."""


@contextmanager
def sink(handler: type[socketserver.BaseRequestHandler]) -> Iterator[tuple[int, list]]:
    """A server on a free port of this machine, and what it has got so far."""
    with socketserver.TCPServer(("127.0.0.1", 0), handler) as server:
        server.got = []  # type: ignore[attr-defined]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        yield server.server_address[1], server.got  # type: ignore[attr-defined]
        server.shutdown()


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Hub:
    monkeypatch.setenv("HUB_VAR", str(tmp_path))
    return Hub(Settings())


def test_a_mail_says_what_it_is_about() -> None:
    with sink(_Smtp) as (port, got):
        Mail(f"smtp://127.0.0.1:{port}", "on.call@northmere.example, head@northmere.example").send(MESSAGE)
    assert "Subject: [northmere] 1 thing needs somebody: Police" in got[0]
    assert "To: on.call@northmere.example, head@northmere.example" in got[0]
    assert "ppn is late." in got[0]


def test_a_post_has_text_for_people_and_causes_for_programs() -> None:
    with sink(_Http) as (port, got):
        Webhook(f"http://127.0.0.1:{port}/hook").send(MESSAGE)
    body = json.loads(got[0])
    assert body["causes"] == ["late"]
    assert "ppn is late." in body["text"]


@pytest.mark.parametrize(
    "channel",
    [
        Mail("smtp://user:hunter2@127.0.0.1:1", "a@northmere.example"),
        Mail("ftp://user:hunter2@relay", "a@northmere.example"),
        Webhook("http://user:hunter2@127.0.0.1:1/secret"),
        Webhook("file:///etc/hunter2"),
    ],
)
def test_trouble_with_a_channel_never_repeats_its_address(channel: Mail | Webhook) -> None:
    with pytest.raises(ChannelProblem) as problem:
        channel.send(MESSAGE)
    assert "hunter2" not in str(problem.value)


def test_nothing_leaves_by_default_and_settings_hide_their_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    assert channels(Settings()) == []
    monkeypatch.setenv("HUB_ALERT_WEBHOOK", "https://hunter2.example")
    assert [way.name for way in channels(Settings())] == ["webhook"]
    assert "hunter2" not in repr(Settings())


class Ear:
    """A channel that listens, and may be deaf."""

    name = "ear"

    def __init__(self, deaf: bool = False) -> None:
        self.deaf, self.heard = deaf, []

    def send(self, message: Message) -> None:
        if self.deaf:
            raise ChannelProblem("ear: nobody there.")
        self.heard.append(message)


def test_the_same_cause_is_told_once_in_its_hours_and_again_after(hub: Hub) -> None:
    ear = Ear()
    told = [announce(hub, [LATE], lambda _: None, NOW + timedelta(hours=h), [ear]) for h in (0, 1, 23, 24)]
    assert [len(one) for one in told] == [1, 0, 0, 1]
    other = Alert("refused:housing__person:1", "Housing", "refused.", "Housing options manager, 01632 960107")
    announce(hub, [LATE, other], lambda _: None, NOW + timedelta(hours=25), [ear])
    assert [message.causes for message in ear.heard] == [(LATE.cause,), (LATE.cause,), (other.cause,)]
    record = (hub.settings.root / "alerts" / "alerts.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["cause"] for line in record] == [LATE.cause, LATE.cause, other.cause]


def test_what_could_not_be_sent_is_said_and_tried_again(hub: Hub) -> None:
    said: list[str] = []
    announce(hub, [LATE], said.append, NOW, [Ear(deaf=True)])
    assert said == [LATE.sentence(), "ear: nobody there."]
    ear = Ear()
    assert announce(hub, [LATE], said.append, NOW + timedelta(minutes=1), [ear]) == [LATE]
    assert "01632 960104" in ear.heard[0].text


def test_feeds_that_need_somebody_are_told_with_whom_to_ring(hub: Hub) -> None:
    def feed(name: str, **changed: object) -> dict[str, object]:
        agency, short = name.split("__")
        return {
            "agency": agency, "agency_title": agency.title(), "feed": short, "last_good_load": "2026-10-01T18:00:00",
            "is_late": False, "no_agreement": False, "agreement": "valid", "required_for_list": False,
            "last_refusal": None, "contact": "somebody, 01632 960100", **changed,
        }  # fmt: skip

    folder = hub.settings.root / "assurance"
    folder.mkdir(parents=True)
    feeds = [
        feed("police__ppn", is_late=True, required_for_list=True),
        feed("police__missing", is_late=True),
        feed("housing__person", last_refusal="person_1.csv has 3 rows, 4 were announced."),
        feed("csc__send", no_agreement=True, agreement="expired"),
        feed("csc__person"),
    ]
    (folder / "feed_status.json").write_text(json.dumps(feeds), encoding="utf-8")
    found = {alert.cause.split(":")[0] + ":" + alert.cause.split(":")[1]: alert for alert in feed_alerts(hub)}
    assert set(found) == {"late:police__ppn", "refused:housing__person", "agreement:csc__send"}
    assert "01 " not in found["late:police__ppn"].why and "2026-10-01T18:00" in found["late:police__ppn"].why
    assert all("01632 960100" in alert.ring for alert in found.values())


@pytest.mark.parametrize(
    ("problem", "says"),
    [(HubProblem("The calendars end."), "The calendars end."), (ValueError("'Mary Bright' is no date"), "ValueError")],
)
def test_a_failed_run_says_why_in_its_own_words_only_where_those_are_written_for_people(
    hub: Hub, problem: Exception, says: str
) -> None:
    @dg.asset
    def gate_police() -> None:
        raise problem

    with dg.DagsterInstance.ephemeral() as instance:
        result = dg.materialize([gate_police], instance=instance, raise_on_error=False)
        run = instance.get_run_by_id(result.run_id)
        assert run is not None
        (alert,) = alerts_of_run(hub, instance, run)
    assert says in alert.why and "gate_police" in alert.why
    assert "Mary" not in alert.sentence()


def test_a_check_that_failed_as_an_error_names_its_agency(hub: Hub) -> None:
    @dg.asset(key=["police", "ppn"], check_specs=[dg.AssetCheckSpec("volume", asset=["police", "ppn"])])
    def ppn() -> dg.MaterializeResult:
        return dg.MaterializeResult(check_results=[dg.AssetCheckResult(passed=False, check_name="volume")])

    with dg.DagsterInstance.ephemeral() as instance:
        run = instance.get_run_by_id(dg.materialize([ppn], instance=instance).run_id)
        assert run is not None
        (alert,) = alerts_of_run(hub, instance, run)
    assert alert.about == "Police" and "volume" in alert.why and "01632 960104" in alert.ring
