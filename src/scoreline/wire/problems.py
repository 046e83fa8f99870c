"""The shape of an error between processes, and the one table from errors to HTTP status."""

from __future__ import annotations

import msgspec
from msgspec import Struct

from scoreline import errors

# The first family that matches counts; a code of the second table goes before it.
STATUS_BY_FAMILY: tuple[tuple[type[errors.ScorelineError], int], ...] = (
    (errors.NotFound, 404),
    (errors.Invalid, 400),
    (errors.Conflict, 409),
    (errors.NotAllowed, 403),
    (errors.Unavailable, 503),
    (errors.ScorelineError, 500),
)
STATUS_BY_CODE = {
    "unauthenticated": 401,
    "unknown-key": 401,
    "wrong-password": 401,
    "session-ended": 401,
    "method-not-allowed": 405,
    "request-timeout": 408,
    "stale-revision": 412,
    "body-too-large": 413,
    "unsupported-expectation": 417,
    "too-many-attempts": 429,
    "head-too-large": 431,
}
REASONS = {
    200: "OK",
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    408: "Request Timeout",
    409: "Conflict",
    413: "Content Too Large",
    417: "Expectation Failed",
    431: "Request Header Fields Too Large",
    500: "Internal Server Error",
    503: "Service Unavailable",
}
"""The status lines that the node sends."""

FAMILIES: dict[str, type[errors.ScorelineError]] = {
    family.__name__: family
    for family in (errors.NotFound, errors.Invalid, errors.Conflict, errors.NotAllowed, errors.Unavailable)
}


class Problem(Struct, frozen=True, kw_only=True, rename="camel"):
    """The body of every answer with a status from 400 on: always this one JSON object."""

    error_type: str
    """The family: NotFound, Invalid, Conflict, NotAllowed, Unavailable, Internal."""
    message: str
    detailed_message: str
    """The same text; clients made for Dataiku show this one."""
    code: str
    """Stable, for programs: `bad-json`, `no-such-endpoint`, …"""


INTERNAL = Problem(
    error_type="Internal",
    message="something went wrong inside; the server's log says what",
    detailed_message="something went wrong inside; the server's log says what",
    code="internal",
)

INTERNAL_BODY = msgspec.json.encode(INTERNAL)


def problem_of(error: errors.ScorelineError) -> Problem:
    """What a client is told about an error."""
    family = next((name for name, kind in FAMILIES.items() if isinstance(error, kind)), None)
    if family is None:
        return INTERNAL
    return Problem(error_type=family, message=error.message, detailed_message=error.message, code=error.code)


def status_of(error: errors.ScorelineError) -> int:
    """The HTTP status of an error."""
    if error.code in STATUS_BY_CODE:
        return STATUS_BY_CODE[error.code]
    return next(status for family, status in STATUS_BY_FAMILY if isinstance(error, family))


def encode_problem(error: errors.ScorelineError) -> tuple[int, bytes]:
    """Status and JSON body of an error."""
    return status_of(error), msgspec.json.encode(problem_of(error))


def raise_problem(problem: Problem) -> None:
    """Raise the error that `problem` was made of; an internal one becomes Unavailable."""
    family = FAMILIES.get(problem.error_type, errors.Unavailable)
    raise family(problem.message, code=problem.code)
