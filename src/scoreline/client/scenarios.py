"""Calls on the scenarios of the projects that a control plane knows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from scoreline.client.connection import path_to
from scoreline.client.runs import RunCalls
from scoreline.client.updates import Progress
from scoreline.core.scenario import Scenario
from scoreline.core.scenario_finding import ScenarioFinding
from scoreline.wire.control_names import ProjectNames
from scoreline.wire.control_scenarios import (
    DeletedScenario,
    ListedScenario,
    NewDuplicate,
    NewRun,
    NewScenario,
    Run,
    ScenarioFindings,
    WholeScenario,
)


class ScenarioCalls(RunCalls):
    """What `scoreline scenario` does. A project is named by its key in the control plane."""

    def project_names(self, project: str) -> ProjectNames:
        """Ids of everything that is defined in a project, by kind: what steps may name. Raises NotFound."""
        return self._control.call("GET", path_to("projects", project, "names"), ProjectNames)

    def scenarios(self, project: str) -> tuple[ListedScenario, ...]:
        """The scenarios of a project: what starts them and when, the run that goes on, the last one."""
        return self._control.all(path_to("projects", project, "scenarios"), ListedScenario)

    def scenario(self, project: str, scenario: str) -> WholeScenario:
        """One scenario with its definition. Raises NotFound, naming the nearest one."""
        return self._control.call("GET", _path(project, scenario), WholeScenario)

    def create_scenario(self, project: str, scenario: str, definition: Scenario) -> WholeScenario:
        """Write a new scenario into the project's folder.

        Raises Conflict when there is one of that id, and Invalid for what cannot be.
        """
        wanted = NewScenario(id=scenario, definition=definition)
        return self._control.call(
            "POST", path_to("projects", project, "scenarios"), WholeScenario, body=wanted
        )

    def save_scenario(
        self, project: str, scenario: str, definition: Scenario, *, revision: str | None = None
    ) -> WholeScenario:
        """Change a scenario; comments in its file stay. `revision`: of what was read; None: any.

        Raises NotFound, Invalid, and Conflict (code `stale-revision`) when somebody changed it since.
        """
        path = _path(project, scenario)
        return self._control.call("PUT", path, WholeScenario, body=definition, revision=revision)

    def delete_scenario(self, project: str, scenario: str) -> None:
        """Delete a scenario; its runs stay. Raises NotFound, and Conflict while it runs."""
        self._control.call("DELETE", _path(project, scenario), DeletedScenario)

    def duplicate_scenario(self, project: str, scenario: str, new: str) -> WholeScenario:
        """Make a copy under another id, which is not enabled yet. Raises NotFound and Conflict."""
        path = f"{_path(project, scenario)}/duplicate"
        return self._control.call("POST", path, WholeScenario, body=NewDuplicate(id=new))

    def enable_scenario(self, project: str, scenario: str) -> WholeScenario:
        """Let its triggers start a scenario. Raises NotFound."""
        return self._control.call("POST", f"{_path(project, scenario)}/enable", WholeScenario)

    def disable_scenario(self, project: str, scenario: str) -> WholeScenario:
        """Let its triggers start a scenario no more; `run_scenario` does all the same. Raises NotFound."""
        return self._control.call("POST", f"{_path(project, scenario)}/disable", WholeScenario)

    def check_scenario(self, project: str, scenario: str) -> tuple[ScenarioFinding, ...]:
        """What will fail when it runs, as things stand; empty: nothing was found. Raises NotFound."""
        path = f"{_path(project, scenario)}/findings"
        return self._control.call("GET", path, ScenarioFindings).findings

    def run_scenario(
        self,
        project: str,
        scenario: str,
        *,
        parameters: Mapping[str, Any] | None = None,
        wait: bool = True,
        progress: Progress | None = None,
    ) -> Run:
        """Run a scenario, with variables of this run, and give the run: when it waits, as it ended.

        A run that failed raises nothing: its `outcome` says so. `progress` gets a line for each step that
        begins or ends. Raises NotFound, Invalid, and Conflict (code `scenario-running`) while another run of
        it goes on.
        """
        wanted = NewRun(parameters=dict(parameters or {}))
        begun = self._control.call("POST", f"{_path(project, scenario)}/runs", Run, body=wanted)
        return self.wait_for_run(begun.id, progress=progress) if wait else begun


def _path(project: str, scenario: str) -> str:
    return path_to("projects", project, "scenarios", scenario)
