"""The Python files that steps of scenarios name: they are there, inside of the project, and can be called."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from scoreline.core.names import shortened
from scoreline.core.project import Project
from scoreline.core.python_code import python_faults
from scoreline.core.scenario_step import PythonStep
from scoreline.errors import Problem
from scoreline.storage.project_layout import LARGEST


def step_files(project: Project) -> dict[str, str]:
    """The files that steps name, as they write them, and the first scenario that names each."""
    found: dict[str, str] = {}
    for id_, scenario in project.scenarios.items():
        for step in scenario.steps:
            if isinstance(step, PythonStep) and step.file is not None and _is_inside(step.file):
                found.setdefault(step.file, id_)
    return found


def step_file_problems(folder: Path, project: Project) -> Iterator[Problem]:
    """What keeps steps from calling the functions of their files."""
    texts: dict[str, str] = {}
    for file, scenario in step_files(project).items():
        try:
            texts[file] = _read(folder, file)
        except _Unreadable as error:
            yield Problem(file, 0, f"{error}; scenario {shortened(scenario)} calls it")
    called = {
        (step.file, step.function): None
        for scenario in project.scenarios.values()
        for step in scenario.steps
        if isinstance(step, PythonStep) and step.file in texts
    }
    for file, function in called:
        assert file is not None
        for line, message in python_faults(texts[file], function, "step"):
            yield Problem(file, line, message)


class _Unreadable(Exception):
    """A file that no step can run."""


def _read(folder: Path, file: str) -> str:
    path = folder / file
    if not path.resolve().is_relative_to(folder.resolve()):
        raise _Unreadable("leads out of the project's folder by a link")
    if not path.is_file():
        raise _Unreadable("is missing")
    if path.stat().st_size > LARGEST:
        raise _Unreadable(f"is larger than {LARGEST:,} bytes")
    try:
        return path.read_text("utf-8-sig")
    except OSError as error:
        raise _Unreadable(f"cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise _Unreadable("is not text in UTF-8") from error


def _is_inside(file: str) -> bool:
    """Whether it is the path of a Python file of the project, which is known before a run."""
    safe = not file.startswith("/") and ".." not in file.split("/") and not set("\\\0") & set(file)
    return safe and "${" not in file and file.endswith(".py")
