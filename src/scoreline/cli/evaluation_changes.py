"""Commands that add evaluations, delete them, and compare them anew."""

from __future__ import annotations

import getpass
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from scoreline.cli.console import AsJson, print_json, say
from scoreline.cli.project_option import ProjectOption, find_project
from scoreline.errors import Invalid

if TYPE_CHECKING:
    from scoreline.core.drift_reference import DriftReference
    from scoreline.core.evaluation import CustomMetric

_Store = Annotated[str, typer.Argument(help="The evaluation store's id.")]


def register(group: typer.Typer) -> None:
    """Add the commands of this module to those on evaluations."""
    group.command("add")(add)
    group.command("delete")(delete)
    group.command("drift")(drift)


def add(
    store: _Store,
    metrics: Annotated[list[str], typer.Argument(help="Numbers as CODE=VALUE, such as auc=0.91.")],
    id: Annotated[  # noqa: A002 - the word of the command line
        str, typer.Option("--id", help="The evaluation's id. Default: the next of g1, g2, …")
    ] = "",
    name: Annotated[str, typer.Option("--name", help="What people call it.")] = "",
    version: Annotated[str, typer.Option("--version", help="What was measured, as MODEL:VERSION.")] = "",
    project: ProjectOption = None,
    as_json: AsJson = False,
) -> None:
    """Add an evaluation that was measured elsewhere.

    A code that is a metric's, such as auc, is checked as that metric; another one as `custom_CODE`.
    """
    from scoreline.core.notes import Notes
    from scoreline.studio.given_evaluations import EvaluatedVersion, add_evaluation

    given = dict(_metric(one) for one in metrics)
    of = None
    if version:
        model, version_id = _pair(version, "--version", "MODEL:VERSION")
        of = EvaluatedVersion(model=model, version=version_id)
    added = add_evaluation(
        find_project(project), store, given, id=id, of=of, notes=Notes(name=name), by=getpass.getuser()
    )
    if as_json:
        print_json(added)
    else:
        say(f"evaluation {added.id} is in store {store!r}")


def delete(
    store: _Store,
    evaluation: Annotated[str, typer.Argument(help="The evaluation's id, such as e2.")],
    project: ProjectOption = None,
    as_json: AsJson = False,
) -> None:
    """Delete an evaluation.

    The next build makes the newest of a recipe again.
    """
    from scoreline.studio.evaluation_stores import evaluation_store

    evaluation_store(find_project(project), store).evaluations.delete(evaluation)
    if as_json:
        print_json({"store": store, "deleted": evaluation})
    else:
        say(f"evaluation {evaluation} of store {store!r} is deleted")


def drift(
    store: _Store,
    evaluation: Annotated[
        str | None, typer.Option("--evaluation", help="An evaluation's id. Default: the newest.")
    ] = None,
    against: Annotated[
        str | None, typer.Option("--against", help="Another evaluation, as ID or STORE:ID.")
    ] = None,
    against_version: Annotated[
        str | None, typer.Option("--against-version", help="A version of a model, as MODEL:VERSION.")
    ] = None,
    project: ProjectOption = None,
    as_json: AsJson = False,
) -> None:
    """Compare the kept rows of an evaluation anew.

    With those of another evaluation, or of a version of a model; by default with the version that it was
    compared with first. Nothing is kept of it.
    """
    from scoreline.cli.evaluation_view import print_drift
    from scoreline.studio.drift_again import drift_again
    from scoreline.studio.evaluation_stores import evaluation_store

    folder = find_project(project)
    chosen = evaluation_store(folder, store).evaluations.read(evaluation)
    reference = _reference(store, against, against_version)
    with tempfile.TemporaryDirectory() as scratch:
        report = drift_again(folder, store, chosen.id, reference, None, scratch=Path(scratch))
    if as_json:
        print_json(report)
    else:
        print_drift(report)


def _reference(store: str, against: str | None, version: str | None) -> DriftReference | None:
    from scoreline.core.drift_reference import EvaluationReference, VersionReference

    if against is not None and version is not None:
        raise Invalid("give --against or --against-version, not both")
    if version is not None:
        model, version_id = _pair(version, "--against-version", "MODEL:VERSION")
        return VersionReference(model=model, version=version_id)
    if against is None:
        return None
    other, _, evaluation = against.rpartition(":")
    return EvaluationReference(store=other or store, evaluation=evaluation)


def _metric(text: str) -> tuple[str, CustomMetric]:
    from scoreline.core.evaluation import CustomMetric

    code, _, value = text.partition("=")
    try:
        return code, CustomMetric(value=float(value))
    except ValueError:
        raise Invalid(f"{text[:60]!r} is no metric; give it as CODE=VALUE, such as auc=0.91") from None


def _pair(text: str, option: str, form: str) -> tuple[str, str]:
    first, separator, second = text.partition(":")
    if not (first and separator and second):
        raise Invalid(f"{option} {text[:60]!r}: give it as {form}")
    return first, second
