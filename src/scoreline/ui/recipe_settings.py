"""Settings of recipes as fields of a form; recipes that no form can hold are edited as text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from msgspec.structs import replace

from scoreline.core.recipe import EvaluateRecipe, PythonRecipe, Recipe, ScoreRecipe, SqlRecipe
from scoreline.errors import Invalid
from scoreline.ui.forms import Form

Choice = Literal["dataset", "model", "store", "text", "frames"]


@dataclass(frozen=True)
class Setting:
    """One field: its name in the definition, and what is chosen or typed there."""

    name: str
    label: str
    choice: Choice
    value: str | tuple[str, ...]
    """Several where several can be chosen."""
    help: str = ""
    optional: bool = False


def settings_of(recipe: Recipe | None) -> list[Setting]:
    """The fields of a recipe; none: it is edited as text."""
    match recipe:
        case SqlRecipe():
            found = [
                Setting("inputs", "Inputs", "dataset", recipe.inputs, "Each is a table of its own name."),
                Setting("output", "Output", "dataset", recipe.output),
            ]
        case PythonRecipe():
            found = [
                Setting("inputs", "Inputs", "dataset", recipe.inputs, "The function gets each by its name."),
                Setting("outputs", "Outputs", "dataset", recipe.outputs),
                Setting("function", "Function", "text", recipe.function, "The one that is called."),
                Setting("frames", "Tables are", "frames", recipe.frames),
            ]
        case ScoreRecipe():
            found = [
                Setting("input", "Input", "dataset", recipe.input),
                Setting("model", "Model", "model", recipe.model, "Its active version scores the rows."),
                Setting("output", "Output", "dataset", recipe.output),
            ]
        case EvaluateRecipe():
            found = [
                Setting("input", "Input", "dataset", recipe.input, "The rows to measure on."),
                Setting("model", "Model", "model", recipe.model, "Its active version is measured."),
                Setting("store", "Evaluation store", "store", recipe.store),
                Setting(
                    "reference",
                    "Drift is measured against",
                    "dataset",
                    recipe.reference or "",
                    "Left out: the test rows of the model version.",
                    optional=True,
                ),
            ]
        case _:
            return []
    return [*found, Setting("description", "Description", "text", recipe.description)]


def changed(recipe: Recipe, form: Form) -> Recipe:
    """The recipe as the form says. Raises Invalid, whose code is the field's name."""
    values: dict[str, object] = {}
    for setting in settings_of(recipe):
        if isinstance(setting.value, tuple):
            chosen = tuple(form.texts(setting.name))
            if not chosen:
                raise Invalid(f"choose at least one of the {setting.label.lower()}", code=setting.name)
            # In the order they had: what is new comes last.
            kept = [one for one in setting.value if one in chosen]
            values[setting.name] = (*kept, *(one for one in chosen if one not in kept))
        else:
            typed = form.text(setting.name)
            values[setting.name] = None if setting.optional and not typed else typed
    return replace(recipe, **values)
