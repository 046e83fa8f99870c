"""Health: how a deployment does, from what is wanted and what was observed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from scoreline.core.deployment import Deployment, Health, Update, UpdateOutcome, same_mapping
from scoreline.deployer.difference import difference
from scoreline.deployer.observations import Observed


def assess(
    deployment: Deployment,
    last: Update | None,
    observed: Sequence[Observed],
    *,
    troubles: Mapping[str, str],
    doubts: Mapping[str, str],
) -> tuple[Health, tuple[str, ...]]:
    """The health of a deployment, and messages a person can act on.

    `troubles`: node -> why the reconciler could not bring the node to what is wanted. `doubts`: node -> which
    test query it answers differently.
    """
    told = list(_of_last_update(last))
    wrong = [*_of_nodes(deployment, observed, troubles), *_of_what_is_saved(deployment, last)]
    if deployment.leaving:
        return Health.WARNING, ("it is being deleted", *wrong)
    if deployment.live is None:
        return Health.NO_STATUS, tuple(told or ["it was never deployed"])
    if not deployment.live_enabled:
        return Health.NO_STATUS, (*told, "it is disabled", *wrong)
    if not observed:
        wrong.append(f"infrastructure {deployment.infrastructure!r} has no node; add one")
    wrong += [f"node {node!r} answers differently: {doubt}" for node, doubt in doubts.items()]
    messages = (*told, *wrong)
    if not any(_answers(deployment, one) for one in observed):
        return Health.ERROR, messages
    return (Health.WARNING if wrong else Health.HEALTHY), messages


def _answers(deployment: Deployment, one: Observed) -> bool:
    """Whether a node answers at all for a deployment, whatever it answers with."""
    answering = one.answering(deployment.deployed_service)
    return answering is not None and any(
        f"{deployment.deployed_service}/{generation}" not in one.failures
        for generation in answering.generations
    )


def _of_last_update(last: Update | None) -> Iterator[str]:
    if last is None or last.outcome is UpdateOutcome.SUCCESS:
        return
    if last.outcome is UpdateOutcome.RUNNING:
        yield f"an update to {last.to_mapping} is running"
    elif last.outcome is UpdateOutcome.CANCELLED:
        yield f"the last update, to {last.to_mapping}, was cancelled"
    else:
        yield f"the last update, to {last.to_mapping}, failed: {last.message}"


def _of_nodes(
    deployment: Deployment, observed: Sequence[Observed], troubles: Mapping[str, str]
) -> Iterator[str]:
    for one in observed:
        if not one.node.up:
            yield one.node.message
            continue
        found = difference(deployment, one)
        if found is not None:
            why = troubles.get(one.node.id) or _failure(deployment, one)
            message = f"node {one.node.id!r} {found}"
            yield f"{message}: {why}" if why and why not in found else message


def _failure(deployment: Deployment, one: Observed) -> str | None:
    if not one.failures:
        return None
    generations = deployment.live.generations if deployment.live else ()
    names = (f"{deployment.deployed_service}/{generation}" for generation in generations)
    return next((one.failures[name] for name in names if name in one.failures), None)


def _of_what_is_saved(deployment: Deployment, last: Update | None) -> Iterator[str]:
    if last is not None and last.outcome is UpdateOutcome.RUNNING:
        return
    if deployment.live is not None and not same_mapping(deployment.mapping, deployment.live):
        yield (
            f"the saved mapping, {deployment.mapping}, differs from what is live, {deployment.live}: update "
            f"the deployment, or save {deployment.live} again"
        )
    if deployment.live is not None and deployment.enabled != deployment.live_enabled:
        saved = "enabled" if deployment.enabled else "disabled"
        yield f"it is saved as {saved}, but that is not live: update the deployment"
