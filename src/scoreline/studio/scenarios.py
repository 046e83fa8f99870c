"""Scenarios of a project: read one by one, made and changed in their files, whatever is wrong elsewhere."""

from __future__ import annotations

from pathlib import Path

import msgspec
from msgspec import Struct

from scoreline.core.names import did_you_mean, shortened
from scoreline.core.project import Kind
from scoreline.core.scenario import Scenario
from scoreline.errors import InvalidProject, NotFound, Problem
from scoreline.storage.project_edits import Change, ProjectFiles
from scoreline.storage.project_files import check_project
from scoreline.storage.project_layout import file_of, read_texts


class ScenarioFile(Struct, frozen=True, kw_only=True):
    """One scenario as its file says it."""

    id: str
    scenario: Scenario | None
    """None: the file is not sound."""
    problems: tuple[Problem, ...] = ()
    """Of this file, as the project as a whole sees it."""

    @property
    def definition(self) -> Scenario:
        """What it is. Raises InvalidProject with its problems when it is not sound."""
        if self.scenario is None or self.problems:
            raise InvalidProject(self.problems)
        return self.scenario


def scenarios_of(folder: Path) -> tuple[ScenarioFile, ...]:
    """All scenarios of a project, by id. Raises NotFound when the folder holds no project."""
    texts = read_texts(folder)
    project, problems = check_project(folder, texts)
    prefix = f"{Kind.SCENARIO.value}/"
    own = [one for one in problems if one.file.startswith(prefix)]
    names = {*texts.files, *(one.file for one in own)}
    ids = sorted(name[len(prefix) : -5] for name in names if name.startswith(prefix) and name[-5:] == ".yaml")
    return tuple(
        ScenarioFile(
            id=id_,
            scenario=project.scenarios.get(id_),
            problems=tuple(one for one in own if one.file == file_of(Kind.SCENARIO, id_)),
        )
        for id_ in ids
    )


def scenario_of(folder: Path, scenario: str) -> ScenarioFile:
    """One scenario. Raises NotFound, naming the nearest one."""
    found = {one.id: one for one in scenarios_of(folder)}
    if scenario not in found:
        hint = did_you_mean(scenario, found)
        raise NotFound(f"the project has no scenario {shortened(scenario)}; {hint}", code="no-such-scenario")
    return found[scenario]


def revision_of(folder: Path, scenario: str) -> str:
    """What stands in the file of a scenario, as a digest. Raises NotFound."""
    known = scenario_of(folder, scenario).id
    return ProjectFiles(folder).revision(Kind.SCENARIO, known) or ""


def create_scenario(folder: Path, scenario: str, definition: Scenario) -> None:
    """Write a new scenario. Raises Conflict when there is one of that id, and InvalidProject."""
    ProjectFiles(folder).save(Kind.SCENARIO, scenario, definition, since=None)


def save_scenario(folder: Path, scenario: str, definition: Scenario, *, since: str | None = None) -> None:
    """Change what is written of a scenario; what stays the same, and the comments, stay as they are.

    `since`: the revision that was read; None: any. Raises NotFound, InvalidProject, and Conflict (code
    `stale-revision`) when somebody changed it since.
    """
    now = revision_of(folder, scenario)
    ProjectFiles(folder).save(Kind.SCENARIO, scenario, definition, since=since or now)


def enable_scenario(folder: Path, scenario: str, *, enabled: bool) -> None:
    """Let the triggers of a scenario start it, or no more. Raises NotFound and InvalidProject."""
    since = revision_of(folder, scenario)
    definition = scenario_of(folder, scenario).definition
    if definition.enabled is not enabled:
        save_scenario(folder, scenario, msgspec.structs.replace(definition, enabled=enabled), since=since)


def duplicate_scenario(folder: Path, scenario: str, new: str) -> None:
    """Write a copy of a scenario, comments and all, that is not enabled yet.

    Raises NotFound, InvalidProject, and Conflict when there is one of the new id.
    """
    definition = msgspec.structs.replace(scenario_of(folder, scenario).definition, enabled=False)
    ProjectFiles(folder).apply([Change(Kind.SCENARIO, new, definition, None, like=scenario)])


def delete_scenario(folder: Path, scenario: str, *, since: str | None = None) -> None:
    """Delete the file of a scenario. Raises as `save_scenario`."""
    now = revision_of(folder, scenario)
    ProjectFiles(folder).delete(Kind.SCENARIO, scenario, since=since or now)
