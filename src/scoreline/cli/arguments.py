"""Arguments that name things of a control plane; a shell completes them by asking it, briefly."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from scoreline.cli.connection import open_client, options_given

if TYPE_CHECKING:
    from scoreline.client.client import Client

_WITHIN = 1.0  # seconds for an answer, when a shell waits for it


def _completed(list_: Callable[[Client, typer.Context], Iterable[str]]) -> Callable[..., Sequence[str]]:
    def complete(ctx: typer.Context, incomplete: str) -> Sequence[str]:
        try:
            with open_client(*options_given(ctx.params), timeout=_WITHIN) as client:
                return sorted({name for name in list_(client, ctx) if name.startswith(incomplete)})
        except Exception:  # a shell that completes has nobody to tell
            return []

    return complete


def _versions(client: Client, ctx: typer.Context) -> Iterable[str]:
    service = ctx.params.get("service")
    if service is None and ctx.params.get("deployment"):
        service = client.deployment(ctx.params["deployment"]).service
    return [one.version for found in client.services() if found.id == service for one in found.versions]


complete_deployments = _completed(lambda client, _: [one.id for one in client.deployments()])
complete_services = _completed(lambda client, _: [one.id for one in client.services()])
complete_infrastructures = _completed(lambda client, _: [one.id for one in client.infrastructures()])
complete_stages = _completed(lambda client, _: [one.id for one in client.stages()])
complete_versions = _completed(_versions)
complete_endpoints = _completed(
    lambda client, ctx: [one.id for one in client.deployment(ctx.params["deployment"]).endpoints]
)

DeploymentArgument = Annotated[
    str, typer.Argument(help="Which deployment.", autocompletion=complete_deployments)
]
ServiceArgument = Annotated[
    str, typer.Argument(help="A published service.", autocompletion=complete_services)
]
VersionArgument = Annotated[
    str, typer.Argument(help="One of its published versions.", autocompletion=complete_versions)
]
EndpointArgument = Annotated[
    str, typer.Argument(help="Which of its endpoints.", autocompletion=complete_endpoints)
]
InfrastructureArgument = Annotated[
    str, typer.Argument(help="Which infrastructure.", autocompletion=complete_infrastructures)
]
StageArgument = Annotated[str, typer.Argument(help="Which stage.", autocompletion=complete_stages)]
