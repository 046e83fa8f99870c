"""Messages by HTTP: one request, to one place, within its time."""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
import hmac
import logging
import ssl
import time
from collections.abc import Mapping, Sequence
from secrets import token_hex

import httpx

from scoreline.automation.message_secrets import MessageSecrets
from scoreline.core.host_pattern import is_allowed
from scoreline.errors import Invalid, NotAllowed, Unavailable

LONGEST_BODY = 1_000_000  # bytes
_LONGEST_ANSWER = 2_000
"""Bytes of an answer that are looked at."""
_SHOWN = 200

# They write whole URLs into logs, and a URL may be a secret.
for _noisy in ("httpx", "httpcore"):
    logging.getLogger(_noisy).setLevel(logging.WARNING)


def post(
    method: str,
    url: str,
    body: bytes,
    headers: Mapping[str, str],
    *,
    secrets: MessageSecrets,
    hosts: Sequence[str],
    trusted: ssl.SSLContext,
    timeout: float,
) -> str:
    """Send a request, and say who took it with which status.

    The URL and the headers hold their secrets already. Goes through proxies of the environment, follows no
    redirect, and reads no more of the answer than it tells of. Raises Invalid for what cannot be sent,
    NotAllowed for a host that messages may not go to, Unavailable when it was not taken.
    """
    to = _parsed(url)
    if not is_allowed(to.host, hosts):
        raise NotAllowed(
            f"messages may not go to {to.host}; the setting message_hosts says where they may go",
            code="host-not-allowed",
        )
    if len(body) > LONGEST_BODY:
        raise Invalid(f"a message has at most {LONGEST_BODY} bytes, and this one {len(body)}")
    if not all(value.isascii() and value.isprintable() for value in headers.values()):
        raise Invalid("a header of the message cannot be sent: it is one line of ASCII characters")
    place = _place(to)
    try:
        status, answer = asyncio.run(_sent(method, to, body, headers, trusted, timeout))
    except (TimeoutError, httpx.TimeoutException):
        raise Unavailable(f"{place} did not answer within {timeout:g} s", code="not-sent") from None
    except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as error:
        why = secrets.shown(" ".join(str(error).split()))[:_SHOWN] or type(error).__name__
        raise Unavailable(f"{place} cannot be reached: {why}", code="not-sent") from None
    if 200 <= status < 300:
        return f"{place} answered {status}"
    if 300 <= status < 400:
        raise Unavailable(
            f"{place} answered {status}: it sends elsewhere, where messages do not follow; "
            "give the URL where that ends",
            code="not-sent",
        )
    told = _told(secrets.shown(answer))
    raise Unavailable(f"{place} answered {status}" + (f": {told}" if told else ""), code="not-sent")


def signature(secret: str, body: bytes) -> dict[str, str]:
    """Headers by which the receiver knows who sent a body and when, as Standard Webhooks define them."""
    id_, moment = f"msg_{token_hex(12)}", str(int(time.time()))
    signed = hmac.new(_key(secret), f"{id_}.{moment}.".encode() + body, hashlib.sha256).digest()
    return {
        "webhook-id": id_,
        "webhook-timestamp": moment,
        "webhook-signature": "v1," + base64.b64encode(signed).decode("ascii"),
    }


async def _sent(
    method: str,
    to: httpx.URL,
    body: bytes,
    headers: Mapping[str, str],
    trusted: ssl.SSLContext,
    timeout: float,
) -> tuple[int, str]:
    answer = b""
    async with asyncio.timeout(timeout):
        client = httpx.AsyncClient(follow_redirects=False, timeout=timeout, verify=trusted)
        async with client, client.stream(method, to, content=body, headers=headers) as response:
            if not response.is_success:
                async for chunk in response.aiter_raw():
                    answer += chunk
                    if len(answer) >= _LONGEST_ANSWER:
                        break
            return response.status_code, answer[:_LONGEST_ANSWER].decode("utf-8", "replace")


def _parsed(url: str) -> httpx.URL:
    """The URL as it is used. Raises Invalid, never showing it."""
    try:
        found = httpx.URL(url)
        sound = found.scheme in ("http", "https") and bool(found.host) and not found.userinfo
        sound = sound and (found.port is None or 0 < found.port < 65_536)
    except (httpx.InvalidURL, ValueError, TypeError):
        sound = False
    if not sound or not url.isascii() or not url.isprintable():
        raise Invalid("the URL of the message is none: it begins with http:// or https://, and names a host")
    return found


def _place(url: httpx.URL) -> str:
    return url.netloc.decode("ascii", "replace")


def _told(answer: str) -> str:
    one_line = " ".join("".join(one if one.isprintable() else " " for one in answer).split())
    return one_line if len(one_line) <= _SHOWN else one_line[: _SHOWN - 1] + "…"


def _key(secret: str) -> bytes:
    if secret.startswith("whsec_"):
        try:
            return base64.b64decode(secret.removeprefix("whsec_"), validate=True)
        except binascii.Error:
            raise Invalid("the secret of the message is no base64 after whsec_") from None
    return secret.encode()
