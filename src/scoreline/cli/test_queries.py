"""Commands on the test queries of a service: ask them here or on a deployment, and add some."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from scoreline.cli.connection import connectable
from scoreline.cli.console import AsJson, out, print_json, print_table, say
from scoreline.cli.project_option import ProjectOption, find_project
from scoreline.errors import Invalid

if TYPE_CHECKING:
    from scoreline.client.client import Client

_FAILED = 1


class _RunByDefault(TyperGroup):
    """`test-queries SERVICE` is `test-queries run SERVICE`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if args and args[0] not in {*self.commands, "--help"}:
            args = ["run", *args]
        return super().parse_args(ctx, args)


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    group = typer.Typer(
        cls=_RunByDefault,
        no_args_is_help=True,
        help="Ask the test queries of a service, and add some.",
    )
    group.command("run")(run)
    group.command("add")(add)
    app.add_typer(group, name="test-queries")


@connectable
def run(
    connect: Callable[[], Client],
    service: Annotated[str | None, typer.Argument(help="A service of the project.")] = None,
    endpoint: Annotated[str | None, typer.Option(help="Only the queries of this endpoint.")] = None,
    deployment: Annotated[
        str | None, typer.Option(help="Ask the nodes of this deployment, not the project.")
    ] = None,
    details: Annotated[bool, typer.Option("--details", help="Print whole queries and answers.")] = False,
    project: ProjectOption = None,
    as_json: AsJson = False,
) -> None:
    """Ask test queries, of a service or of a deployment.

    Of a service as the project has it. `run` may be left out. The exit code is 1 if one fails.
    """
    if (service is None) == (deployment is None):
        raise Invalid("name a service of the project, or a deployment with --deployment")
    if service is not None:
        rows = _in_project(service, endpoint, project)
    else:
        rows = _on_nodes(str(deployment), endpoint, connect)
    if as_json:
        print_json(rows)
    else:
        print_test_queries(rows, details, service)
    if not all(row.passed for row in rows):
        raise typer.Exit(_FAILED)


def add(
    service: Annotated[str, typer.Argument(help="The service's id.")],
    endpoint: Annotated[str, typer.Argument(help="The endpoint's id.")],
    dataset: Annotated[str, typer.Option("--from", help="The dataset whose first rows are asked.")],
    count: Annotated[int, typer.Option("-n", help="How many.", min=1)] = 5,
    project: ProjectOption = None,
    as_json: AsJson = False,
) -> None:
    """Add test queries made of the rows of a dataset."""
    from scoreline.studio.test_queries import add_queries

    added = add_queries(find_project(project), service, endpoint, dataset, count)
    if as_json:
        print_json(added)
    else:
        say(f"{len(added)} test queries are added to {endpoint} of {service}")
        say(f"next: scoreline test-queries {service}")


def _in_project(service: str, endpoint: str | None, project: Any) -> Sequence[Any]:
    from scoreline.studio.test_queries import run_test_queries

    return run_test_queries(find_project(project), service, endpoint_id=endpoint, progress=say)


def _on_nodes(deployment: str, endpoint: str | None, connect: Callable[[], Client]) -> Sequence[Any]:
    with connect() as client:
        answers = client.run_test_queries(deployment).answers
    return [answer for answer in answers if endpoint is None or answer.endpoint == endpoint]


def print_test_queries(rows: Sequence[Any], details: bool, service: str | None) -> None:
    """One line for each query; with details, whole queries and answers below."""
    hint = f"; next: scoreline test-queries add {service} ENDPOINT --from DATASET" if service else ""
    # Only queries asked on nodes have a node.
    on_nodes = any(hasattr(row, "node") for row in rows)
    cells = [
        (
            *((row.node, row.generation) if on_nodes else ()),
            row.endpoint,
            row.number,
            row.name or "-",
            "ok" if row.passed else "FAILED",
            _milliseconds(row),
            _said(row),
        )
        for row in rows
    ]
    where = ("node", "version") if on_nodes else ()
    headings = [*where, "endpoint", "no.", "name", "outcome", "ms", "answer"]
    print_table(headings, cells, empty=f"there are no test queries{hint}")
    for row in rows if details else ():
        out.rule(f"{row.endpoint} {row.number} {row.name}", align="left")
        for what in ("query", "expect", "answer"):
            if getattr(row, what, None) is not None:
                text = json.dumps(getattr(row, what), indent=2, ensure_ascii=False)
                out.print(f"{what}: {text}", markup=False)
        if row.message:
            out.print(f"wrong: {row.message}", markup=False)
    failed = sum(not row.passed for row in rows)
    if rows:
        say(
            f"{failed} of {len(rows)} test queries failed"
            if failed
            else f"all {len(rows)} test queries are ok"
        )


def _milliseconds(row: Any) -> str:
    """What answering took, by the answer's own word (microseconds) where there is one."""
    timing = row.answer.get("timing") if isinstance(row.answer, dict) else None
    return f"{sum(timing.values()) / 1_000:.3f}" if timing else "-"


def _said(row: Any) -> str:
    """The gist of an answer in one line."""
    if row.message:
        return str(row.message)
    answer = row.answer
    results = answer.get("results")
    result = results[0] if results else answer.get("result", {})
    if result.get("ignored"):
        return f"ignored: {result.get('ignoreReason')}"
    if "prediction" in result:
        probabilities = result.get("probas") or {}
        shown = ", ".join(f"{label}: {value:.4f}" for label, value in list(probabilities.items())[:4])
        return f"{result['prediction']}" + (f"  ({shown})" if shown else "")
    if result.get("found") is False:
        return "no match"
    data = list(result.get("data", {}).items())
    return ", ".join(f"{name}={value}" for name, value in data[:4]) + (", …" if len(data) > 4 else "")
