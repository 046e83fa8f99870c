"""Projects whose triggers are looked at by hand, by a clock that the test sets."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.deployer.planes import Plane
from tests.deployer.processes import wait_until

from scoreline.automation.automation import Automation
from scoreline.automation.triggers import Triggers
from scoreline.core.scenario_run import ScenarioRun
from scoreline.studio.project_registry import ProjectRegistry

QUICK = "steps: [{id: a, kind: set_variables, variables: {done: true}}]\n"
WAITING = "steps: [{id: wait, kind: approval}]\n"


class Watched:
    """A control plane's automation, whose triggers look only when they are told to."""

    def __init__(
        self, folder: Path, *, clock: Callable[[], datetime] | None = None, every: float = 1000.0
    ) -> None:
        self.folder = folder
        self.now = datetime(2027, 1, 4, 12, tzinfo=UTC)
        self._clock = clock or (lambda: self.now)
        self._every = every
        self.seconds = 0.0
        self._plane = Plane(folder / "home")
        self.catalog = self._plane.control.catalog
        self._registry = ProjectRegistry(self._plane.home.projects)
        self.automation = Automation(
            self._plane.control, self._registry, self._plane.home, trigger_seconds=1000.0, messages={}
        )
        self.runs = self.automation.runs
        self.triggers = self._triggers()

    def write(self, scenario: str, triggers: str, steps: str = QUICK, project: str = "cards") -> None:
        """Define a scenario; the project is made, and known, where it is not there yet."""
        self.file(f"{project}/scenarios/{scenario}.yaml", f"triggers:\n{triggers}{steps}")
        if not (self.folder / project / "project.yaml").exists():
            self.file(f"{project}/project.yaml", f"id: {project}\n")
            self._registry.add(self.folder / project)

    def file(self, name: str, text: str) -> Path:
        """Write a file below the test's folder."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def remove_project(self, project: str) -> None:
        """Let the control plane know a project no more."""
        self._registry.remove(project)

    def add_project(self, project: str) -> None:
        """Let the control plane know a project again."""
        self._registry.add(self.folder / project)

    def look(self, times: int = 1) -> None:
        """Look at all triggers, and wait until what they have started has ended or waits for somebody."""
        for _ in range(times):
            self.triggers.look()
            wait_until(self._quiet, "the runs have ended")

    def later(self, **passed: float) -> None:
        """Let time pass, and look."""
        self.now += timedelta(**passed)
        self.seconds += timedelta(**passed).total_seconds()
        self.look()

    def look_until(self, look: Callable[[], object], what: str) -> None:
        """Look again and again until something is true: other processes look at what triggers watch."""

        def looked() -> object:
            self.look()
            return look()

        wait_until(looked, what)

    def decide(self, scenario: str, step: str, *, approved: bool = True) -> None:
        """Approve the step that the last run of a scenario waits in, or reject it, and wait for its end."""
        number = self.of(scenario)[-1].id
        self.runs.decide(number, step, approved=approved, by="ann")
        wait_until(lambda: self.runs.one(number).finished_at, f"run {number} has ended")

    def slept(self) -> None:
        """A control plane that was away: another one takes over what is in the catalog."""
        self.triggers.stop()
        self.triggers = self._triggers()

    def of(self, scenario: str, project: str = "cards") -> list[ScenarioRun]:
        """The runs of a scenario, the oldest first."""
        return self.runs.newest(limit=100_000, project=project, scenario=scenario)[::-1]

    def due(self, scenario: str, project: str = "cards") -> list[str]:
        """When the runs of a scenario were due, without the seconds: `01-04 13:00`, in UTC."""
        return [str(run.fire.due_at)[5:16].replace("T", " ") for run in self.of(scenario, project)]

    def reasons(self, scenario: str, project: str = "cards") -> list[str]:
        """Why a scenario ran."""
        return [run.fire.reason for run in self.of(scenario, project)]

    def close(self) -> None:
        """Stop."""
        self.triggers.stop()
        self.runs.stop()

    def _triggers(self) -> Triggers:
        return Triggers(
            self.runs,
            self.catalog,
            self._registry,
            self._plane.home.runs,
            every=self._every,
            clock=self._clock,
            seconds=lambda: self.seconds,
        )

    def _quiet(self) -> bool:
        return all(
            run.steps and run.steps[-1].outcome.value == "WAITING" for run in self.catalog.runs.running()
        )


@contextlib.contextmanager
def watched(folder: Path) -> Iterator[Watched]:
    """Projects in a folder, and what looks at their triggers."""
    found = Watched(folder)
    try:
        yield found
    finally:
        found.close()
