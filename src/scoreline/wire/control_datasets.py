"""Messages of the control API about the datasets of projects."""

from __future__ import annotations

from msgspec import Struct

from scoreline.core.dataset import Dataset
from scoreline.core.recipe_build import LastBuild
from scoreline.core.schema import Schema


class ListedDataset(Struct, frozen=True, kw_only=True):
    """A dataset of a project, in short."""

    id: str
    kind: str
    """`files`, `sql` or `managed`."""
    description: str
    place: str
    """Path of its files, or connection and table; empty for a managed one."""
    made_by: str | None
    """The recipe that writes it; None: nothing does."""
    rows: int | None
    """Of a managed one that was built; None: only reading it tells."""
    last_build: LastBuild | None
    """Of the recipe that writes it."""


class UserOfDataset(Struct, frozen=True, kw_only=True):
    """What reads or writes a dataset."""

    kind: str
    """`recipe` or `service`."""
    id: str


class WholeDataset(Struct, frozen=True, kw_only=True):
    """A dataset with its definition, and what is known of it without reading its rows."""

    dataset: ListedDataset
    definition: Dataset
    columns: Schema | None
    """Names and types as written or declared; None: its sample tells."""
    used_by: tuple[UserOfDataset, ...]
    digest: str
    """Of the rows of a managed one; empty where there are none, or it is another one."""


class NewDataset(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A dataset to be made, of rows that are elsewhere or that a recipe will write."""

    id: str
    definition: Dataset
