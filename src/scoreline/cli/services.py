"""Commands on published services and their versions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from scoreline.cli.arguments import ServiceArgument, VersionArgument, complete_services, complete_versions
from scoreline.cli.connection import connectable, connected
from scoreline.cli.console import AsJson, Yes, confirm, out, print_json, print_table, say
from scoreline.cli.deployment_view import at
from scoreline.cli.project_option import ProjectOption, find_project
from scoreline.cli.version_view import print_changes, print_version
from scoreline.errors import Invalid, NotFound

if TYPE_CHECKING:
    from scoreline.client.client import Client
    from scoreline.wire.control import Version


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command("publish")(publish)
    group = typer.Typer(no_args_is_help=True, help="Published services and their versions.")
    group.command("list")(list_services)
    group.command("create")(create)
    group.command("delete")(delete)
    group.command("versions")(versions)
    group.command("show")(show)
    group.command("diff")(diff)
    group.command("download")(download)
    group.command("delete-version")(delete_version)
    group.command("prune")(prune)
    app.add_typer(group, name="service")


@connectable
def publish(
    connect: Callable[[], Client],
    service: Annotated[str | None, typer.Argument(help="Which service of the project.")] = None,
    version: Annotated[str | None, typer.Argument(help="Which version. Default: the newest one.")] = None,
    file: Annotated[
        Path | None, typer.Option("--file", metavar="FILE", help="A package file instead.")
    ] = None,
    as_service: Annotated[
        str | None,
        typer.Option(
            "--as", metavar="ID", help="As a version of this service.", autocompletion=complete_services
        ),
    ] = None,
    project: ProjectOption = None,
    as_json: AsJson = False,
) -> None:
    """Publish a version of a service on the deployer.

    Doing it again changes nothing.
    """
    if (file is None) == (service is None):
        raise Invalid("name a service of the project, or a package with --file")
    archive = file if file is not None else _package(find_project(project), service or "", version)
    with connect() as client:
        published = client.publish(archive, service=as_service)
        deployed = [one.id for one in client.deployments(service=published.service)]
    if as_json:
        print_json(published)
        return
    size, digest = f"{published.size:,} bytes", f"digest {published.digest[:12]}"
    say(f"{published.service} {published.version} is published: {size}, {digest}")
    command = f"update {deployed[0]}" if deployed else f"deploy {published.service}"
    say(f"next: scoreline {command} {published.version}")


@connected
def list_services(client: Client, as_json: AsJson = False) -> None:
    """List the published services with their versions."""
    found = client.services()
    if as_json:
        print_json(found)
        return
    newest = [(one, one.versions[-1] if one.versions else None) for one in found]
    rows = [
        (
            one.id,
            len(one.versions),
            last.version if last else "-",
            f"{at(last.published_at)} by {last.published_by}" if last else "-",
        )
        for one, last in newest
    ]
    columns = ("service", "versions", "newest", "published")
    print_table(columns, rows, empty="nothing is published yet; begin with: scoreline publish SERVICE")


@connected
def create(
    client: Client,
    service: Annotated[str, typer.Argument(help="The id of the new service.")],
    as_json: AsJson = False,
) -> None:
    """Make a service without versions; publishing does so, too."""
    made = client.create_service(service)
    if as_json:
        print_json(made)
    else:
        say(f"service {made.id!r} is made; next: scoreline publish")


@connected
def delete(client: Client, service: ServiceArgument, yes: Yes = False, as_json: AsJson = False) -> None:
    """Delete a service without deployments."""
    found = client.service(service)
    confirm(f"delete service {found.id!r} with {len(found.versions)} versions for good", yes)
    client.delete_service(found.id)
    if as_json:
        print_json({"id": found.id})
    else:
        say(f"service {found.id!r} is deleted")


@connected
def versions(client: Client, service: ServiceArgument, as_json: AsJson = False) -> None:
    """List the versions of a service, oldest first."""
    found = client.service(service)
    if as_json:
        print_json(found.versions)
        return
    rows = [
        (one.version, f"{one.size:,}", one.digest[:12], at(one.published_at), one.published_by)
        for one in found.versions
    ]
    columns = ("version", "bytes", "digest", "published", "by")
    print_table(columns, rows, empty=f"{found.id} has no version yet; publish one")


@connected
def show(
    client: Client,
    service: ServiceArgument,
    version: Annotated[
        str | None,
        typer.Argument(help="Which version. Default: the newest.", autocompletion=complete_versions),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show a version: what is in it, who uses it, its notes."""
    found = client.version(service, version or _newest(client, service))
    if as_json:
        print_json(found)
    else:
        print_version(found)


@connected
def diff(
    client: Client,
    service: ServiceArgument,
    old: Annotated[str, typer.Argument(help="The version before.", autocompletion=complete_versions)],
    new: Annotated[
        str | None,
        typer.Argument(help="The version after. Default: the newest.", autocompletion=complete_versions),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show what changed from one version to another."""
    new = new or _newest(client, service)
    changes = client.version(service, new, compared_with=old).changes
    if as_json:
        print_json(changes)
    else:
        print_changes(changes, empty=f"{old} and {new} answer alike: nothing differs")


@connected
def download(
    client: Client,
    service: ServiceArgument,
    version: VersionArgument,
    target: Annotated[
        Path, typer.Option("--to", metavar="PATH", help="A file or a folder. Default: here.")
    ] = Path(),
    as_json: AsJson = False,
) -> None:
    """Download the package of a version."""
    path = client.download(service, version, target)
    if as_json:
        print_json({"path": str(path)})
    else:
        out.print(str(path), markup=False)


@connected
def delete_version(
    client: Client,
    service: ServiceArgument,
    version: VersionArgument,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Delete a version that no deployment needs."""
    confirm(f"delete {service} {version} for good", yes)
    client.delete_version(service, version)
    if as_json:
        print_json({"service": service, "version": version})
    else:
        say(f"{service} {version} is deleted")


@connected
def prune(
    client: Client,
    service: Annotated[
        str | None,
        typer.Argument(help="Of which service. Default: of all.", autocompletion=complete_services),
    ] = None,
    keep_last: Annotated[
        int, typer.Option("--keep-last", metavar="N", min=0, help="How many of the newest stay in any case.")
    ] = 1,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show which ones.")] = False,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Delete the versions that no deployment needs.

    One that a deployment uses, or could go back to, always stays.
    """
    found = client.prune(service, keep_last=keep_last, dry_run=True)
    if found and not dry_run:
        if not as_json:
            _print_pruned(found)
        confirm(f"delete {len(found)} version{'' if len(found) == 1 else 's'} for good", yes)
        found = client.prune(service, keep_last=keep_last)
    if as_json:
        print_json(found)
    elif dry_run or not found:
        _print_pruned(found)
    else:
        say(f"{len(found)} version{'' if len(found) == 1 else 's'} deleted")


def _newest(client: Client, service: str) -> str:
    found = client.service(service).versions
    if not found:
        raise NotFound(f"{service} has no version yet; publish one", code="no-such-version")
    return found[-1].version


def _print_pruned(found: Sequence[Version]) -> None:
    rows = [(one.service, one.version, f"{one.size:,}", at(one.published_at)) for one in found]
    print_table(("service", "version", "bytes", "published"), rows, empty="no version can go: all are needed")


def _package(folder: Path, service: str, version: str | None) -> Path:
    from scoreline.studio.project_folder import ProjectFolder

    return ProjectFolder(folder).package(service, version)
