"""ETags: a revision that the reader names again when he writes, so that no update is lost without a word."""

from __future__ import annotations

import hashlib
import re
from typing import Annotated, Any

import msgspec
from fastapi import Depends, Header
from starlette.requests import Request
from starlette.responses import Response

from scoreline.errors import Invalid
from scoreline.rest.bodies import answer

_LONGEST = 500
# A proxy that compresses makes a tag weak.
_TAG = re.compile(r'(?:W/)?"([0-9]{1,18})(?:\.[0-9a-f]+)?"')
_DIGEST_TAG = re.compile(r'(?:W/)?"([0-9a-f]{64})(?:\.[0-9a-f]+)?"')

_IfMatch = Annotated[
    str | None,
    Header(
        max_length=_LONGEST,
        description="The `ETag` of what was read; if somebody changed it since, nothing is done: 412.",
    ),
]


def _expected(if_match: _IfMatch = None) -> int | None:
    revision = _revision(if_match, _TAG)
    return None if revision is None else int(revision)


def _expected_digest(if_match: _IfMatch = None) -> str | None:
    return _revision(if_match, _DIGEST_TAG)


def _revision(if_match: str | None, tag: re.Pattern[str]) -> str | None:
    if if_match is None or if_match.strip() == "*":
        return None
    found = tag.fullmatch(if_match.strip())
    if found is None:
        raise Invalid("If-Match: give the `ETag` of what was read, or *", code="bad-parameter")
    return found[1]


Expected = Annotated[int | None, Depends(_expected)]
"""The revision that the caller has read; None: any."""

ExpectedDigest = Annotated[str | None, Depends(_expected_digest)]
"""The same, of what is kept in a file: the revision is its digest."""


def tagged(request: Request, value: Any, revision: int | str, status: int = 200) -> Response:
    """An answer with its ETag: the revision, and a digest of what is shown beside it.

    304 when the caller has exactly this already (`If-None-Match`). `If-Match` compares the revision only.
    """
    body = msgspec.json.encode(value)
    tag = f'"{revision}.{hashlib.blake2b(body, digest_size=6).hexdigest()}"'
    headers = {"ETag": tag, "Cache-Control": "no-cache"}
    if request.method == "GET" and tag in _tags(request.headers.get("if-none-match", "")):
        return Response(None, 304, headers)
    response = answer(msgspec.Raw(body), status)
    response.headers.update(headers)
    return response


def _tags(header: str) -> list[str]:
    return [tag.strip().removeprefix("W/") for tag in header.split(",")]
