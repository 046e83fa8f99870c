"""A node that somebody else runs, known by its URL and the reference of its admin key."""

from __future__ import annotations

import threading
import time

from scoreline.core.infrastructure import StaticNode
from scoreline.deployer.node_api import NodeApi
from scoreline.deployer.nodes import Check
from scoreline.deployer.secrets import Secrets
from scoreline.errors import ScorelineError, Unavailable

_LOOK_EVERY = 0.1  # seconds
_MOST_KEYS = 3


class RemoteNode:
    """Calls to a node whose life is not ours. Its key is looked up anew for every use, as it may change."""

    def __init__(self, definition: StaticNode, secrets: Secrets) -> None:
        self.definition = definition
        self.id = definition.id
        self.url = definition.url
        self.pid = None
        self._secrets = secrets
        self._apis: list[tuple[str, NodeApi]] = []  # the last one counts
        self._making = threading.Lock()
        self._stopping = threading.Event()

    @property
    def api(self) -> NodeApi:
        """Its API. Raises Unavailable when its key is not there, or after `stop`."""
        key = self._secrets.reveal(self.definition.admin_key)
        with self._making:
            if self._stopping.is_set():
                raise Unavailable(f"node {self.id!r} belongs to no infrastructure any more", code="node-down")
            if not self._apis or self._apis[-1][0] != key:
                self._apis.append((key, NodeApi(self.id, self.url, key)))
                while len(self._apis) > _MOST_KEYS:  # those before are left to whoever is using them
                    self._apis.pop(0)[1].close()
            return self._apis[-1][1]

    def start(self) -> None:
        """Nothing: it runs, or somebody else will start it."""

    def wait_up(self, seconds: float, going_on: Check = lambda: None) -> None:
        """Ask until it answers."""
        deadline = time.monotonic() + seconds
        while True:
            going_on()
            try:
                self.api.readiness()
            except ScorelineError as error:
                if time.monotonic() > deadline or self._stopping.wait(_LOOK_EVERY):
                    raise Unavailable(
                        f"node {self.id!r} is not up: {error.message}", code="node-down"
                    ) from error
            else:
                return

    def stop(self) -> None:
        """Close the connections; the node itself goes on."""
        self._stopping.set()
        with self._making:
            for _, api in self._apis:
                api.close()
