"""The demo: the tutorial's fraud project, from nothing to an answered query, in one command."""

from __future__ import annotations

import getpass
import json
import signal
import sys
import time
import webbrowser
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from scoreline.cli import control_plane
from scoreline.cli.console import err, out, say
from scoreline.errors import Unavailable

if TYPE_CHECKING:
    from scoreline.client.client import Client

SERVICE = "fraud_detection"
ENDPOINT = "predict_fraud"
DEPLOYMENT = "fraud_detection-on-local"
RECORD: dict[str, Any] = {
    "card_id": "C_ID_23626074d5",
    "purchase_amount": 3704.17,
    "signature_provided": 0,
    "merchant_subsector_description": "luxury goods",
    "merchant_state": "Wyoming",
}


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command("demo")(demo)


def demo(
    folder: Annotated[
        Path, typer.Option("--folder", help="Where the demo's project and control plane live.")
    ] = Path("scoreline-demo"),
    size: Annotated[
        str, typer.Option("--size", help="Of the data, when they are made: small (32,700 rows) or full.")
    ] = "small",
    detach: Annotated[
        bool, typer.Option("--detach", help="Return once it answers; leave it running.")
    ] = False,
    by_hand: Annotated[
        bool, typer.Option("--by-hand", help="Only make the project: you do the tutorial, in the pages.")
    ] = False,
    stop: Annotated[bool, typer.Option("--stop", help="End a demo that was left running.")] = False,
) -> None:
    """Build the fraud project, deploy it, and open its pages.

    The tutorial stands beside them, and its rows tick themselves off.

    It prints a query to paste. The second time is quick. Its control plane is open to whoever is on this
    machine.
    """
    home = folder.absolute() / "home"
    if stop:
        _end(home)
        return
    started = time.monotonic()
    project = folder.absolute() / "project"
    _make_project(project, size, services=not by_hand)
    if not by_hand:
        _make_versions(project)
    control_plane.up(home=home, project=[project], open_=True, detach=True)
    _refer_to(home)
    if not by_hand:
        _deploy(project, home)
    say(f"\neverything answers after {time.monotonic() - started:.0f} seconds")
    _open_pages(home)
    if detach:
        say(f"it is left running; end it with: scoreline demo --stop --folder {folder}")
        return
    say("Ctrl-C ends it")
    try:
        signal.sigwait({signal.SIGINT, signal.SIGTERM})
    except KeyboardInterrupt:
        pass
    finally:
        _end(home)


def _refer_to(home: Path) -> None:
    """Let commands that name no control plane find this one."""
    from scoreline import settings
    from scoreline.storage.atomic import write_file
    from scoreline.wire.control import LAST_HOME

    default = settings.load().home
    if default != home:
        write_file(default / LAST_HOME, str(home).encode())


def _end(home: Path) -> None:
    from scoreline import settings
    from scoreline.wire.control import LAST_HOME

    control_plane.down(home=home)
    reference = settings.load().home / LAST_HOME
    if reference.is_file() and reference.read_text() == str(home):
        reference.unlink()


def _open_pages(home: Path) -> None:
    """Say where the pages are, and open them where there is a screen and somebody before it."""
    from scoreline.client.client import Client
    from scoreline.settings import process_environment

    with Client(home=home) as client:
        status = client.status()
        project = client.projects()[0].key
    url = f"{status.url}/projects/{project}/flow?tour=start"
    say(f"its pages, with the tutorial beside them: {url}")
    environment = process_environment()
    if sys.stderr.isatty() and (environment.get("DISPLAY") or environment.get("WAYLAND_DISPLAY")):
        webbrowser.open(url)


def _make_project(project: Path, size: str, *, services: bool) -> None:
    from scoreline.studio.projects import create_project

    if not (project / "project.yaml").exists():
        say(f"making the project from the template real-time-apis ({size}) in {project}")
        create_project(project, "real-time-apis", size=size, services=services)  # type: ignore[arg-type]


def _make_versions(project: Path) -> None:
    """Rows 1 to 5 and 10 to 13 of the tutorial: what is there already is left as it is."""
    from scoreline.storage.workspace import Workspace
    from scoreline.studio.test_queries import add_queries
    from scoreline.studio.tutorial import enrich
    from scoreline.studio.versions import version_ids

    _build(project)
    if "v1" not in version_ids(Workspace(project), SERVICE):
        if not _test_queries(project):
            add_queries(project, SERVICE, ENDPOINT, "test_scored", 5)
        _freeze(project, "v1", "The model with its six features.")
    if "v2" not in version_ids(Workspace(project), SERVICE):
        enrich(project)
        _freeze(project, "v2", "Looks up the cardholder's score and age; adds merchant_lookup.")


def _build(project: Path) -> None:
    from scoreline.cli.build_progress import BuildProgress
    from scoreline.studio.build import build

    with BuildProgress(err) as progress:
        result = build(project, by=getpass.getuser(), progress=progress, say=say)
    if not result.ok:
        raise Unavailable(f"the build failed; its logs are in {project / result.logs}")


def _test_queries(project: Path) -> tuple[Any, ...]:
    from scoreline.storage.project_files import read_project

    endpoints = read_project(project).services[SERVICE].endpoints
    return next(endpoint.test_queries for endpoint in endpoints if endpoint.id == ENDPOINT)


def _freeze(project: Path, version: str, notes: str) -> None:
    from scoreline.studio.packaging import create_version

    create_version(project, SERVICE, version, release_notes=notes, by=getpass.getuser(), progress=say)


def _deploy(project: Path, home: Path) -> None:
    """Rows 5 to 8 and 11 to 13: v1, then v2 on the same deployment, its test queries, the sixth query."""
    from scoreline.client.client import Client
    from scoreline.storage.workspace import Workspace

    with Client(home=home) as client:
        for version in ("v1", "v2"):
            client.publish(Workspace(project).versions(SERVICE) / f"{version}.zip")
        if DEPLOYMENT not in {deployment.id for deployment in client.deployments() if deployment.version}:
            client.deploy(SERVICE, "v1", progress=say)
        if client.deployment(DEPLOYMENT).version == "v1":
            client.update(DEPLOYMENT, "v2", progress=say)
        run = client.run_test_queries(DEPLOYMENT)
        passed = sum(answer.passed for answer in run.answers)
        say(f"test queries on the node: {passed} of {len(run.answers)} passed\n")
        _show(client, home)


def _show(client: Client, home: Path) -> None:
    endpoint = next(one for one in client.deployment(DEPLOYMENT).endpoints if one.id == ENDPOINT)
    answer = client.query(DEPLOYMENT, ENDPOINT, RECORD)
    body = json.dumps({"features": RECORD})
    out.print("A card and four features; the endpoint looks up the other two:\n", markup=False)
    out.print(f"curl -s {endpoint.urls[0]}/predict -d '{body}'\n", markup=False)
    out.print(json.dumps(answer, indent=2) + "\n", markup=False)
    out.print(f"The same from Python:\n\n{_snippet(home)}\n", markup=False)


def _snippet(home: Path) -> str:
    return "\n".join(
        (
            "import scoreline",
            f"client = scoreline.Client(home={str(home)!r})",
            f"answer = client.query({DEPLOYMENT!r}, {ENDPOINT!r}, {RECORD!r})",
            "print(answer['result'])",
        )
    )
