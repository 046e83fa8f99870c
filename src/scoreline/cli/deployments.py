"""Commands on deployments: make, look at, settle, copy, promote and delete them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from scoreline.cli import deployment_queries, updates
from scoreline.cli.arguments import (
    DeploymentArgument,
    ServiceArgument,
    complete_infrastructures,
    complete_services,
    complete_versions,
)
from scoreline.cli.connection import connected
from scoreline.cli.console import AsJson, Yes, confirm, print_json, say
from scoreline.cli.deployment_view import print_deployment, print_deployments
from scoreline.cli.update_options import IdOption, MappingOption, NoWait, TagOption, run_update, shares

if TYPE_CHECKING:
    from scoreline.client.client import Client

OptionalVersion = Annotated[
    str | None,
    typer.Argument(help="One of its published versions.", autocompletion=complete_versions),
]
InfraOption = Annotated[
    str,
    typer.Option("--infra", metavar="ID", help="Where to.", autocompletion=complete_infrastructures),
]


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    group = typer.Typer(no_args_is_help=True, help="Deployments: services kept on infrastructures.")
    app.command("deploy")(create)
    group.command("list")(list_deployments)
    group.command("show")(show)
    group.command("create")(create)
    group.command("settings")(settings)
    group.command("enable")(enable)
    group.command("disable")(disable)
    updates.register(app, group)
    group.command("copy")(copy)
    group.command("promote")(promote)
    group.command("delete")(delete)
    deployment_queries.register(app, group)
    app.add_typer(group, name="deployment")


@connected
def create(
    client: Client,
    service: ServiceArgument,
    version: OptionalVersion = None,
    mapping: MappingOption = None,
    infrastructure: InfraOption = "local",
    id_: IdOption = None,
    deployed_service: Annotated[
        str | None,
        typer.Option("--as", metavar="ID", help="The id of the service on the nodes. Default: its own."),
    ] = None,
    tag: TagOption = None,
    disabled: Annotated[bool, typer.Option("--disabled", help="It is to refuse queries at first.")] = False,
    no_start: Annotated[
        bool, typer.Option("--no-start", help="Only make it; `scoreline update` brings it live.")
    ] = False,
    no_wait: NoWait = False,
    as_json: AsJson = False,
) -> None:
    """Deploy a published version, and wait until it answers.

    `deploy` and `deployment create` are the same.
    """
    wanted: dict[str, Any] = {
        "mapping": shares(mapping),
        "infrastructure": infrastructure,
        "id": id_,
        "deployed_service": deployed_service,
        "enabled": not disabled,
        "tags": tag or (),
    }
    if not no_start:
        run_update(client, client.deploy, service, version, no_wait=no_wait, as_json=as_json, **wanted)
        return
    made = client.create_deployment(service, version, **wanted)
    if as_json:
        print_json(made)
    else:
        say(f"deployment {made.id!r} is made; next: scoreline update {made.id}")


@connected
def list_deployments(
    client: Client,
    service: Annotated[
        str | None,
        typer.Option("--service", metavar="ID", help="Only those of this.", autocompletion=complete_services),
    ] = None,
    infrastructure: Annotated[
        str | None,
        typer.Option(
            "--infra", metavar="ID", help="Only those on this.", autocompletion=complete_infrastructures
        ),
    ] = None,
    stage: Annotated[str | None, typer.Option(metavar="ID", help="Only those in this stage.")] = None,
    contains: Annotated[
        str | None, typer.Option(metavar="TEXT", help="Only those with this in id, service or tags.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List the deployments with their health."""
    found = client.deployments(service=service, infrastructure=infrastructure, stage=stage, contains=contains)
    if as_json:
        print_json(found)
    else:
        print_deployments(found)


@connected
def show(client: Client, deployment: DeploymentArgument, as_json: AsJson = False) -> None:
    """Show one: what is wanted, what answers, and where."""
    found = client.deployment(deployment)
    if as_json:
        print_json(found)
    else:
        print_deployment(found)


@connected
def settings(
    client: Client,
    deployment: DeploymentArgument,
    version: Annotated[
        str | None,
        typer.Option("--version", metavar="ID", help="What is to answer.", autocompletion=complete_versions),
    ] = None,
    mapping: MappingOption = None,
    tag: TagOption = None,
    no_tags: Annotated[bool, typer.Option("--no-tags", help="Take all its tags away.")] = False,
    enabled: Annotated[
        bool | None, typer.Option("--enabled/--disabled", help="Whether it is to answer or to refuse.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Save what is to be live; the next update brings it.

    Tags are replaced whole. Without an option, show what is saved.
    """
    found = client.deployment(deployment)
    if any(given not in (None, False) for given in (version, mapping, tag, no_tags)) or enabled is not None:
        found = client.save_settings(
            deployment,
            version=version,
            mapping=shares(mapping),
            tags=() if no_tags else tag,
            enabled=enabled,
            revision=found.revision,
        )
    if as_json:
        print_json(found)
    else:
        print_deployment(found)


@connected
def enable(
    client: Client, deployment: DeploymentArgument, no_wait: NoWait = False, as_json: AsJson = False
) -> None:
    """Let a deployment answer again."""
    run_update(client, client.enable, deployment, no_wait=no_wait, as_json=as_json)


@connected
def disable(
    client: Client, deployment: DeploymentArgument, no_wait: NoWait = False, as_json: AsJson = False
) -> None:
    """Let a deployment refuse every query."""
    run_update(client, client.disable, deployment, no_wait=no_wait, as_json=as_json)


@connected
def copy(
    client: Client,
    deployment: DeploymentArgument,
    infrastructure: Annotated[str, typer.Argument(help="Where to.", autocompletion=complete_infrastructures)],
    id_: IdOption = None,
    no_wait: NoWait = False,
    as_json: AsJson = False,
) -> None:
    """Deploy the same on another infrastructure."""
    run_update(client, client.copy, deployment, infrastructure, id=id_, no_wait=no_wait, as_json=as_json)


@connected
def promote(
    client: Client,
    deployment: DeploymentArgument,
    infrastructure: Annotated[
        str | None,
        typer.Option(
            "--infra",
            metavar="ID",
            help="Which one of the next stage. Default: the one that has the service, or the only one.",
            autocompletion=complete_infrastructures,
        ),
    ] = None,
    no_wait: NoWait = False,
    as_json: AsJson = False,
) -> None:
    """Bring what is live to the next stage.

    The deployment of the service there is updated, or made.
    """
    run_update(client, client.promote, deployment, infrastructure, no_wait=no_wait, as_json=as_json)


@connected
def delete(
    client: Client,
    deployment: DeploymentArgument,
    ignore_errors: Annotated[
        bool, typer.Option("--ignore-errors", help="Also when a node cannot be cleaned now.")
    ] = False,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Delete a deployment, also from its nodes."""
    found = client.deployment(deployment)
    confirm(f"delete deployment {found.id!r} with its history; it would answer no more", yes)
    client.delete_deployment(found.id, ignore_errors=ignore_errors)
    if as_json:
        print_json({"id": found.id})
    else:
        say(f"deployment {found.id!r} is deleted")
