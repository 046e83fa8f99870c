"""What a deployment and an infrastructure are, in the words of Dataiku's API deployer."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping

from scoreline.core.deployment import Deployment
from scoreline.core.infrastructure import Infrastructure
from scoreline.rest.permissions import Sight
from scoreline.wire.dataiku_deployer import DeploymentBasicInfo, InfraBasicInfo


def basic_info(deployment: Deployment) -> DeploymentBasicInfo:
    """A deployment."""
    return DeploymentBasicInfo(
        id=deployment.id,
        enabled=deployment.enabled,
        published_service_id=deployment.service,
        deployed_service_id=deployment.deployed_service,
        infra_id=deployment.infrastructure,
        tags=deployment.tags,
    )


def seen_deployments(seen: Sight, deployments: Iterable[Deployment]) -> list[Deployment]:
    """The deployments that a caller may see."""
    return [one for one in deployments if seen.deployment(one.service, one.infrastructure)]


def grouped(
    deployments: Iterable[Deployment], of: Callable[[Deployment], str]
) -> Mapping[str, tuple[DeploymentBasicInfo, ...]]:
    """Deployments by what `of` says of each; nothing for what has none."""
    groups: dict[str, list[DeploymentBasicInfo]] = defaultdict(list)
    for one in deployments:
        groups[of(one)].append(basic_info(one))
    return defaultdict(tuple, {name: tuple(members) for name, members in groups.items()})


def infra_info(infrastructure: Infrastructure) -> InfraBasicInfo:
    """An infrastructure."""
    return InfraBasicInfo(id=infrastructure.id, stage=infrastructure.stage, type=infrastructure.kind.upper())
