"""How deployments and their updates are shown at a terminal."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING

from scoreline.cli.console import out, print_facts, print_table, say

if TYPE_CHECKING:
    from scoreline.client.client import Client
    from scoreline.wire.control import Deployment, Update
    from scoreline.wire.control_traffic import DeploymentTraffic


def print_deployments(found: Iterable[Deployment]) -> None:
    """One line each, and what is wrong with them below."""
    listed = tuple(found)
    rows = [(one.id, one.service, one.infrastructure, one.live or "-", one.health.value) for one in listed]
    columns = ("deployment", "service", "infrastructure", "live", "health")
    print_table(columns, rows, empty="no deployment yet; make one: scoreline deploy SERVICE VERSION")
    for one in listed:
        for message in one.messages:
            out.print(f"{one.id}: {message}", markup=False)


def print_deployment(found: Deployment) -> None:
    """What is wanted, what answers, and one URL per endpoint and node."""
    facts: dict[str, object] = {
        "deployment": found.id,
        "service": found.service
        + (f", on the nodes {found.deployed_service}" if found.deployed_service != found.service else ""),
        "infrastructure": found.infrastructure,
        "live": found.live or "nothing",
    }
    if found.mapping is not None and found.mapping != found.live:
        facts["saved"] = f"{found.mapping} (scoreline update {found.id} brings it live)"
    if not found.enabled:
        facts["enabled"] = "no"
    if found.tags:
        facts["tags"] = ", ".join(found.tags)
    facts["health"] = found.health.value
    if found.live is None or found.version is not None:  # of several, what is wrong is told below
        facts.update({f"node {node}": version or "-" for node, version in found.serving.items()})
    print_facts(facts)
    for message in found.messages:
        out.print(message, markup=False)
    print_urls(found)


def print_urls(found: Deployment) -> None:
    """One URL per endpoint and node, each on a line of its own."""
    for endpoint in found.endpoints:
        for url in endpoint.urls:
            out.print(f"{url}/{'lookup' if endpoint.kind == 'lookup' else 'predict'}", markup=False)


def print_traffic(found: DeploymentTraffic) -> None:
    """One line for each generation."""
    rows = [
        (
            name,
            one.requests,
            one.errors,
            one.requests_per_second,
            *map(_in_ms, (one.p50_milliseconds, one.p99_milliseconds)),
        )
        for name, one in found.generations.items()
    ]
    columns = ("generation", "queries", "errors", "a second", "p50 ms", "p99 ms")
    print_table(columns, rows, empty="no query yet")
    say(f"in the last {found.seconds:g} s")


def _in_ms(value: float | None) -> str:
    return "-" if value is None else f"{value:.3g}"


def print_updated(client: Client, update: Update) -> None:
    """What an update that has ended has brought."""
    does = f"answers with {update.to_mapping}" if update.enabled else "is disabled"
    say(f"{update.deployment} {does} ({how_long(update)} s)")
    print_deployment(client.deployment(update.deployment))


def print_history(found: Iterable[Update]) -> None:
    """One line per update, and why those failed that did."""
    listed = tuple(found)
    rows = [
        (
            one.id,
            one.by,
            at(one.started_at),
            one.from_mapping or "-",
            one.to_mapping,
            how_long(one),
            one.outcome.value,
        )
        for one in listed
    ]
    print_table(("no.", "by", "started", "from", "to", "s", "outcome"), rows, empty="no update yet")
    for one in listed:
        if one.message:
            out.print(f"{one.id}: {one.message}", markup=False)


def print_update(found: Update) -> None:
    """What an update was to bring, and how that ended."""
    facts: dict[str, object] = {
        "update": f"{found.id}, {found.kind.value}{', one node after the other' if found.rolling else ''}",
        "from": found.from_mapping or "nothing",
        "to": f"{found.to_mapping}{'' if found.enabled else ', disabled'}",
        "by": found.by,
        "started": at(found.started_at),
        "outcome": f"{found.outcome.value} after {how_long(found)} s" if found.finished_at else "RUNNING",
    }
    if found.message:
        facts["why"] = found.message
    print_facts(facts)


def at(moment: str) -> str:
    """A moment in local time, to the second."""
    return datetime.fromisoformat(moment).astimezone().strftime("%Y-%m-%d %H:%M:%S")


def how_long(update: Update) -> str:
    """Seconds, or a dash while it runs."""
    if update.finished_at is None:
        return "-"
    took = datetime.fromisoformat(update.finished_at) - datetime.fromisoformat(update.started_at)
    return f"{took.total_seconds():.1f}"
