"""Commands on the versions of a service in a project's folder."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from scoreline.cli.console import AsJson, out, print_facts, print_json, print_table, say
from scoreline.cli.project_option import ProjectOption, find_project

Service = Annotated[str, typer.Argument(help="The service's id.")]


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    group = typer.Typer(no_args_is_help=True, help="Freeze services into versions, and look at them.")
    group.command("create")(create)
    group.command("list")(list_)
    group.command("show")(show)
    group.command("diff")(diff)
    group.command("verify")(verify)
    app.add_typer(group, name="version")


def create(
    service: Service,
    id_: Annotated[str | None, typer.Option("--id", help="The version's id. Default: v1, v2, …")] = None,
    notes: Annotated[str, typer.Option("--notes", help="Release notes.")] = "",
    project: ProjectOption = None,
    as_json: AsJson = False,
) -> None:
    """Freeze a service into a new version.

    Its models and the rows of its lookups go along.
    """
    from scoreline.storage.workspace import Workspace
    from scoreline.studio.project_folder import open_project
    from scoreline.studio.versions import version_of

    folder = find_project(project)
    manifest = open_project(folder).create_version(service, id_, release_notes=notes, progress=say)
    stored = version_of(Workspace(folder), service, manifest.version)
    if as_json:
        print_json(stored)
        return
    say(f"{service} {manifest.version} is made: {stored.size:,} bytes, digest {manifest.digest[:12]}")
    out.print(stored.path, markup=False)
    say(f"next: scoreline publish {service} {manifest.version}")


def list_(service: Service, project: ProjectOption = None, as_json: AsJson = False) -> None:
    """List the versions of a service, oldest first."""
    from scoreline.storage.workspace import Workspace
    from scoreline.studio.versions import versions_of

    versions = versions_of(Workspace(find_project(project)), service)
    if as_json:
        print_json(versions)
        return
    rows = [
        (
            version.manifest.version,
            version.manifest.created_at,
            version.manifest.created_by,
            f"{version.size:,}",
            version.manifest.digest[:12],
            ", ".join(f"{name} {model.version}" for name, model in version.manifest.models.items()),
            version.manifest.release_notes,
        )
        for version in versions
    ]
    headings = ("version", "created", "by", "bytes", "digest", "models", "notes")
    print_table(headings, rows, empty=f"no version yet; next: scoreline version create {service}")


def show(
    service: Service,
    version: Annotated[str, typer.Argument(help="The version's id.")],
    project: ProjectOption = None,
    as_json: AsJson = False,
) -> None:
    """Show what is in a version and where it comes from."""
    from scoreline.storage.workspace import Workspace
    from scoreline.studio.versions import version_of

    stored = version_of(Workspace(find_project(project)), service, version)
    if as_json:
        print_json(stored)
        return
    manifest = stored.manifest
    facts: dict[str, object] = {
        "version": f"{manifest.service} {manifest.version} of project {manifest.project}",
        "created": f"{manifest.created_at} by {manifest.created_by}",
        "notes": manifest.release_notes or "-",
        "digest": manifest.digest,
        "archive": f"{stored.path} ({stored.size:,} bytes)",
        "endpoints": ", ".join(endpoint.id for endpoint in stored.service.endpoints),
    }
    for name, model in manifest.models.items():
        facts[f"model {name}"] = (
            f"{model.version}, {model.task}, {model.algorithm}; scorer {model.scorer}, compared on "
            f"{model.parity_rows:,} rows, greatest difference {model.parity_max_difference:g}"
        )
    for lookup in manifest.lookups.values():
        facts[f"lookup {lookup.dataset}"] = f"{lookup.rows:,} rows, digest {lookup.digest[:12]}"
    facts["libraries"] = ", ".join(f"{name} {number}" for name, number in manifest.libraries.items())
    print_facts(facts)


def diff(
    service: Service,
    old: Annotated[str, typer.Argument(help="The version before.")],
    new: Annotated[str, typer.Argument(help="The version after.")],
    project: ProjectOption = None,
    as_json: AsJson = False,
) -> None:
    """Show what changed between two versions.

    Endpoints, models, rows of lookups.
    """
    from scoreline.storage.workspace import Workspace
    from scoreline.studio.versions import differences, version_of

    workspace = Workspace(find_project(project))
    found = differences(version_of(workspace, service, old), version_of(workspace, service, new))
    if as_json:
        print_json(found)
        return
    rows = [(each.part, each.id, each.change, each.detail) for each in found]
    print_table(
        ("part", "id", "change", "detail"), rows, empty=f"{old} and {new} answer alike: nothing differs"
    )


def verify(
    file: Annotated[Path, typer.Argument(metavar="FILE.zip", help="A package archive.")],
    as_json: AsJson = False,
) -> None:
    """Check a package archive whole.

    Every file, every row, and the golden rows of its models.
    """
    from scoreline.studio.packaging import verify_package

    manifest = verify_package(file)
    if as_json:
        print_json(manifest)
    else:
        say(f"{manifest.service} {manifest.version} is sound: {len(manifest.files)} files, {manifest.digest}")
