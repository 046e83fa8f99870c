"""Complaints: what does not fit between sound definitions, before anyone knows files and lines."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from scoreline.core.flow import makers
from scoreline.core.names import did_you_mean, shortened
from scoreline.core.project import FLOW_KINDS, Kind, Project

Spot = tuple[tuple[str | int, ...], str]
"""Where in a definition (keys and positions from the top), and what is wrong there."""


@dataclass(frozen=True)
class Complaint:
    """One thing that is wrong in one definition."""

    kind: Kind | None
    """None: the project's own settings."""
    id: str
    at: tuple[str | int, ...]
    message: str


@dataclass(frozen=True)
class Known:
    """What a definition may refer to."""

    project: Project
    """The sound definitions."""
    ids: Mapping[Kind, Collection[str]]
    """All ids, those of unsound definitions too."""

    @cached_property
    def made(self) -> Mapping[str, str]:
        """Items of the flow that sound recipes write, and which recipe does."""
        return makers(self.project.recipes)

    def dangling(self, kind: Kind, id_: str, at: tuple[str | int, ...]) -> Iterator[Spot]:
        """A complaint when there is no definition `id_` of this kind."""
        if id_ in self.ids[kind]:
            return
        for other in FLOW_KINDS:
            if id_ in self.ids[other]:
                yield at, f"{shortened(id_)} is {_a(other)}, not {_a(kind)}"
                return
        yield at, f"there is no {kind.noun} {shortened(id_)}; {did_you_mean(id_, self.ids[kind])}"

    def columns(self, dataset_id: str) -> list[str] | None:
        """Names of a dataset's columns where they are declared."""
        dataset = self.project.datasets.get(dataset_id)
        if dataset is None or dataset.columns is None:
            return None
        return [column.name for column in dataset.columns]

    def no_column(self, dataset_id: str, column: str, at: tuple[str | int, ...]) -> Iterator[Spot]:
        """A complaint when the dataset declares its columns and has none of this name."""
        columns = self.columns(dataset_id)
        if columns is not None and column not in columns:
            hint = did_you_mean(column, columns)
            yield at, f"dataset {shortened(dataset_id)} has no column {shortened(column)}; {hint}"


def _a(kind: Kind) -> str:
    return f"{'an' if kind is Kind.EVALUATION_STORE else 'a'} {kind.noun}"


def repeated(names: list[str]) -> Iterator[tuple[int, str]]:
    """Positions of names that stood earlier in the list, with the name."""
    seen: set[str] = set()
    for position, name in enumerate(names):
        if name in seen:
            yield position, name
        seen.add(name)
