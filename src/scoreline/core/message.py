"""Messages of scenarios, as they are defined: mail, webhooks, Slack and Teams.

Their texts may hold `${…}`, which is replaced before they are sent. References to secrets may stand in URLs,
headers and `secret` alone, and are looked up when the message is sent.
"""

from __future__ import annotations

import re
from typing import Any, Literal

from msgspec import Struct, field

from scoreline.core.infrastructure import SecretReference

REFERENCE = re.compile(r"\$\{(env:[A-Za-z_][A-Za-z0-9_]{0,127}|secret:[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})\}")
"""A reference to a secret in a text."""


class Mail(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind", tag="mail"):
    """A mail, through the mail server of the control plane (setting `smtp_url`)."""

    to: tuple[str, ...]
    """Addresses, such as risk@example.com or Risk team <risk@example.com>."""
    from_: str = field(default="", name="from")
    """Who sends it; empty: the setting `smtp_from`."""
    subject: str = ""
    """Empty: which scenario, and how it fares."""
    text: str = ""
    """Empty: how the run fares and why, which steps failed, and how long it took."""


class Webhook(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind", tag="webhook"):
    """A request to a URL, with JSON."""

    url: str
    """http or https. A secret in it is referenced, never written: `${env:NAME}` is a variable of the control
    plane's environment, `${secret:NAME}` a file of that name in `message-secrets` of its home folder."""
    method: Literal["POST", "PUT"] = "POST"
    headers: dict[str, str] = {}
    """Headers to add; secrets in them are referenced, as in `Authorization: Bearer ${env:TOKEN}`."""
    body: Any = None
    """What is sent: any JSON, with `${…}` in its texts; nothing: the whole run."""
    secret: str = ""
    """A reference to the secret that the request is signed with (HMAC-SHA256, as Standard Webhooks say:
    headers `webhook-id`, `webhook-timestamp` and `webhook-signature`); empty: it is not signed."""


class SlackMessage(
    Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind", tag="slack"
):
    """A message to an incoming webhook of Slack, or of what understands the same."""

    url: str
    """Whoever knows it can write, so it is a secret: `${env:NAME}` or `${secret:NAME}`."""
    text: str = ""
    """In Slack's mrkdwn; what replaces `${…}` shows as it is. Empty: how the run fares."""


class TeamsMessage(
    Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind", tag="teams"
):
    """An adaptive card to a workflow of Teams that posts what it gets by webhook."""

    url: str
    """Whoever knows it can write, so it is a secret: `${env:NAME}` or `${secret:NAME}`."""
    title: str = ""
    """Empty: which scenario, and how it fares."""
    text: str = ""
    """In the Markdown of Teams; what replaces `${…}` shows as it is. Empty: how the run fares."""


Message = Mail | Webhook | SlackMessage | TeamsMessage


def references(text: str) -> tuple[SecretReference, ...]:
    """The references to secrets in a text, in order."""
    return tuple(SecretReference(found[1]) for found in REFERENCE.finditer(text))
