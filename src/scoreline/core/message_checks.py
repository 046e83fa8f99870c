"""What must hold for messages beyond their types. Complaints never hold a part of a URL or of a header."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from scoreline.core.complaint import Spot
from scoreline.core.message import REFERENCE, Mail, Message, SlackMessage, TeamsMessage, Webhook, references
from scoreline.core.names import shortened

MOST_RECIPIENTS = 100
MOST_HEADERS = 50
_LONGEST_URL = 2_000
_ADDRESS = re.compile(
    r"(?:[^<>@,;\"\\\x00-\x1f\x7f]{1,100} )?<?"
    r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9.-]{0,252}[A-Za-z0-9])?>?"
)
_PLACEHOLDER = re.compile(r"\$\{[^}]*\}")
_MEANT = re.compile(r"(?<!\$)\$\{\s*(?:env|secret|file)\s*:", re.IGNORECASE)
"""What was meant to be a reference, whether it is one or not."""
_TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}")
_OWN_HEADERS = (
    *("connection", "content-length", "expect", "host", "keep-alive", "te", "trailer", "transfer-encoding"),
    *("upgrade", "webhook-id", "webhook-signature", "webhook-timestamp"),
)
_SECRET_HEADERS = ("authorization", "cookie", "proxy-authorization", "x-api-key")
_WRITTEN = "write ${env:NAME} or ${secret:NAME}"


def message_spots(message: Message) -> Iterator[Spot]:
    """What is wrong in the definition of a message: where, and what."""
    match message:
        case Mail():
            yield from _mail_spots(message)
        case Webhook():
            yield from _url_spots(message.url)
            yield from _header_spots(message.headers)
            if message.secret and not REFERENCE.fullmatch(message.secret):
                yield ("secret",), f"a secret does not belong into a file; {_WRITTEN} in its place"
            yield from _text_spots(message.body, ("body",))
        case SlackMessage():
            yield from _url_spots(message.url)
            yield from _text_spots(message.text, ("text",))
        case TeamsMessage():
            yield from _url_spots(message.url)
            yield from _text_spots(message.title, ("title",))
            yield from _text_spots(message.text, ("text",))


def is_address(text: str) -> bool:
    """Whether a text is one mail address, with a name before it or without."""
    sound = _ADDRESS.fullmatch(text) is not None and text.isprintable()
    return sound and ("<" in text) == (">" in text) == (" " in text)


def wrong_header(name: str, value: str) -> str | None:
    """What is wrong in a header of a request, or None."""
    if not _TOKEN.fullmatch(name):
        return f"{shortened(name)} cannot be the name of a header"
    if name.lower() in _OWN_HEADERS:
        return f"{shortened(name)} is set by whoever sends the message"
    if not (value.isascii() and value.isprintable()):
        return f"{shortened(name)} is to be one line of ASCII characters"
    return None


def _header_spots(headers: dict[str, str]) -> Iterator[Spot]:
    if len(headers) > MOST_HEADERS:
        yield ("headers",), f"has more than {MOST_HEADERS}"
    for name, value in headers.items():
        at = ("headers", name)
        yield from _reference_spots(value, at)
        if (wrong := wrong_header(name, value)) is not None:
            yield at, wrong
        elif name.lower() in _SECRET_HEADERS and value and not references(value):
            yield at, f"a secret does not belong into a file; {_WRITTEN} in its place"


def _mail_spots(mail: Mail) -> Iterator[Spot]:
    if not mail.to:
        yield ("to",), "must list at least one address"
    if len(mail.to) > MOST_RECIPIENTS:
        yield ("to",), f"lists more than {MOST_RECIPIENTS} addresses; use one that passes mails on"
    for position, address in enumerate(mail.to):
        yield from _address_spots(address, ("to", position))
    if mail.from_:
        yield from _address_spots(mail.from_, ("from",))
    if len(mail.subject.splitlines()) > 1:
        yield ("subject",), "must be one line"
    yield from _text_spots(mail.subject, ("subject",))
    yield from _text_spots(mail.text, ("text",))


def _address_spots(address: str, at: tuple[str | int, ...]) -> Iterator[Spot]:
    if _MEANT.search(address):
        yield from _text_spots(address, at)
    elif not _PLACEHOLDER.search(address) and not is_address(address):
        yield at, f"{shortened(address)} is no mail address, such as risk@example.com"


def _url_spots(url: str) -> Iterator[Spot]:
    yield from _reference_spots(url, ("url",))
    if REFERENCE.match(url):
        return
    plain = _PLACEHOLDER.sub("x", url)
    try:
        parts = urlsplit(plain)
        sound = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # a port that is none, half an IPv6 address
        sound = False
    if not sound or len(url) > _LONGEST_URL or not plain.isascii() or not plain.isprintable() or " " in plain:
        yield ("url",), "must begin with http:// or https://, and name a host; or be a reference"
    elif parts.username is not None:
        yield ("url",), "must not hold a user; use the header Authorization, with a reference"
    elif not references(url) and _is_capability(plain):
        yield ("url",), f"whoever knows this URL can write, so it does not belong into a file; {_WRITTEN}"


def _reference_spots(text: str, at: tuple[str | int, ...]) -> Iterator[Spot]:
    if len(_MEANT.findall(text)) != len(references(text)):
        yield at, f"a reference cannot be understood; {_WRITTEN}"


def _is_capability(url: str) -> bool:
    """Whether a URL is one of those that let in whoever knows them."""
    parts = urlsplit(url)
    slack = parts.hostname in ("hooks.slack.com", "hooks.slack-gov.com")
    return (slack and len(parts.path) > 1) or re.search(r"(^|&)sig=[^&]", parts.query) is not None


def _text_spots(value: Any, at: tuple[str | int, ...]) -> Iterator[Spot]:
    """References to secrets where none is looked up."""
    if isinstance(value, str) and _MEANT.search(value):
        yield at, "a secret is for url, headers and secret only; it is looked up nowhere else"
    elif isinstance(value, dict):
        for key, one in value.items():
            yield from _text_spots(one, (*at, str(key)))
    elif isinstance(value, list | tuple):
        for position, one in enumerate(value):
            yield from _text_spots(one, (*at, position))
