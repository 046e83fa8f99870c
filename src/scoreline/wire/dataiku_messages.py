"""Messages as clients of Dataiku write them: `messaging` of reporters, and of steps that send a report.

Their public sources say `type` and `configuration`; what stands in a configuration is called as we call it.
"""

from __future__ import annotations

from typing import Any, Literal

from msgspec import Struct

from scoreline.core.message import Mail, Message, SlackMessage, TeamsMessage, Webhook


class MailConfiguration(Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """A mail."""

    recipient: str | tuple[str, ...]
    """Addresses: with commas between, or as a list."""
    sender: str = ""
    subject: str = ""
    message: str = ""


class WebhookConfiguration(Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """A request."""

    webhook_url: str
    method: Literal["POST", "PUT"] = "POST"
    headers: dict[str, str] = {}
    body: Any = None
    secret: str = ""


class SlackConfiguration(Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """A message to Slack."""

    webhook_url: str
    message: str = ""


class TeamsConfiguration(Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """A card in Teams."""

    webhook_url: str
    title: str = ""
    message: str = ""


class MailMessaging(
    Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="type", tag="mail-scenario"
):
    """By mail."""

    configuration: MailConfiguration


class WebhookMessaging(
    Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="type", tag="webhook-scenario"
):
    """By a webhook."""

    configuration: WebhookConfiguration


class SlackMessaging(
    Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="type", tag="slack-scenario"
):
    """By Slack."""

    configuration: SlackConfiguration


class TeamsMessaging(
    Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="type", tag="msft-teams-scenario"
):
    """By Teams."""

    configuration: TeamsConfiguration


MessagingSettings = MailMessaging | WebhookMessaging | SlackMessaging | TeamsMessaging


def message_written(message: Message) -> MessagingSettings:
    """A message of ours."""
    match message:
        case Mail():
            plain = not any("," in address for address in message.to)
            return MailMessaging(
                configuration=MailConfiguration(
                    recipient=", ".join(message.to) if plain else message.to,
                    sender=message.from_,
                    subject=message.subject,
                    message=message.text,
                )
            )
        case Webhook():
            return WebhookMessaging(
                configuration=WebhookConfiguration(
                    webhook_url=message.url,
                    method=message.method,
                    headers=message.headers,
                    body=message.body,
                    secret=message.secret,
                )
            )
        case SlackMessage():
            return SlackMessaging(
                configuration=SlackConfiguration(webhook_url=message.url, message=message.text)
            )
        case TeamsMessage():
            return TeamsMessaging(
                configuration=TeamsConfiguration(
                    webhook_url=message.url, title=message.title, message=message.text
                )
            )


def message_read(messaging: MessagingSettings) -> Message:
    """A message of theirs."""
    match messaging:
        case MailMessaging(configuration=mail):
            given = mail.recipient.split(",") if isinstance(mail.recipient, str) else mail.recipient
            to = tuple(part for one in given if (part := one.strip()))
            return Mail(to=to, from_=mail.sender, subject=mail.subject, text=mail.message)
        case WebhookMessaging(configuration=hook):
            return Webhook(
                url=hook.webhook_url,
                method=hook.method,
                headers=hook.headers,
                body=hook.body,
                secret=hook.secret,
            )
        case SlackMessaging(configuration=slack):
            return SlackMessage(url=slack.webhook_url, text=slack.message)
        case TeamsMessaging(configuration=teams):
            return TeamsMessage(url=teams.webhook_url, title=teams.title, text=teams.message)
