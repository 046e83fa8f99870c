"""Bringing one version of a service to one node: install, load, prove, switch. Each step may be repeated."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from scoreline.core.package import PublishedVersion
from scoreline.deployer.node_api import NodeApi
from scoreline.deployer.test_queries import ask_test_queries
from scoreline.errors import Invalid, Unavailable

Say = Callable[[str], None]


def prepare(node: NodeApi, version: PublishedVersion, archive: Path, say: Say) -> None:
    """Install and load a version beside the one that answers. The archive travels only if it is missing."""
    service, name = version.manifest.service, version.manifest.version
    held = {entry.generation: entry for entry in node.generations(service)}
    if name in held and held[name].digest == version.manifest.digest:
        say(f"{name} is on the node already")
    else:
        installed = node.install(service, name, archive)
        if installed.digest != version.manifest.digest:
            raise Unavailable(f"the node has another content as {name}; remove that generation from it")
        say(f"{name} installed, {version.size} bytes")
    node.preload(service, name)
    say(f"{name} loaded in every worker")


def prove(node: NodeApi, version: PublishedVersion, say: Say) -> None:
    """Ask a loaded version its own test queries. Raises Invalid naming the first that does not pass."""
    answers = ask_test_queries(node, version)
    failed = next((answer for answer in answers if not answer.passed), None)
    if failed is not None:
        raise Invalid(
            f"test query {failed.number} of endpoint {failed.endpoint!r} did not pass: {failed.message}",
            code="test-query-failed",
        )
    say(f"{len(answers)} test queries passed")


def switch(node: NodeApi, version: PublishedVersion, say: Say) -> None:
    """Let a version answer, and see that it does."""
    service, name = version.manifest.service, version.manifest.version
    node.switch(service, name)
    serving = node.readiness().services.get(service)
    if serving != name:
        raise Unavailable(f"the node answers with {serving or 'nothing'} after the switch to {name}")
    say(f"{name} answers")


def restore(node: NodeApi, service: str, version: str | None) -> None:
    """Let the version before answer again; None: nothing answered before."""
    if node.readiness().services.get(service) == version:
        return
    if version is None:
        node.disable(service)
    else:
        node.switch(service, version)
