"""Which datasets of a project have dates, for a dry run over them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from math import ceil

from scoreline.automation.dated_rows import DatedRows
from scoreline.core.dataset import ManagedDataset
from scoreline.core.flow import build_order, makers
from scoreline.core.names import did_you_mean, shortened
from scoreline.core.project import Project
from scoreline.core.recipe import EvaluateRecipe, StandaloneEvaluateRecipe, inputs_of
from scoreline.core.scenario import Scenario
from scoreline.core.scenario_step import BuildStep, EvaluateStep
from scoreline.core.schema import ColumnType
from scoreline.errors import Invalid, NotFound
from scoreline.storage.tables import Tables
from scoreline.studio.wanted_recipes import recipes_for

_FEW_ROWS, _ENOUGH_ROWS = 300, 1_000


def evaluated_stores(project: Project, scenario: Scenario) -> list[str]:
    """The evaluation stores that a scenario evaluates into."""
    made = makers(project.recipes)
    found: dict[str, None] = {}
    for step in scenario.steps:
        match step:
            case EvaluateStep() if step.store in made:
                found[step.store] = None
            case BuildStep() if not any("${" in item for item in step.items):
                for recipe_id in build_order(project.recipes, recipes_for(project, step.items)):
                    recipe = project.recipes[recipe_id]
                    if isinstance(recipe, EvaluateRecipe | StandaloneEvaluateRecipe):
                        found[recipe.store] = None
    return list(found)


def found_dates(project: Project, tables: Tables, stores: list[str]) -> dict[str, str]:
    """The datasets that evaluated rows are made of and that have just one column of dates."""
    made = makers(project.recipes)
    evaluating = [project.recipes[made[store]] for store in stores]
    waiting = [one.input for one in evaluating if isinstance(one, EvaluateRecipe | StandaloneEvaluateRecipe)]
    found: dict[str, str] = {}
    looked_at: set[str] = set()
    while waiting:
        item = waiting.pop()
        if item in looked_at or item not in project.datasets:
            continue
        looked_at.add(item)
        if item in made:
            waiting.extend(inputs_of(project.recipes[made[item]]))
            continue
        dates = [column.name for column in tables.schema(item) if column.type is ColumnType.DATE]
        if len(dates) == 1:
            found[item] = dates[0]
    if not found:
        raise Invalid(
            "no dataset that is evaluated has just one column of dates; "
            "say which one it is, as DATASET=COLUMN",
            code="no-dates",
        )
    return found


def dated_rows(project: Project, tables: Tables, dataset: str, column: str) -> DatedRows:
    """The rows of a dataset by the dates in a column. Raises NotFound, and Invalid if a recipe makes it."""
    if dataset not in project.datasets:
        raise NotFound(f"no dataset {shortened(dataset)}; {did_you_mean(dataset, project.datasets)}")
    made = makers(project.recipes)
    if dataset in made and isinstance(project.datasets[dataset], ManagedDataset):
        source = ", ".join(inputs_of(project.recipes[made[dataset]]))
        raise Invalid(
            f"dataset {dataset!r} is made by recipe {made[dataset]!r}; name the dates of what it is made of: "
            f"{source}"
        )
    return DatedRows(tables.read(dataset), column, dataset=dataset)


def notes_on_rows(dated: Mapping[str, DatedRows], since: date, until: date, window: int) -> list[str]:
    """What is to be said of rows that are on none of the days, or too few."""
    notes = []
    for name, rows in dated.items():
        if rows.without_date:
            notes.append(f"{rows.without_date} rows of {name} have no {rows.column}, and are on no day")
        span = rows.span
        if span is None or span[1] < since or span[0] > until:
            shown = "no dates" if span is None else f"rows of {span[0]} to {span[1]}"
            notes.append(f"{name} has {shown}: none of these days")
            continue
        a_day = rows.count(since, until) / ((until - since).days + 1)
        if a_day * window < _FEW_ROWS:
            days = "a day" if window == 1 else f"{window} days"
            notes.append(
                f"{name} has about {round(a_day * window)} rows in {days}, and so few differ by chance; a "
                f"window of {ceil(_ENOUGH_ROWS / a_day)} days has about {_ENOUGH_ROWS}"
            )
    return notes
