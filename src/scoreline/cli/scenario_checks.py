"""`scoreline scenario check`: what will fail in scenarios, found before they run."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import typer

from scoreline.cli.connection import connectable
from scoreline.cli.console import AsJson, print_json, print_table, say
from scoreline.cli.scenario_place import KnownProjectOption, complete_scenarios, folder_of

if TYPE_CHECKING:
    from scoreline.automation.scenario_findings import Deployed
    from scoreline.client.client import Client
    from scoreline.core.scenario_finding import ScenarioFinding

# As of `scoreline evaluation run-checks`.
_ERROR, _WARNING = 1, 8


@connectable
def check(
    connect: Callable[[], Client],
    scenario: Annotated[
        str | None,
        typer.Argument(
            metavar="NAME", help="The scenario's id. Default: all.", autocompletion=complete_scenarios
        ),
    ] = None,
    deployed: Annotated[
        bool,
        typer.Option("--deployed", help="Look at the deployments and versions of the control plane, too."),
    ] = False,
    project: KnownProjectOption = None,
    as_json: AsJson = False,
) -> None:
    """Find what will fail, before a run.

    It reads the folder, and needs no control plane but for --deployed, or for a project that is named as the
    control plane knows it. Exit code 0: nothing was found; 1: an error; 8: warnings, and nothing worse.
    """
    from scoreline.automation.scenario_findings import findings

    folder = folder_of(project)
    if folder is None:
        found = _known(connect, project or "", scenario)
    else:
        found = findings(folder, scenario, deployed=_deployed(connect) if deployed else None)
    if as_json:
        print_json(found)
    elif not found:
        say(f"nothing was found: {scenario or 'all scenarios'} can run")
    else:
        rows = [(one.scenario, one.severity, one.where, one.message) for one in found]
        print_table(("scenario", "", "where", ""), rows, empty="")
    if found:
        raise typer.Exit(_ERROR if any(one.severity == "error" for one in found) else _WARNING)


def _known(connect: Callable[[], Client], project: str, scenario: str | None) -> tuple[ScenarioFinding, ...]:
    """What the control plane finds, in its deployments and versions, too."""
    with connect() as client:
        ids = [scenario] if scenario is not None else [one.id for one in client.scenarios(project)]
        found = (finding for id_ in ids for finding in client.check_scenario(project, id_))
        return tuple(dict.fromkeys(found))


def _deployed(connect: Callable[[], Client]) -> Deployed:
    from scoreline.automation.scenario_findings import Deployed

    with connect() as client:
        return Deployed(
            deployments={one.id: one.service for one in client.deployments()},
            versions={
                one.id: tuple(version.version for version in one.versions) for one in client.services()
            },
        )
