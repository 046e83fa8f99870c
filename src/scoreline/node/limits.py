"""How much a node takes from a client, and how long it waits for one."""

from __future__ import annotations

from msgspec import Struct

from scoreline.errors import Invalid


class Limits(Struct, frozen=True, kw_only=True):
    """Sizes in bytes, times in seconds. Each worker keeps them by itself."""

    head: int = 64 * 1024
    """Request line and headers together."""
    body: int = 8 * 1024 * 1024
    """The body of a query."""
    held: int = 512 * 1024 * 1024
    """Of all queries that are not whole yet, together; what goes beyond is turned away with 503."""
    archive: int = 4 * 1024 * 1024 * 1024
    """The body of an upload of a package."""
    connections: int = 8_192
    """Open at once; one more is turned away with 503."""
    idle: float = 75.0
    """A connection without a request is closed after this time."""
    read: float = 20.0
    """A request that has begun must be whole after this time; in an upload something must come."""
    linger: float = 1.0
    """While draining: how long an idle connection may still send a last query."""
    drain: float = 10.0
    """While draining: how long running calls may still take."""
    silence: float = 10.0
    """A worker that leaves the supervisor without a sign for this time is ended and replaced."""


def long_head(limit: int) -> Invalid:
    """The error of a head of more bytes than that."""
    return Invalid(f"request line and headers exceed {limit} bytes", code="head-too-large")


def too_large(limit: int) -> Invalid:
    """The error of a body of more bytes than that."""
    return Invalid(f"the body exceeds {limit} bytes; send less at a time", code="body-too-large")


def too_slow(seconds: float) -> Invalid:
    """The error of a request that took longer."""
    return Invalid(f"the request was not whole after {seconds:g} seconds", code="request-timeout")
