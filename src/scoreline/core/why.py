"""Explanations: why something is as it is, as a chain from what is asked about to what nobody caused."""

from __future__ import annotations

from typing import Any, Literal

from msgspec import Struct

LinkKind = Literal[
    "mapping", "update", "version", "model_version", "run", "step", "trigger", "person", "hidden", "forgotten"
]


class Link(Struct, frozen=True, kw_only=True):
    """One thing of a chain. The next one, or several of the next ones together, caused it."""

    kind: LinkKind
    """`hidden`: who asks may not see it; `forgotten`: it is not kept any more."""
    id: str = ""
    """`fraud_detection-on-local`, the number of an update or a run, `RUN/STEP`, `SERVICE/VERSION`, a name."""
    said: str
    """What it is and why, in one sentence."""
    at: str | None = None
    """When: ISO 8601, UTC."""
    by: str = ""
    """Who did it."""
    path: str = ""
    """Where the control API tells it whole; empty: nowhere."""
    evidence: dict[str, Any] = {}
    """What shows it: values, columns, digests."""


class Explanation(Struct, frozen=True, kw_only=True):
    """The answer to one question."""

    asked: str
    """What was asked about: `mapping fraud_detection-on-local`, `run 3`, …"""
    chain: tuple[Link, ...]
    """What was asked about first, then what caused it, and so on."""
