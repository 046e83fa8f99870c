"""Offers to go over to another protocol, which are ignored."""

from __future__ import annotations

from collections.abc import Mapping


def head_without_upgrade(method: bytes, url: bytes, headers: Mapping[bytes, bytes]) -> bytes:
    """The head of a request without its offer."""
    lines = [b"%b %b HTTP/1.1" % (method, url)]
    for name, value in headers.items():
        if name.lower() == b"connection":
            lines.append(b"Connection: " + (b"close" if b"close" in value.lower() else b"keep-alive"))
        elif name.lower() not in (b"upgrade", b"http2-settings"):
            lines.append(b"%b: %b" % (name, value))
    return b"\r\n".join(lines) + b"\r\n\r\n"
