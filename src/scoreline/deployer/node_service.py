"""A service on one node: looked at, and changed by one action at a time. Every action may be repeated."""

from __future__ import annotations

from collections.abc import Callable

from scoreline.core.package import PublishedVersion
from scoreline.deployer.nodes import Check, Node
from scoreline.deployer.observations import observe_service
from scoreline.deployer.plan import (
    Action,
    Disable,
    Enable,
    Install,
    Preload,
    Remove,
    RemoveService,
    SeenService,
    Switch,
    WantedService,
    plan,
)
from scoreline.deployer.services import Services
from scoreline.deployer.test_queries import ask_test_queries
from scoreline.errors import Invalid, NotFound, Unavailable

Say = Callable[[str], None]

_MOST_ACTIONS = 200


class NodeService:
    """One published service, under the id by which one node serves it."""

    def __init__(self, node: Node, service: str, deployed_service: str, services: Services) -> None:
        self.node = node
        self._service = service
        self._id = deployed_service
        self._services = services

    def look(self) -> SeenService | None:
        """The service as it is; None when the node does not know it. Raises Unavailable."""
        return observe_service(self.node.api, self._id)

    def converge(self, wanted: WantedService | None, say: Say, going_on: Check) -> None:
        """Do the first action that is planned and look again, until there is none.

        `going_on` is called before each and may raise. Raises what the node raises, and Unavailable when an
        action that was done changed nothing.
        """
        done: Action | None = None
        for _ in range(_MOST_ACTIONS):
            actions = plan(wanted, self.look())
            if not actions:
                return
            if actions[0] == done:
                break
            going_on()
            self.act(actions[0], say)
            done = actions[0]
        raise Unavailable(f"after {done} the node is as it was before; its log may say why")

    def act(self, action: Action, say: Say) -> None:
        """Do one action."""
        api = self.node.api
        match action:
            case Install(generation):
                self._install(generation, say)
            case Preload(generation):
                api.preload(self._id, generation)
                say(f"{generation} loaded in every worker")
            case Switch(mapping):
                api.set_mapping(self._id, mapping)
                say(f"{mapping} answers")
            case Enable():
                api.enable(self._id)
                say("the service is enabled")
            case Disable():
                api.disable(self._id)
                say("the service is disabled")
            case Remove(generation):
                api.remove(self._id, generation)
                say(f"{generation} removed")
            case RemoveService():
                try:
                    api.remove_service(self._id)
                except NotFound:  # an answer that was lost on the way back
                    return
                say("the service is removed")

    def prove(self, generation: str, say: Say) -> None:
        """Ask a loaded generation its own test queries. Raises Invalid naming the first that fails."""
        version = self._services.version(self._service, generation)
        answers = ask_test_queries(self.node, version, self._id)
        failed = next((answer for answer in answers if not answer.passed), None)
        if failed is not None:
            name = f" ({failed.name})" if failed.name else ""
            query = f"test query {failed.number}{name} of endpoint {failed.endpoint!r}"
            raise Invalid(
                f"{generation}: {query} fails: {failed.message}",
                code="test-query-failed",
            )
        say(f"{generation}: {len(answers)} test queries passed")

    def recycle(self, say: Say) -> None:
        """Replace the node's workers one by one."""
        self.node.api.recycle()
        say("every worker was replaced")

    def _install(self, generation: str, say: Say) -> None:
        version = self._services.version(self._service, generation)
        with self._services.package(version, self._id) as (archive, sha256):
            installed = self.node.api.install(self._id, generation, archive, sha256)
        _check_same(installed.digest, version)
        say(f"{generation} installed, {version.size} bytes")


def _check_same(digest: str, version: PublishedVersion) -> None:
    if digest != version.manifest.digest:
        raise Unavailable(
            f"the node has another content as {version.manifest.version}; remove that generation from it"
        )
