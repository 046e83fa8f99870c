"""Values of the deployer as the control API says them."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from scoreline.core.deployment import Update
from scoreline.core.infrastructure import Infrastructure
from scoreline.core.package import VersionSummary
from scoreline.deployer.observations import Observed
from scoreline.wire import control


def infrastructure_message(found: Infrastructure, observed: Sequence[Observed]) -> control.Infrastructure:
    """An infrastructure with its nodes as they were observed."""
    keys = {node.id: node.admin_key for node in found.nodes}
    return control.Infrastructure(
        id=found.id,
        stage=found.stage,
        kind=found.kind,
        nodes=tuple(
            msgspec.structs.replace(seen.node, admin_key=keys.get(seen.node.id)) for seen in observed
        ),
        public_url=found.public_url,
        connections=dict(found.connections),
        revision=found.revision,
    )


def update_message(update: Update) -> control.Update:
    """An update, with the versions that it is from and to where there is one each."""
    return control.Update(
        **msgspec.structs.asdict(update),
        from_version=update.from_mapping.version if update.from_mapping else None,
        to_version=update.to_mapping.version,
    )


def version_message(version: VersionSummary) -> control.Version:
    """A published version as lists show it."""
    return control.Version(
        service=version.service,
        version=version.version,
        project=version.project,
        digest=version.digest,
        size=version.size,
        release_notes=version.release_notes,
        created_by=version.created_by,
        created_at=version.created_at,
        published_by=version.by,
        published_at=version.at,
        models=version.models,
    )
