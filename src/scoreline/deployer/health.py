"""Health: how a deployment does, from what is wanted and what was observed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from scoreline.core.deployment import Deployment, Health, Update, UpdateOutcome
from scoreline.deployer.observations import Observed


def assess(
    deployment: Deployment,
    last: Update | None,
    observed: Sequence[Observed],
    troubles: Mapping[str, str],
) -> tuple[Health, tuple[str, ...]]:
    """The health of a deployment, and messages a person can act on.

    `troubles`: node id -> why the reconciler could not bring the node to the wanted version.
    """
    messages = list(_of_last_update(last))
    if deployment.version is None:
        return Health.NO_STATUS, tuple(messages or ["it was never deployed"])
    right = 0
    answering = 0
    for one in observed:
        serving = one.services.get(deployment.service)
        answering += serving is not None
        right += serving == deployment.version
        if serving != deployment.version:
            messages.append(_of_node(deployment, one, serving, troubles.get(one.node.id)))
    if right and right == len(observed):
        return Health.HEALTHY, tuple(messages)
    if not observed:
        messages.append(f"infrastructure {deployment.infrastructure!r} has no node")
    return (Health.WARNING if answering else Health.ERROR), tuple(messages)


def _of_last_update(last: Update | None) -> list[str]:
    if last is None or last.outcome is UpdateOutcome.SUCCESS:
        return []
    if last.outcome is UpdateOutcome.RUNNING:
        return [f"an update to {last.to_version} is running"]
    return [f"the last update, to {last.to_version}, failed: {last.message}"]


def _of_node(deployment: Deployment, one: Observed, serving: str | None, trouble: str | None) -> str:
    if not one.node.up:
        return one.node.message
    found = f"answers with {serving}" if serving else "does not answer for it"
    message = f"node {one.node.id!r} {found}; {deployment.version} is wanted"
    why = trouble or one.failures.get(f"{deployment.service}/{deployment.version}")
    return f"{message}: {why}" if why else message
