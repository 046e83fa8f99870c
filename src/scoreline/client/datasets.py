"""Calls on the datasets of projects."""

from __future__ import annotations

from pathlib import Path

from scoreline.client.connection import Connection, path_to
from scoreline.core.column_statistics import DatasetStatistics
from scoreline.core.dataset import Dataset
from scoreline.core.dataset_sample import DatasetSample
from scoreline.wire.control import Deleted
from scoreline.wire.control_datasets import ListedDataset, NewDataset, WholeDataset


class DatasetCalls:
    """What `scoreline dataset show` does, and more, on a project's key."""

    _control: Connection

    def datasets(self, project: str) -> tuple[ListedDataset, ...]:
        """The datasets of a project."""
        return self._control.all(path_to("projects", project, "datasets"), ListedDataset)

    def dataset(self, project: str, dataset: str) -> WholeDataset:
        """One dataset with its columns and what uses it. Raises NotFound, naming the nearest."""
        return self._control.call("GET", path_to("projects", project, "datasets", dataset), WholeDataset)

    def dataset_sample(self, project: str, dataset: str, *, rows: int = 100) -> DatasetSample:
        """The first rows, at most 1,000. Raises NotFound, also (code `not-built`) before it was built."""
        path = path_to("projects", project, "datasets", dataset, "sample", rows=rows)
        return self._control.call("GET", path, DatasetSample)

    def dataset_statistics(self, project: str, dataset: str) -> DatasetStatistics:
        """Each column's range, quantiles and distribution. Raises as `dataset_sample`."""
        path = path_to("projects", project, "datasets", dataset, "statistics")
        return self._control.call("GET", path, DatasetStatistics)

    def create_dataset(self, project: str, dataset: str, definition: Dataset) -> WholeDataset:
        """Describe rows that are elsewhere, or that a recipe will write. Raises Conflict, and Invalid."""
        wanted = NewDataset(id=dataset, definition=definition)
        return self._control.call("POST", path_to("projects", project, "datasets"), WholeDataset, body=wanted)

    def upload_dataset(self, project: str, file: Path, dataset: str | None = None) -> WholeDataset:
        """Make a dataset of a file (CSV, Parquet, JSON lines); without an id, under the file's name.

        Raises Conflict when there is one of that id, and Invalid for a file that cannot be read.
        """
        stem, dot, rest = file.name.partition(".")
        path = path_to("projects", project, "datasets", "upload", file=f"{dataset or stem}{dot}{rest}")
        return self._control.upload(path, file, WholeDataset)

    def delete_dataset(self, project: str, dataset: str) -> None:
        """Delete a dataset; files and tables stay. Raises NotFound, and Conflict while something uses it."""
        self._control.call("DELETE", path_to("projects", project, "datasets", dataset), Deleted)
