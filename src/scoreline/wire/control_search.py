"""Messages about search."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

FoundKindName = Literal[
    "project",
    "service",
    "endpoint",
    "model",
    "dataset",
    "scenario",
    "published-service",
    "deployment",
    "infrastructure",
    "recipe",
    "evaluation-store",
    "version",
    "user",
    "group",
]


class Found(Struct, frozen=True, kw_only=True):
    """One thing that fits what was asked for."""

    kind: FoundKindName
    """`service` and `endpoint` are of a project; `published-service`, `version` and `deployment` of the
    deployer."""
    id: str
    name: str
    description: str
    project: str
    """What it is in; empty: in none."""
    service: str
    infrastructure: str


class SearchResult(Struct, frozen=True, kw_only=True):
    """What was found, best first."""

    items: tuple[Found, ...]
    more: bool
    """Whether there is more than was asked for."""
