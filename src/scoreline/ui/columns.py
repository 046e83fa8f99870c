"""The datasets of a project with their columns, for forms that choose among them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from scoreline.core.dataset_sample import DatasetSample
from scoreline.core.schema import Schema
from scoreline.errors import ScorelineError
from scoreline.ui.api import Api, path_to
from scoreline.wire.control_datasets import ListedDataset, WholeDataset


class Columns:
    """The ids of all datasets, and the columns of some."""

    def __init__(self, datasets: list[str], columns: dict[str, Schema]) -> None:
        self.datasets = datasets
        self._columns = columns

    @classmethod
    async def of(cls, api: Api, project: str, wanted: Iterable[str]) -> Columns:
        """Those of a project. A dataset that cannot be read has no columns."""
        listed = await api.all(path_to("projects", project, "datasets"), ListedDataset)
        known = [one.id for one in listed]
        names = sorted({name for name in wanted if name in known})
        found = await asyncio.gather(*(_columns(api, project, name) for name in names))
        return cls(known, dict(zip(names, found, strict=True)))

    def __getitem__(self, dataset: str) -> Schema:
        return self._columns.get(dataset, ())


async def _columns(api: Api, project: str, dataset: str) -> Schema:
    path = path_to("projects", project, "datasets", dataset)
    try:
        found = await api.get(path, WholeDataset)
        return found.columns or (await api.get(f"{path}/sample", DatasetSample, rows=1)).columns
    except ScorelineError:
        return ()
