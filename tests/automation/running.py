"""Scenarios that run in the test's own process, with the real processes of their steps."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.deployer.planes import Plane
from tests.deployer.processes import wait_until

from scoreline.automation.automation import Automation
from scoreline.automation.detached import LOADED
from scoreline.core.scenario_run import Fire, ScenarioRun, StepRun, step_run
from scoreline.studio.nursery import Nursery
from scoreline.studio.project_registry import ProjectRegistry


class Running:
    """The project `cards`, and what runs its scenarios."""

    def __init__(self, folder: Path, plane: Plane | None = None) -> None:
        self.folder = folder / "cards"
        self.file("project.yaml", "id: cards\nvariables: {shop: corner}\n")
        self.plane = plane or Plane(folder / "home")
        self.registry = ProjectRegistry(self.plane.home.projects)
        self.registry.add(self.folder)
        self.automation = self._automation()

    @property
    def runs(self) -> Any:
        """The runs of this control plane."""
        return self.automation.runs

    def file(self, name: str, text: str) -> Path:
        """Write a file of the project."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def scenario(self, name: str, text: str) -> None:
        """Define a scenario; HERE in its text is the project's folder."""
        self.file(f"scenarios/{name}.yaml", text.replace("HERE", str(self.folder)))

    def start(self, name: str, **parameters: Any) -> ScenarioRun:
        """Begin a run by hand."""
        fire = Fire(kind="manual", reason="ann ran it", parameters=parameters)
        begun: ScenarioRun = self.runs.start("cards", name, fire, by="ann")
        return begun

    def run(self, name: str, **parameters: Any) -> ScenarioRun:
        """A run that has ended, one way or another."""
        return self.ended(self.start(name, **parameters))

    def ended(self, run: ScenarioRun) -> ScenarioRun:
        """A run once it has ended."""

        def look() -> ScenarioRun | None:
            found: ScenarioRun = self.runs.one(run.id)
            return found if found.finished_at else None

        return wait_until(look, f"run {run.id} has ended", 120)

    def waits(self, run: ScenarioRun, step: str, outcome: str = "WAITING") -> StepRun:
        """A step once it waits (or runs, …)."""

        def look() -> StepRun | None:
            found = step_run(self.runs.one(run.id), step)
            return found if found is not None and found.outcome.value == outcome else None

        return wait_until(look, f"{step} of run {run.id} is {outcome}", 60)

    def appears(self, name: str) -> str:
        """The text of a file of the project, once a step has written it."""
        path = self.folder / name
        return wait_until(lambda: path.exists() and path.read_text(), f"{name} is there", 60) or ""

    def comes_back(self) -> None:
        """The control plane ends, and another one goes on with what it has left."""
        self.automation.stop()
        self.nursery.stop()
        self.automation = self._automation()
        self.automation.runs.resume()

    def _automation(self) -> Automation:
        self.nursery = Nursery(LOADED)
        return Automation(
            self.plane.control,
            self.registry,
            self.plane.home,
            trigger_seconds=1000.0,
            messages={},
            nursery=self.nursery,
        )


@contextlib.contextmanager
def running(folder: Path, plane: Plane | None = None) -> Iterator[Running]:
    """Scenarios that can be run for the length of the block."""
    found = Running(folder, plane)
    try:
        yield found
    finally:
        for run in found.plane.control.catalog.runs.running():
            found.runs.abort(run.id, "the test")
            found.ended(run)
        found.runs.stop()
        found.nursery.stop()
        found.registry.remove("cards")


def outcomes(run: ScenarioRun) -> dict[str, str]:
    """How the steps of a run ended, by their ids."""
    return {one.step: one.outcome.value for one in run.steps}


def lives(pid: int) -> bool:
    """Whether a process is there, and is no zombie."""
    try:
        os.kill(pid, 0)
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (ProcessLookupError, FileNotFoundError):
        return False
