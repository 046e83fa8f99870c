"""Senders of messages for tests, and the secrets that they know."""

from __future__ import annotations

import ssl
from collections.abc import Mapping

from scoreline.automation.messages import MessageSettings, Sender
from scoreline.core.infrastructure import SecretReference
from scoreline.core.mail_server import mail_server
from scoreline.errors import Unavailable

FROM = "Scoreline <scoreline@bank.example>"


def sender(
    *,
    smtp: str | None = None,
    known: Mapping[str, str] | None = None,
    hosts: tuple[str, ...] = (),
    trusted: ssl.SSLContext | None = None,
    timeout: float = 60.0,
) -> Sender:
    """A sender with these secrets, by reference."""

    def reveal(reference: SecretReference) -> str:
        if reference not in (known or {}):
            raise Unavailable(f"the secret {reference!r} is not there", code="no-secret")
        return (known or {})[reference]

    settings = MessageSettings(mail_server=mail_server(smtp) if smtp else None, mail_from=FROM, hosts=hosts)
    return Sender(settings, reveal, trusted or ssl.create_default_context(), timeout)
