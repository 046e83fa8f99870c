"""Commands on evaluation stores: list evaluations, look into one, hold it against the checks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from scoreline.cli import evaluation_changes
from scoreline.cli.console import AsJson, print_json, print_table, say
from scoreline.cli.project_option import ProjectOption, find_project
from scoreline.core.evaluation import numbers
from scoreline.core.evaluation_check import Outcome

if TYPE_CHECKING:
    from scoreline.core.evaluation import Evaluation
    from scoreline.core.evaluation_check import CheckRun
    from scoreline.studio.evaluation_stores import StoreOfEvaluations

# 2 is Typer's own, 3 to 7 are those of errors.
_EXIT_CODES = {Outcome.OK: 0, Outcome.ERROR: 1, Outcome.WARNING: 8, Outcome.EMPTY: 9}

StoreArgument = Annotated[str, typer.Argument(help="The evaluation store's id.")]
EvaluationOption = Annotated[
    str | None, typer.Option("--evaluation", help="An evaluation's id, such as e2. Default: the newest.")
]


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    group = typer.Typer(no_args_is_help=True, help="Evaluations of models: metrics, drift, checks.")
    group.command("list")(list_evaluations)
    group.command("show")(show)
    group.command("run-checks")(run_checks)
    evaluation_changes.register(group)
    app.add_typer(group, name="evaluation")


def list_evaluations(
    store: Annotated[
        str | None, typer.Argument(help="An evaluation store's id. Default: all stores of the project.")
    ] = None,
    project: ProjectOption = None,
    as_json: AsJson = False,
) -> None:
    """List evaluation stores, or the evaluations of one.

    The newest stand first, each with its main numbers and the outcome of its checks.
    """
    from scoreline.studio.evaluation_stores import evaluation_store, evaluation_stores

    folder = find_project(project)
    if store is not None:
        _list_one(evaluation_store(folder, store), as_json)
    else:
        _list_stores(list(evaluation_stores(folder).values()), as_json)


def show(
    store: StoreArgument,
    evaluation: EvaluationOption = None,
    project: ProjectOption = None,
    as_json: AsJson = False,
) -> None:
    """Show an evaluation: metrics, drift, checks.

    Also where it is from, and the drift of every column.
    """
    from scoreline.cli.evaluation_view import print_evaluation
    from scoreline.studio.evaluation_stores import evaluation_store

    found = evaluation_store(find_project(project), store)
    chosen = found.evaluations.read(evaluation)
    checked = found.run_checks(chosen)
    notes = found.evaluations.notes(chosen.id)
    if as_json:
        print_json({"evaluation": chosen, "checks": checked, "notes": notes})
        return
    print_evaluation(chosen, notes)
    _print_checks(checked)


def run_checks(
    store: StoreArgument,
    evaluation: EvaluationOption = None,
    project: ProjectOption = None,
    as_json: AsJson = False,
) -> None:
    """Hold an evaluation against the checks of its store.

    Exit code 0: all are OK; 1: an ERROR; 8: a WARNING, and nothing worse; 9: a check was EMPTY, since there
    is no such number, or there are no checks.
    """
    from scoreline.studio.evaluation_stores import check_store

    checked = check_store(find_project(project), store, evaluation)
    if as_json:
        print_json(checked)
    else:
        _print_checks(checked)
    if checked.outcome is not Outcome.OK:
        raise typer.Exit(_EXIT_CODES[checked.outcome])


def _list_stores(stores: list[StoreOfEvaluations], as_json: bool) -> None:
    newest = {store.id: store.evaluations.read() for store in stores if store.evaluations.ids()}
    if as_json:
        print_json(
            [
                {
                    "id": store.id,
                    "name": store.name,
                    "evaluations": list(store.evaluations.ids()),
                    "outcome": store.run_checks(newest[store.id]).outcome if store.id in newest else None,
                }
                for store in stores
            ]
        )
        return
    rows = []
    for store in stores:
        if store.id in newest:
            last = newest[store.id]
            outcome = store.run_checks(last).outcome.value if store.checks else "no checks"
            rows.append((store.id, last.id, last.created_at, _from(last), last.dataset, outcome))
        else:
            rows.append((store.id, "none yet", "", "", "", ""))
    print_table(
        ("store", "newest", "made", "model", "dataset", "checks"),
        rows,
        empty="the project has no evaluation stores yet: add one in evaluation-stores/",
    )


def _list_one(store: StoreOfEvaluations, as_json: bool) -> None:
    found = store.evaluations.all()
    if as_json:
        print_json(
            [
                {
                    "id": one.id,
                    "created_at": one.created_at,
                    "created_by": one.created_by,
                    "model": one.model,
                    "model_version": one.model_version,
                    "dataset": one.dataset,
                    "numbers": numbers(one),
                    "outcome": store.run_checks(one).outcome,
                }
                for one in found
            ]
        )
        return
    metrics = tuple(found[0].metrics)[:3] if found else ()
    rows = []
    for one in found:
        told = numbers(one)
        shown = [f"{told[name]:.4f}" if name in told else "" for name in (*metrics, "data_drift")]
        outcome = store.run_checks(one).outcome.value if store.checks else "no checks"
        counted = one.rows if one.recipe else ""
        rows.append(
            (one.id, one.created_at, one.created_by, _from(one), one.dataset, counted, *shown, outcome)
        )
    print_table(
        ("", "made", "by", "model", "dataset", "rows", *metrics, "data drift", "checks"),
        rows,
        empty=f"no evaluation yet: scoreline build {store.id}",
    )


def _from(evaluation: Evaluation) -> str:
    return f"{evaluation.model} {evaluation.model_version}" if evaluation.model else "-"


def _print_checks(checked: CheckRun) -> None:
    print_table(
        ("check", "outcome", "value", "column", ""),
        [
            (
                result.check,
                result.outcome.value,
                "" if result.value is None else f"{result.value:.4g}",
                result.column or "",
                result.message,
            )
            for result in checked.results
        ],
        empty=f"store {checked.store!r} has no checks: add some in evaluation-stores/{checked.store}.yaml",
    )
    say(f"{checked.store} {checked.evaluation}: {checked.outcome.value}")
