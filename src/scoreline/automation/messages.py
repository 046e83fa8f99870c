"""Messages of scenarios on their way: by mail, or by HTTP to webhooks, Slack and Teams."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from scoreline.automation.mails import send_mail
from scoreline.automation.message_requests import post, signature
from scoreline.automation.message_secrets import MessageSecrets, Reveal
from scoreline.core.host_pattern import host_patterns
from scoreline.core.mail_server import MailServer, mail_server
from scoreline.core.message import REFERENCE, Mail, Message, SlackMessage, TeamsMessage, Webhook
from scoreline.core.message_checks import is_address, wrong_header
from scoreline.core.message_payload import slack_payload, teams_payload
from scoreline.errors import Invalid
from scoreline.settings import Settings

_HEADERS = {
    "accept-encoding": "identity",  # nothing is to be unpacked
    "content-type": "application/json",
    "user-agent": "scoreline",
}


class MessageSettings(Struct, frozen=True, kw_only=True):
    """What the control plane is set to, as far as messages go. Holds references, no secrets."""

    mail_server: MailServer | None = None
    mail_from: str = ""
    hosts: tuple[str, ...] = ()
    """Patterns of the hosts that messages may go to; none: all."""
    secrets: str = ""
    """The folder of the secrets that messages refer to."""

    def to_json(self) -> dict[str, Any]:
        """As plain JSON, for the process that sends."""
        plain: dict[str, Any] = msgspec.to_builtins(self)
        return plain


def message_settings(settings: Settings, secrets: Path) -> MessageSettings:
    """Read them from the settings. Raises Invalid, naming the one that cannot be."""
    if settings.smtp_from and not is_address(settings.smtp_from):
        raise Invalid("setting 'smtp_from': expected a mail address", code="bad-setting")
    return MessageSettings(
        mail_server=mail_server(settings.smtp_url) if settings.smtp_url else None,
        mail_from=settings.smtp_from or "",
        hosts=host_patterns(settings.message_hosts),
        secrets=str(secrets),
    )


@dataclass(frozen=True)
class Sender:
    """Sends messages whose texts are filled in already. Needs nothing but what it is given."""

    settings: MessageSettings
    reveal: Reveal
    trusted: ssl.SSLContext
    """Whose certificates are believed."""
    timeout: float = 30.0
    """Seconds for one message, from the first byte to the last."""

    def send(self, message: Message) -> str:
        """Send a message, once; gives a line for the log, without secrets: where it went.

        Raises Invalid for what cannot be sent, NotAllowed for a host that messages may not go to, Unavailable
        when a secret is not there or when it was not taken: perhaps it was, if it says that time ran out.
        """
        secrets = MessageSecrets(self.reveal)
        match message:
            case Mail():
                return self._mail(message, secrets)
            case Webhook():
                return self._webhook(message, secrets)
            case SlackMessage():
                body = msgspec.json.encode(slack_payload(message))
                return "Slack: " + self._channel(message.url, body, secrets)
            case TeamsMessage():
                body = msgspec.json.encode(teams_payload(message))
                return "Teams: " + self._channel(message.url, body, secrets)

    def _mail(self, mail: Mail, secrets: MessageSecrets) -> str:
        server = self.settings.mail_server
        if server is None:
            raise Invalid("there is no mail server; set SCORELINE_SMTP_URL for the control plane")
        return send_mail(
            mail,
            server,
            self.settings.mail_from,
            secrets=secrets,
            trusted=self.trusted,
            timeout=self.timeout,
        )

    def _webhook(self, message: Webhook, secrets: MessageSecrets) -> str:
        body = msgspec.json.encode(message.body)
        if message.secret and not REFERENCE.fullmatch(message.secret):
            raise Invalid("the secret of a webhook is a reference, such as ${env:NAME}")
        for name, value in message.headers.items():
            if (wrong := wrong_header(name, value)) is not None:
                raise Invalid(f"a header of the webhook: {wrong}")
        headers = {name: secrets.put_in(value) for name, value in message.headers.items()}
        if message.secret:
            headers |= signature(secrets.put_in(message.secret), body)
        return "webhook: " + self._post(message.method, message.url, body, headers, secrets)

    def _channel(self, url: str, body: bytes, secrets: MessageSecrets) -> str:
        secrets.guard_url(url)  # also where it was written down
        return self._post("POST", url, body, {}, secrets)

    def _post(
        self,
        method: str,
        url: str,
        body: bytes,
        headers: Mapping[str, str],
        secrets: MessageSecrets,
    ) -> str:
        return post(
            method,
            secrets.put_in(url),
            body,
            {**_HEADERS, **{name.lower(): value for name, value in headers.items()}},
            secrets=secrets,
            hosts=self.settings.hosts,
            trusted=self.trusted,
            timeout=self.timeout,
        )
