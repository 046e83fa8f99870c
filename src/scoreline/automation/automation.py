"""The automation of a control plane as one thing that starts and stops: runs, and what triggers them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from scoreline.automation.deployer_steps import DeployerSteps
from scoreline.automation.performing import Performing
from scoreline.automation.reporting import Reporting
from scoreline.automation.runs import Runs
from scoreline.automation.scenarios import Scenarios
from scoreline.automation.triggers import Triggers
from scoreline.automation.why import Reasons
from scoreline.deployer.control_plane import ControlPlane
from scoreline.deployer.home import Home
from scoreline.studio.nursery import PLAIN, Nursery
from scoreline.studio.project_registry import ProjectRegistry


class Automation:
    """Scenarios of all projects that the control plane knows."""

    def __init__(
        self,
        control_plane: ControlPlane,
        registry: ProjectRegistry,
        home: Home,
        *,
        trigger_seconds: float,
        messages: Mapping[str, Any],
        nursery: Nursery = PLAIN,
    ) -> None:
        rows = control_plane.catalog.runs
        self.registry = registry
        performing = Performing(
            DeployerSteps(control_plane), registry.folder, registry.project_id, messages, nursery
        )
        reporting = Reporting(registry.folder, messages)
        self.runs = Runs(rows, registry, home.runs, performing, reporting)
        self.scenarios = Scenarios(rows, registry, control_plane.audit)
        self.reasons = Reasons(control_plane.catalog, registry)
        self.triggers = Triggers(self.runs, control_plane.catalog, registry, home.runs, every=trigger_seconds)

    def start(self) -> None:
        """Go on with the runs that were left, and look at the triggers from now on."""
        self.runs.resume()
        self.triggers.start()

    def stop(self) -> None:
        """Start nothing more; runs that have not ended are taken up at the next start."""
        self.triggers.stop()
        self.runs.stop()
