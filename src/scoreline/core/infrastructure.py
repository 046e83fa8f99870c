"""Infrastructures: pools of API nodes, each in one stage of the lifecycle."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import NewType
from urllib.parse import SplitResult, urlsplit

from msgspec import Struct

from scoreline.core.names import check_id, shortened
from scoreline.errors import Invalid

SecretReference = NewType("SecretReference", str)
"""Where a secret is kept: `env:NAME`, `file:/path` or `secret:NAME`. Never the secret itself."""

LOCAL = "local"
"""Kind: the control plane starts and watches the nodes beside it. Also the id of the one made at first."""

STATIC = "static"
"""Kind: nodes that somebody else runs, known by URL and admin key."""

KINDS = (LOCAL, STATIC)
MOST_LOCAL_NODES = 32
MOST_STATIC_NODES = 500
_MOST_CONNECTIONS = 100
_LONGEST_URL = 1_000


class StaticNode(Struct, frozen=True, kw_only=True):
    """A node of a static infrastructure."""

    id: str
    url: str
    """Where its admin API and its user API begin; may have a path."""
    admin_key: SecretReference


class Infrastructure(Struct, frozen=True, kw_only=True):
    """A pool of API nodes with a lifecycle stage."""

    id: str
    stage: str = "Development"
    kind: str = LOCAL
    local_nodes: int = 1
    """Of kind local: how many nodes the control plane keeps running."""
    nodes: tuple[StaticNode, ...] = ()
    """Of kind static: its nodes."""
    public_url: str | None = None
    """Where clients reach the pool, when something stands before its nodes."""
    connections: dict[str, SecretReference] = {}
    """Connection name -> where its secret is kept."""
    revision: int = 1
    """Counts its changes."""


def local_node_ids(infrastructure: Infrastructure) -> tuple[str, ...]:
    """The ids of the nodes of a local infrastructure: its own id, then with -2, -3, …"""
    others = (f"{infrastructure.id}-{number}" for number in range(2, infrastructure.local_nodes + 1))
    return (infrastructure.id, *others)


def node_ids(infrastructure: str, given: Sequence[str | None]) -> tuple[str, ...]:
    """The ids of the nodes of a static infrastructure: a node without one gets the next free of -1, -2, …"""
    free = (name for number in itertools.count(1) if (name := f"{infrastructure}-{number}") not in given)
    return tuple(name or next(free) for name in given)


def base_url(text: str, what: str) -> str:
    """An http or https URL without a slash at its end. Raises Invalid, naming `what` it was to be."""
    parts = _split(text.strip())
    if parts is None or parts.username or parts.query or parts.fragment:
        raise Invalid(
            f"{shortened(text)} cannot be {what}: give http[s]://HOST[:PORT][/PATH]", code="bad-url"
        )
    return f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}"


def check_infrastructure(found: Infrastructure) -> None:
    """Raise Invalid, saying what, when something in an infrastructure cannot be."""
    check_id(found.id, "an infrastructure")
    if found.kind not in KINDS:
        raise Invalid(f"there is no kind {shortened(found.kind)} of infrastructure; use local or static")
    if not 1 <= found.local_nodes <= MOST_LOCAL_NODES:
        raise Invalid(f"a local infrastructure has 1 to {MOST_LOCAL_NODES} nodes")
    if found.kind == LOCAL and found.nodes:
        raise Invalid("a local infrastructure starts its nodes itself; say how many with local_nodes")
    if found.kind == STATIC and found.local_nodes != 1:
        raise Invalid("a static infrastructure starts no nodes; name those that it has")
    if len(found.nodes) > MOST_STATIC_NODES:
        raise Invalid(f"an infrastructure has at most {MOST_STATIC_NODES} nodes")
    for node in found.nodes:
        check_id(node.id, "a node")
    _check_once("node", [node.id for node in found.nodes])
    _check_once("URL", [node.url for node in found.nodes])
    if len(found.connections) > _MOST_CONNECTIONS:
        raise Invalid(f"an infrastructure has at most {_MOST_CONNECTIONS} connections")
    for name in found.connections:
        check_id(name, "a connection")


def _check_once(what: str, names: Sequence[str]) -> None:
    doubled = next((name for name in names if names.count(name) > 1), None)
    if doubled is not None:
        raise Invalid(f"{what} {shortened(doubled)} is given twice")


def _split(text: str) -> SplitResult | None:
    if len(text) > _LONGEST_URL or not text.isascii() or not text.isprintable() or " " in text:
        return None
    try:
        parts = urlsplit(text)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.port == 0:
            return None
    except ValueError:  # a port that is none, half an IPv6 address
        return None
    return parts
