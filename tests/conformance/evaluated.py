"""A control plane that knows a project with two trained versions and two evaluations."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from tests.conformance.platform import PROJECT
from tests.deployer.processes import ControlPlane
from tests.studio.evaluated_project import evaluated, write_evaluated_project, write_news
from tests.studio.small_project import trained

from scoreline.storage.models import ModelStore
from scoreline.storage.workspace import Workspace

MODEL = "fraud"


@contextlib.contextmanager
def evaluated_platform(folder: Path) -> Iterator[ControlPlane]:
    """Versions t2 and t1 (active) of `fraud`; in `quality`, e1 has drifted and e2, the newer one, has not."""
    project = write_evaluated_project(folder / PROJECT)
    evaluated(project)
    write_news(project, shift=0, seed=2)
    evaluated(project)
    trained(project, seed=5)
    ModelStore(Workspace(project).model(MODEL)).activate("t1")
    running = ControlPlane(folder / "home")
    running.start()
    try:
        with running.client() as client:
            client.add_project(project)
        yield running
        assert "Traceback" not in running.log
    finally:
        running.clear()
