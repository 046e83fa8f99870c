"""The mail server of a control plane, by URL. Its password is referenced, never written."""

from __future__ import annotations

import re
from typing import Literal
from urllib.parse import unquote

from msgspec import Struct

from scoreline.core.message import REFERENCE
from scoreline.errors import Invalid

_SCHEMES: dict[str, tuple[Literal["none", "starttls", "tls"], int]] = {
    "smtp": ("none", 25),
    "smtp+starttls": ("starttls", 587),
    "smtps": ("tls", 465),
}
_URL = re.compile(
    r"(?P<scheme>[a-z+]+)://"
    rf"(?:(?P<user>{REFERENCE.pattern}|[^:/]*):(?P<password>[^/]*)@)?"
    r"(?P<host>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9.-]+)(?::(?P<port>[0-9]{1,5}))?/?"
)
_LIKE = "write it like smtp+starttls://USER:${env:NAME}@HOST:587, smtps://… or smtp://HOST"


class MailServer(Struct, frozen=True, kw_only=True):
    """Where mails are handed in."""

    host: str
    port: int
    security: Literal["none", "starttls", "tls"]
    """Of the connection: none, TLS after a greeting in clear text, or TLS from the first byte."""
    user: str = ""
    """A name, or a reference to it; empty: nobody signs in."""
    password: str = ""
    """A reference."""

    @property
    def place(self) -> str:
        """Host and port, for messages."""
        return f"{self.host}:{self.port}"


def mail_server(url: str) -> MailServer:
    """The mail server that a URL names. Raises Invalid, never showing the URL: a password may be in it."""
    found = _URL.fullmatch(url)
    if found is None or found["scheme"] not in _SCHEMES or int(found["port"] or 1) not in range(1, 65_536):
        raise Invalid(f"setting 'smtp_url' cannot be understood; {_LIKE}", code="bad-setting")
    security, usual = _SCHEMES[found["scheme"]]
    user, password = unquote(found["user"] or ""), found["password"] or ""
    if password and not REFERENCE.fullmatch(password):
        raise Invalid(f"setting 'smtp_url': the password is to be a reference; {_LIKE}", code="bad-setting")
    if bool(user) != bool(password):
        raise Invalid(
            f"setting 'smtp_url': there is a user and a password, or neither; {_LIKE}", code="bad-setting"
        )
    if user and security == "none":
        raise Invalid(
            "setting 'smtp_url': smtp would send the password for all to read; use smtp+starttls or smtps",
            code="bad-setting",
        )
    return MailServer(
        host=found["host"].strip("[]"),
        port=int(found["port"] or usual),
        security=security,
        user=user,
        password=password,
    )
