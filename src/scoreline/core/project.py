"""Projects: a folder of definitions, read as one value."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Any

from msgspec import Struct, field

from scoreline.core.dataset import Dataset
from scoreline.core.evaluation_check import EvaluationCheck
from scoreline.core.model import SavedModel
from scoreline.core.recipe import Recipe
from scoreline.core.scenario import Scenario
from scoreline.core.service import Service

FORMAT = 1
"""The project format written today. A newer one is refused."""


class Kind(Enum):
    """What a definition is of; the value is the name of its folder in a project."""

    CONNECTION = "connections"
    DATASET = "datasets"
    RECIPE = "recipes"
    MODEL = "models"
    EVALUATION_STORE = "evaluation-stores"
    SERVICE = "services"
    SCENARIO = "scenarios"

    @property
    def noun(self) -> str:
        """What one of them is called in a message."""
        return "saved model" if self is Kind.MODEL else self.name.lower().replace("_", " ")


FLOW_KINDS = (Kind.DATASET, Kind.MODEL, Kind.EVALUATION_STORE)
"""The items of the flow. They share one namespace; recipes and services have their own."""


class ProjectSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`project.yaml`: who the project is."""

    id: str
    name: str = ""
    description: str = ""
    format: int = FORMAT
    """Version of the project format; a newer one than this program knows is refused."""
    variables: dict[str, str | int | float | bool] = {}
    """What the SQL of recipes, the conditions of splits and scenarios may name as `${NAME}`. In SQL each
    becomes a literal, in quotes where it is a text. Steps of scenarios may set them."""
    zones: dict[str, tuple[str, ...]] = {}
    """Name of a part of the flow -> the datasets, models and evaluation stores that the picture frames
    together. An item is in the first that names it; ids that are not there are passed over, so that nothing
    has to leave its zone before it is deleted."""


class Connection(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A database by URL. Secrets are referenced, never written: `${env:NAME}` is read when it is used."""

    url: str
    """A SQLAlchemy URL, such as postgresql+psycopg://reader:${env:DB_PASSWORD}@db.example.com/cards."""
    description: str = ""


class EvaluationStore(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where evaluations of a model land, and the checks that they are held against."""

    name: str = ""
    checks: tuple[EvaluationCheck, ...] = ()
    description: str = ""


class Project(Struct, frozen=True, kw_only=True):
    """Everything a project's folder defines, checked as a whole. Each mapping is by id, sorted by id."""

    settings: ProjectSettings
    connections: dict[str, Connection] = field(default_factory=dict)
    datasets: dict[str, Dataset] = field(default_factory=dict)
    recipes: dict[str, Recipe] = field(default_factory=dict)
    models: dict[str, SavedModel] = field(default_factory=dict)
    evaluation_stores: dict[str, EvaluationStore] = field(default_factory=dict)
    services: dict[str, Service] = field(default_factory=dict)
    scenarios: dict[str, Scenario] = field(default_factory=dict)
    code: dict[str, str] = field(default_factory=dict)
    """Recipe id -> text of its .sql or .py file."""

    def of(self, kind: Kind) -> Mapping[str, Any]:
        """The definitions of one kind, by id."""
        by_id: Mapping[str, Any] = getattr(self, kind.value.replace("-", "_"))
        return by_id
