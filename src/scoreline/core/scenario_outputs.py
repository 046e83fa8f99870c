"""The outputs of steps: what conditions and texts may name as `steps.ID.output.…`, by kind of step."""

from __future__ import annotations

from scoreline.core.scenario_step import PythonStep, SetVariablesStep, Step

_BUILT = frozenset(("recipes", "rows", "logs"))
_UPDATED = frozenset(("deployment", "update", "version", "mapping", "before"))

OUTPUTS = {
    "activate_version": frozenset(("model", "version", "before")),
    "approval": frozenset(("approved", "by", "comment")),
    "build": _BUILT,
    "compute_metrics": frozenset(("dataset", "rows", "columns")),
    "create_version": frozenset(("service", "version", "digest", "models", "archive", "published")),
    "evaluate": _BUILT | {"store", "evaluation", "metrics"},
    "message": frozenset[str](),
    "run_checks": frozenset(("store", "evaluation", "outcome", "checks", "values", "columns", "results")),
    "run_scenario": frozenset(("run", "outcome")),
    "run_test_queries": frozenset(("asked", "failed")),
    "set_mapping": _UPDATED,
    "sql": frozenset(("columns", "rows", "count", "value", "first")),
    "stop_scenario": frozenset(("run",)),
    "train": _BUILT | {"model", "version", "digest", "metrics"},
    "update_deployment": _UPDATED,
}
"""By kind, all that a step may give. One of `python` gives what it returns, `set_variables` what it sets."""


def outputs_of(step: Step) -> frozenset[str] | None:
    """The names of what a step may give; None where only its run can tell."""
    match step:
        case PythonStep():
            return None
        case SetVariablesStep():
            return frozenset(step.variables)
        case _:
            return OUTPUTS[step.kind]
