"""A workspace for a dry run: the project's models and evaluations as they are, and room for what comes."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from scoreline.core.project import Project
from scoreline.storage.workspace import Workspace

_CACHES = shutil.ignore_patterns("__pycache__")


@contextlib.contextmanager
def scratch_workspace(project: Project, folder: Path) -> Iterator[Workspace]:
    """The workspace of a folder of its own, removed afterwards. What is written there is in no project."""
    with tempfile.TemporaryDirectory(prefix="scoreline-dry-run-") as made:
        scratch = Workspace(Path(made))
        _link_project(folder, scratch.project)
        real = Workspace(folder)
        for model in project.models:
            _link_model(real.model(model), scratch.model(model))
        for store in project.evaluation_stores:
            _link_all(real.evaluations(store), scratch.evaluations(store))
        scratch.root.mkdir(exist_ok=True)
        yield scratch


def _link_project(folder: Path, scratch: Path) -> None:
    """What Python recipes find around them. Python writes beside code that it loads: that is copied."""
    for path in folder.iterdir():
        if path.name.startswith("."):
            continue
        if path.is_dir() and not path.is_symlink() and next(path.rglob("*.py"), None) is not None:
            shutil.copytree(path, scratch / path.name, symlinks=True, ignore=_CACHES)
        else:
            (scratch / path.name).symlink_to(path.resolve())


def _link_model(real: Path, scratch: Path) -> None:
    _link_all(real / "versions", scratch / "versions")
    if (real / "active.json").is_file():
        shutil.copyfile(real / "active.json", scratch / "active.json")


def _link_all(real: Path, scratch: Path) -> None:
    scratch.mkdir(parents=True)
    if real.is_dir():
        for path in real.iterdir():
            if not path.name.startswith("."):
                (scratch / path.name).symlink_to(path.resolve())
