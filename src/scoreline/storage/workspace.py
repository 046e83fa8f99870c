"""The workspace: where a project folder keeps what Scoreline makes (`.scoreline/`, not for git)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Workspace:
    """Paths below one project folder. Makes nothing by itself."""

    project: Path

    @property
    def root(self) -> Path:
        """The folder of everything that Scoreline makes."""
        return self.project / ".scoreline"

    def dataset(self, dataset_id: str) -> Path:
        """Folder of a managed dataset: `current.json` names the sub-folder with the Parquet files."""
        return self.root / "datasets" / dataset_id

    def model(self, model_id: str) -> Path:
        """Folder of a saved model: `versions/<version id>/` and `active.json`."""
        return self.root / "models" / model_id

    def evaluations(self, store_id: str) -> Path:
        """Folder of an evaluation store: one sub-folder per evaluation."""
        return self.root / "evaluations" / store_id

    def versions(self, service_id: str) -> Path:
        """Folder of a service's packages: `<version id>.zip`."""
        return self.root / "versions" / service_id

    @property
    def logs(self) -> Path:
        """Folder of build logs: one sub-folder per build, one file per recipe."""
        return self.root / "logs"

    @property
    def builds(self) -> Path:
        """The SQLite file of the durable workflows."""
        return self.root / "builds.sqlite"

    @property
    def lock(self) -> Path:
        """Held by whoever builds, trains or packages in this project."""
        return self.root / "lock"
