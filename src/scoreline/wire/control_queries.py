"""Messages of the control API about queries to deployments."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from scoreline.wire.control import TestAnswer


class NewQueries(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Queries to ask a deployment."""

    queries: tuple[dict[str, Any], ...]
    """Each is the body of a call, such as {features: {…}} or {data: {…}}."""
    endpoint: str | None = None
    """None: its only one."""
    every_node: bool = False
    """Whether every node is asked, instead of the first that answers."""


class Answers(Struct, frozen=True, kw_only=True):
    """What nodes answered."""

    deployment: str
    answers: tuple[TestAnswer, ...]


class SavedQuery(Struct, frozen=True, kw_only=True):
    """A test query of what is live."""

    generation: str
    """Of which version it is."""
    endpoint: str
    kind: str
    """Of the endpoint: `prediction` or `lookup`."""
    number: int
    """Which of the endpoint's test queries, counted from 1."""
    name: str
    query: dict[str, Any]
    """The body of the call."""
    expects: bool
    """Whether it says what is to be answered."""
