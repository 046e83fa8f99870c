"""Differences: what a node does for a deployment other than what is live."""

from __future__ import annotations

from scoreline.core.deployment import Deployment, same_mapping
from scoreline.deployer.observations import Observed


def difference(deployment: Deployment, one: Observed) -> str | None:
    """How a node differs from what is live, in words; None when it does not, or nothing is live yet."""
    service = deployment.deployed_service
    if deployment.leaving:
        return f"still holds {service!r}, which is being deleted" if service in one.services else None
    if deployment.live is None:
        return None
    answering = one.answering(service)
    if not deployment.live_enabled:
        return f"answers with {answering}, though the deployment is disabled" if answering else None
    if not same_mapping(answering, deployment.live):
        found = f"answers with {answering}" if answering else "does not answer for it"
        return f"{found}; {deployment.live} is wanted"
    for generation in deployment.live.generations:
        why = one.failures.get(f"{service}/{generation}")
        if why is not None:
            return f"cannot load {generation}: {why}"
    return None
