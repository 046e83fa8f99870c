"""Nodes as the deployer sees them, whoever runs them, and calls to many of them at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol, TypeVar

from scoreline.deployer.node_api import NodeApi
from scoreline.errors import ScorelineError

T = TypeVar("T")
Check = Callable[[], None]
_MOST_AT_ONCE = 32


class Node(Protocol):
    """One node of an infrastructure. Everything but `start` and `stop` may be called from any thread."""

    @property
    def id(self) -> str:
        """Unique in its infrastructure."""

    @property
    def url(self) -> str:
        """Where it answers, without a slash at the end; empty when that is not known yet."""

    @property
    def pid(self) -> int | None:
        """Its process, when it is one of this machine and runs."""

    @property
    def api(self) -> NodeApi:
        """Its admin and user API. Raises Unavailable, saying why, while it is known to be down.

        A node that is not known to be down may be: then the calls raise Unavailable.
        """

    def start(self) -> None:
        """Begin to look after it. Returns at once; it need not be up."""

    def wait_up(self, seconds: float, going_on: Check = lambda: None) -> None:
        """Return when it answers. Raises Unavailable, saying why not, when it does not within that time.

        `going_on` is called again and again meanwhile, and may raise.
        """

    def stop(self) -> None:
        """Look after it no more, and end what `start` began. Waiting calls end with Unavailable."""


def on_each(nodes: Sequence[Node], call: Callable[[Node], T]) -> list[T | ScorelineError]:
    """Call all nodes at the same time: what each gave, or the error that it raised, in their order.

    So it takes as long as the slowest of them, and a node that is down keeps nobody from the others.
    """
    if len(nodes) <= 1:
        return [_outcome(call, node) for node in nodes]
    with ThreadPoolExecutor(min(len(nodes), _MOST_AT_ONCE), thread_name_prefix="nodes") as threads:
        return list(threads.map(lambda node: _outcome(call, node), nodes))


def _outcome(call: Callable[[Node], T], node: Node) -> T | ScorelineError:
    try:
        return call(node)
    except ScorelineError as error:
        return error
