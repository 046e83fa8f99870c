"""Project files: a folder of definitions read as one checked value, or as all of its problems."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from scoreline.core.consistency import complaints
from scoreline.core.dataset import Dataset, FilesDataset
from scoreline.core.model import SavedModel
from scoreline.core.names import shortened
from scoreline.core.project import FORMAT, Connection, EvaluationStore, Kind, Project, ProjectSettings
from scoreline.core.python_code import python_faults
from scoreline.core.recipe import PythonRecipe, Recipe, SqlRecipe
from scoreline.core.scenario import Scenario
from scoreline.core.service import Service
from scoreline.core.sql_variables import variable_faults
from scoreline.errors import InvalidProject, Problem
from scoreline.storage.definitions import MOST_FAULTS, Definition, read_definition
from scoreline.storage.project_layout import (
    CODE_SUFFIXES,
    SETTINGS,
    ProjectTexts,
    file_of,
    read_texts,
)
from scoreline.storage.step_files import step_file_problems
from scoreline.storage.yaml_files import Entries, Fault, Leaf

TYPES: dict[Kind, Any] = {
    Kind.CONNECTION: Connection,
    Kind.DATASET: Dataset,
    Kind.RECIPE: Recipe,
    Kind.MODEL: SavedModel,
    Kind.EVALUATION_STORE: EvaluationStore,
    Kind.SERVICE: Service,
    Kind.SCENARIO: Scenario,
}
"""What the definitions of each kind are read as."""
_UNSOUND_SETTINGS = ProjectSettings(id="unsound")


def read_project(folder: Path) -> Project:
    """Read a project strictly.

    Raises InvalidProject with every problem in it, NotFound when `folder` holds no project.
    """
    project, problems = check_project(folder, read_texts(folder))
    if problems:
        raise InvalidProject(problems)
    return project


def check_project(folder: Path, texts: ProjectTexts) -> tuple[Project, list[Problem]]:
    """The project as far as it is sound, and every problem in `texts`, the files of `folder`."""
    reading = _Reading(dict(texts.files), list(texts.problems))
    settings = reading.settings()
    if settings is None:
        return Project(settings=_UNSOUND_SETTINGS), reading.problems
    found = {kind: reading.definitions(kind) for kind in Kind}
    project = Project(
        settings=settings,
        code=reading.code(found[Kind.RECIPE], settings.variables),
        **{kind.value.replace("-", "_"): definitions for kind, definitions in found.items()},
    )
    ids = {kind: reading.ids(kind) for kind in Kind}
    for complaint in islice(complaints(project, ids), MOST_FAULTS):
        name = file_of(complaint.kind, complaint.id) if complaint.kind else SETTINGS
        where = "".join(f"[{s}]" if isinstance(s, int) else f".{s}" for s in complaint.at).lstrip(".")
        message = f"{where}: {complaint.message}" if where else complaint.message
        reading.problems.append(Problem(name, reading.line(name, complaint.at), message))
    reading.problems.extend(_escapes(folder, project, reading))
    reading.problems.extend(step_file_problems(folder, project))
    return project, reading.problems


@dataclass
class _Reading:
    """Files on the way to definitions; problems gather as they are found."""

    files: dict[str, bytes]
    problems: list[Problem]
    read: dict[str, Definition] = field(default_factory=dict)
    names: frozenset[str] = frozenset()
    """Files that are there, whether they can be read or not."""

    def __post_init__(self) -> None:
        self.names = frozenset([*self.files, *(problem.file for problem in self.problems)])

    def settings(self) -> ProjectSettings | None:
        """The project's settings; None when its format is newer, so that nothing else can be judged."""
        definition = self._definition(SETTINGS, ProjectSettings)
        written = definition.root.values.get("format") if isinstance(definition.root, Entries) else None
        version = written.value if isinstance(written, Leaf) else None
        if isinstance(version, int) and not 1 <= version <= FORMAT:
            message = f"format {version} is not known here (newest: {FORMAT}); use a newer Scoreline"
            self.problems = [Problem(SETTINGS, definition.line(("format",)), message)]
            return None
        return definition.value or _unsound(definition.root)

    def ids(self, kind: Kind) -> list[str]:
        """Ids of all definitions of a kind, sound or not, sorted."""
        prefix = f"{kind.value}/"
        names = (name for name in self.names if name.startswith(prefix) and name.endswith(".yaml"))
        return sorted(name[len(prefix) : -len(".yaml")] for name in names)

    def definitions(self, kind: Kind) -> dict[str, Any]:
        """The sound definitions of a kind."""
        read = {id_: self._definition(file_of(kind, id_), TYPES[kind]) for id_ in self.ids(kind)}
        return {id_: definition.value for id_, definition in read.items() if definition.value is not None}

    def code(self, recipes: dict[str, Recipe], variables: Mapping[str, Any]) -> dict[str, str]:
        """The text beside each recipe that has one; one that is missing, idle or broken is a problem."""
        code: dict[str, str] = {}
        wanted: dict[str, str] = {}
        for id_, recipe in recipes.items():
            suffix = CODE_SUFFIXES.get(str(type(recipe).__struct_config__.tag))
            if suffix is not None:
                name = f"{Kind.RECIPE.value}/{id_}{suffix}"
                wanted[name] = id_
                code[id_] = self._code_text(name, recipe, variables)
        for name in self.files:
            id_ = name.partition("/")[2].rpartition(".")[0]
            if not name.endswith(".yaml") and name not in wanted:
                self._idle(name, id_, recipes)
        return code

    def line(self, name: str, at: tuple[str | int, ...]) -> int:
        """The line of a part of a definition."""
        return self.read[name].line(at) if at and name in self.read else 0

    def _definition(self, name: str, type_: Any) -> Definition:
        text = self._text(name)
        definition = Definition(None, (), None) if text is None else read_definition(text, type_)
        self._report(name, definition.faults)
        self.read[name] = definition
        return definition

    def _code_text(self, name: str, recipe: Recipe, variables: Mapping[str, Any]) -> str:
        if name not in self.names:
            self.problems.append(Problem(name, 0, "is missing: the recipe of this name needs it"))
        if name not in self.files:
            return ""
        text = self._text(name) or ""
        if isinstance(recipe, SqlRecipe) and not text.strip():
            self._report(name, [Fault(1, "is empty; write one SELECT")])
        if isinstance(recipe, SqlRecipe):
            wrong = variable_faults(text, variables)
            self._report(name, [Fault(line, message) for line, message in wrong])
        if isinstance(recipe, PythonRecipe):
            found = python_faults(text, recipe.function, "recipe")
            self._report(name, [Fault(line, message) for line, message in found])
        return text

    def _idle(self, name: str, id_: str, recipes: dict[str, Recipe]) -> None:
        if id_ in recipes:
            kind = type(recipes[id_]).__struct_config__.tag
            self.problems.append(
                Problem(name, 0, f"is not used: recipe {shortened(id_)} is of kind {kind!r}")
            )
        elif file_of(Kind.RECIPE, id_) not in self.names:
            self.problems.append(Problem(name, 0, f"is not used: there is no recipe {shortened(id_)}"))

    def _text(self, name: str) -> str | None:
        """The text of a file, None when there is none to read."""
        data = self.files.get(name)
        if data is None:
            return None
        try:
            return data.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            line = data.count(b"\n", 0, error.start) + 1
            self._report(name, [Fault(line, "is not text in UTF-8")])
            return None

    def _report(self, name: str, faults: Any) -> None:
        self.problems.extend(Problem(name, fault.line, fault.message) for fault in faults)


def _unsound(root: Any) -> ProjectSettings:
    """Settings that could not be read, with the names of their variables."""
    written = root.values.get("variables") if isinstance(root, Entries) else None
    names = written.values if isinstance(written, Entries) else ()
    return ProjectSettings(id="unsound", variables=dict.fromkeys(names, ""))


def _escapes(folder: Path, project: Project, reading: _Reading) -> Iterator[Problem]:
    """Datasets whose path leads out of the project through a link."""
    inside = folder.resolve()
    for id_, dataset in project.datasets.items():
        path = dataset.path if isinstance(dataset, FilesDataset) else "."
        if "\0" in path or path.startswith("/") or ".." in path.split("/"):
            continue  # told already
        if not (folder / path).resolve().is_relative_to(inside):
            name = file_of(Kind.DATASET, id_)
            yield Problem(
                name, reading.line(name, ("path",)), "path: leads out of the project's folder by a link"
            )
