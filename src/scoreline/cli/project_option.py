"""The `--project` option, and how a command finds the project it works on."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from scoreline.errors import NotFound

ProjectOption = Annotated[
    Path | None,
    typer.Option(
        "--project",
        metavar="FOLDER",
        help="The project's folder. Default: the current folder or the nearest one above it that holds one.",
    ),
]


def find_project(folder: Path | None) -> Path:
    """The project's folder: `folder`, or the nearest one from the current folder upwards.

    Raises NotFound when there is no `project.yaml`.
    """
    if folder is not None:
        if (folder / "project.yaml").is_file():
            return folder.resolve()
        raise NotFound(f"{str(folder)!r} is not a project: it holds no project.yaml", code="no-project")
    here = Path.cwd()
    for candidate in (here, *here.parents):
        if (candidate / "project.yaml").is_file():
            return candidate
    raise NotFound(
        "neither the current folder nor one above it holds a project.yaml; name a project with "
        "--project FOLDER, or make one: scoreline init FOLDER",
        code="no-project",
    )
