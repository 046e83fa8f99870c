"""Commands on a project's folder: make it, check it, describe it to editors, move it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from scoreline.cli import project_registry
from scoreline.cli.console import AsJson, out, print_json, say
from scoreline.cli.project_option import ProjectOption, find_project
from scoreline.errors import InvalidProject, NotFound

_INVALID = 4


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command("init")(init)
    app.command("check")(check)
    app.command("schema")(schema)
    group = typer.Typer(no_args_is_help=True, help="Export, import; those that a control plane knows.")
    group.command("export")(export)
    group.command("import")(import_)
    project_registry.register(group)
    app.add_typer(group, name="project")


def init(
    folder: Annotated[Path, typer.Argument(help="Where the project is to be: a new or an empty folder.")],
    template: Annotated[str, typer.Option(help="What to begin with: empty, real-time-apis.")] = "empty",
    id_: Annotated[str | None, typer.Option("--id", help="The project's id.")] = None,
    size: Annotated[Literal["small", "full"], typer.Option(help="How much data to generate.")] = "small",
    seed: Annotated[int, typer.Option(min=0, max=2**32 - 1, help="Where the random draws start.")] = 42,
    services: Annotated[
        bool, typer.Option(help="With the template's API services; without, they are yours to make.")
    ] = True,
    as_json: AsJson = False,
) -> None:
    """Make a project from a template."""
    from scoreline.studio.projects import create_project

    project = create_project(folder, template, id_=id_, size=size, seed=seed, services=services)
    if as_json:
        print_json({"project": project.settings.id, "folder": str(folder)})
        return
    say(f"project {project.settings.id!r} is in {folder}")
    say(f"next: scoreline {'build --all' if project.recipes else 'check'} --project {folder}")


def check(project: ProjectOption = None, as_json: AsJson = False) -> None:
    """Check a project and list all its problems.

    The exit code is 4 when there are any.
    """
    from scoreline.core.project import Kind
    from scoreline.storage.project_files import read_project

    folder = find_project(project)
    try:
        found = read_project(folder)
    except InvalidProject as error:
        _print_problems(error, as_json)
        raise typer.Exit(_INVALID) from error
    if as_json:
        print_json({"ok": True, "project": found.settings.id, "problems": []})
    else:
        counts = {kind.noun: len(found.of(kind)) for kind in Kind}
        listed = ", ".join(f"{n} {noun}{'s' if n > 1 else ''}" for noun, n in counts.items() if n)
        say(f"project {found.settings.id!r} is sound: {listed or 'nothing in it yet'}")


def schema(
    kind: Annotated[str | None, typer.Argument(help="project, datasets, recipes, services, …")] = None,
    write: Annotated[bool, typer.Option("--write", help="Write all into .schemas/ of the project.")] = False,
    project: ProjectOption = None,
    as_json: AsJson = False,
) -> None:
    """Print the JSON Schema of a kind of definition.

    Editors complete and check with it. Without a kind, list the kinds.
    """
    from scoreline.core.names import did_you_mean
    from scoreline.storage.project_schemas import SCHEMA_NAMES, json_schema, write_schemas

    if kind is not None and kind not in SCHEMA_NAMES:
        raise NotFound(f"there is no kind of definition {kind!r}; {did_you_mean(kind, SCHEMA_NAMES)}")
    if kind is not None and not write:
        print_json(json_schema(kind))
        return
    names = list(write_schemas(find_project(project)) if write else SCHEMA_NAMES)
    if as_json:
        print_json(names)
        return
    for name in names:
        out.print(name, markup=False)


def export(
    target: Annotated[Path, typer.Argument(metavar="FILE", help="The zip archive to write.")],
    project: ProjectOption = None,
    with_data: Annotated[
        bool, typer.Option("--with-data/--without-data", help="Whether the data files go along.")
    ] = True,
    as_json: AsJson = False,
) -> None:
    """Write a project as a zip archive.

    The same files give the same bytes.
    """
    from scoreline.studio.projects import export_project

    names = export_project(find_project(project), target, with_data=with_data)
    if as_json:
        print_json({"file": str(target), "files": names})
    else:
        say(f"{len(names)} files are in {target}")


def import_(
    source: Annotated[Path, typer.Argument(metavar="FILE", help="The zip archive to read.")],
    folder: Annotated[Path, typer.Argument(help="Where the project is to be: a new or an empty folder.")],
    as_json: AsJson = False,
) -> None:
    """Unpack a project from a zip archive.

    A hostile, damaged or unsound one is refused.
    """
    from scoreline.studio.projects import import_project

    imported = import_project(source, folder)
    if as_json:
        print_json({"project": imported.settings.id, "folder": str(folder)})
    else:
        say(f"project {imported.settings.id!r} is in {folder}")


def _print_problems(error: InvalidProject, as_json: bool) -> None:
    if as_json:
        listed = [
            {"file": problem.file, "line": problem.line, "message": problem.message}
            for problem in error.problems
        ]
        print_json({"ok": False, "problems": listed})
        return
    for problem in error.problems:
        out.print(str(problem), markup=False)
    say(f"{len(error.problems)} problem{'s' if len(error.problems) != 1 else ''}")
