"""How an alert leaves the machine: by mail, by a post to a web address, or not at all.

Nothing is sent anywhere unless a setting names where to. Addresses may hold a password, so no message repeats them.
"""

from __future__ import annotations

import json
import smtplib
import socket
import urllib.request
from dataclasses import dataclass
from email.message import EmailMessage
from typing import Protocol
from urllib.parse import unquote, urlsplit

from pipelines.settings import Settings

_TIMEOUT_SECONDS = 15
_SMTP_PORTS = {"smtp": 25, "smtp+starttls": 587, "smtps": 465}


class ChannelProblem(Exception):
    """A message could not be handed over; says by which channel and what kind of trouble, never an address."""


@dataclass(frozen=True)
class Message:
    """What is sent: a subject line, plain text, and the causes in it as short keys."""

    partnership: str
    subject: str
    text: str
    causes: tuple[str, ...]


class Channel(Protocol):
    """A way to tell somebody."""

    name: str

    def send(self, message: Message) -> None:
        """Hand one message over.

        Raises:
            ChannelProblem: it was not taken.
        """


def channels(settings: Settings) -> list[Channel]:
    """The channels that settings name; none by default."""
    found: list[Channel] = []
    if settings.alert_smtp_url and settings.alert_mail_to:
        found.append(Mail(settings.alert_smtp_url.get_secret_value(), settings.alert_mail_to, settings.alert_mail_from))
    if settings.alert_webhook:
        found.append(Webhook(settings.alert_webhook.get_secret_value()))
    return found


class Mail:
    """Plain-text mail through a relay.

    Args:
        url: `smtp://host:25`, `smtp+starttls://user:password@host:587` or `smtps://user:password@host:465`.
        to: addresses, separated by commas.
        sender: the From address; by default this machine's.
    """

    name = "mail"

    def __init__(self, url: str, to: str, sender: str | None = None) -> None:
        self._where = urlsplit(url)
        self._to = [address.strip() for address in to.split(",") if address.strip()]
        self._sender = sender or f"safeguarding-hub@{socket.gethostname()}"

    def send(self, message: Message) -> None:
        """See `Channel`."""
        where = self._where
        if where.scheme not in _SMTP_PORTS or not where.hostname:
            raise ChannelProblem(
                f"mail: HUB_ALERT_SMTP_URL must begin with one of {', '.join(f'{one}://' for one in _SMTP_PORTS)} "
                "and name a host."
            )
        mail = EmailMessage()
        mail["Subject"], mail["From"], mail["To"] = message.subject, self._sender, ", ".join(self._to)
        mail["Auto-Submitted"] = "auto-generated"
        mail.set_content(message.text)
        connect = smtplib.SMTP_SSL if where.scheme == "smtps" else smtplib.SMTP
        try:
            port = where.port or _SMTP_PORTS[where.scheme]
            with connect(where.hostname, port, timeout=_TIMEOUT_SECONDS) as relay:
                if where.scheme == "smtp+starttls":
                    relay.starttls()
                if where.username:
                    relay.login(unquote(where.username), unquote(where.password or ""))
                relay.send_message(mail)
        except (OSError, ValueError) as problem:
            raise ChannelProblem(f"mail: the relay did not take it ({type(problem).__name__}).") from None


class Webhook:
    """A JSON post: `text` is what chat services show; the rest is for programs."""

    name = "webhook"

    def __init__(self, url: str) -> None:
        self._url = url

    def send(self, message: Message) -> None:
        """See `Channel`."""
        if urlsplit(self._url).scheme not in ("http", "https"):
            raise ChannelProblem("webhook: HUB_ALERT_WEBHOOK must be an http or https address.")
        body = {
            "text": f"{message.subject}\n\n{message.text}",
            "subject": message.subject,
            "partnership": message.partnership,
            "causes": list(message.causes),
        }
        request = urllib.request.Request(  # noqa: S310  the scheme is checked above
            self._url, data=json.dumps(body).encode(), headers={"Content-Type": "application/json"}, method="POST"
        )
        try:
            with urllib.request.urlopen(request, timeout=_TIMEOUT_SECONDS) as answer:  # noqa: S310
                answer.read(1)
        except (OSError, ValueError) as problem:
            raise ChannelProblem(f"webhook: the address did not take it ({type(problem).__name__}).") from None
