"""Commands on the control plane of this machine: up and down."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from scoreline.cli.connection import HomeOption
from scoreline.cli.console import AsJson, print_facts, print_json, say
from scoreline.errors import Conflict, Unavailable

if TYPE_CHECKING:
    from scoreline.deployer.home import Home
    from scoreline.wire.control import Status

_OPEN = "open: anyone who reaches it may do everything, without a key; without --open it is closed"
_UP_WITHIN = 90.0  # seconds
_NODES_UP_WITHIN = 45.0
_DOWN_WITHIN = 60.0


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command("up")(up)
    app.command("down")(down)


def up(
    home: HomeOption = None,
    host: Annotated[str | None, typer.Option(help="Address to listen on. Default: 127.0.0.1.")] = None,
    port: Annotated[int | None, typer.Option(help="Port; 0: any. Default: 8460 or the next free.")] = None,
    node_port: Annotated[
        int | None, typer.Option(help="Port of the local node; 0: any. Default: 8470 or the next free.")
    ] = None,
    node_workers: Annotated[int | None, typer.Option(help="Worker processes of the local node.")] = None,
    project: Annotated[
        list[Path] | None, typer.Option(metavar="FOLDER", help="A project to know; may be given again.")
    ] = None,
    open_: Annotated[
        bool, typer.Option("--open", help="Let anyone who reaches it do everything, without a key.")
    ] = False,
    detach: Annotated[
        bool, typer.Option("--detach", help="Return once it answers; leave it running.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Start the control plane, and a node beside it.

    `scoreline down`, or Ctrl-C, stops both.
    """
    from scoreline import settings
    from scoreline.deployer.home import Home

    flags = {"home": home, "host": host, "port": port, "node_port": node_port, "node_workers": node_workers}
    flags["open"] = open_ or None
    found = settings.load(flags)
    place = Home(found.home)
    projects = [folder.absolute() for folder in project or ()]
    command = [sys.executable, "-m", "scoreline.wiring", *_arguments(flags)]
    command += [text for folder in projects for text in ("--project", str(folder))]
    if not detach:
        if place.in_use():
            raise Conflict(_already(place), code="already-up")
        if found.open:
            say(_OPEN)
        os.execv(sys.executable, command)  # noqa: S606
    if place.in_use():
        say(_already(place))
        _add_projects(place, projects)
    else:
        _start(place, command)
        if found.open:
            say(_OPEN)
    _print_up(_await_up(place), as_json)
    _tell_first_password(place)


def down(home: HomeOption = None, as_json: AsJson = False) -> None:
    """Stop the control plane and the nodes beside it."""
    from scoreline import settings
    from scoreline.deployer.home import Home
    from scoreline.deployer.node_files import all_node_files, stop_node

    place = Home(settings.load({"home": home}).home)
    was_up = place.in_use()
    if was_up:
        _end(place)
    # The nodes of a control plane that was killed are still there.
    had_nodes = [stop_node(files) for files in all_node_files(place.nodes)]
    stopped = was_up or any(had_nodes)
    if as_json:
        print_json({"stopped": stopped})
    else:
        say("stopped" if stopped else f"nothing was running for {place.folder}")


def _arguments(flags: Mapping[str, object]) -> list[str]:
    given = [(name, value) for name, value in flags.items() if value is not None]
    return [text for name, value in given for text in ("--" + name.replace("_", "-"), str(value))]


def _already(place: Home) -> str:
    server = place.server()
    where = f" at {server.url}" if server else ""
    return f"a control plane runs for {place.folder} already{where}"


def _start(place: Home, command: list[str]) -> None:
    with place.open_log() as log:
        begun = log.tell()
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
        )
    deadline = time.monotonic() + _UP_WITHIN
    while time.monotonic() < deadline:
        server = place.server()
        if server is not None and server.pid == process.pid:
            return
        if process.poll() is not None:
            said = place.log.read_bytes()[begun:].decode("utf-8", "replace").strip().splitlines()
            why = said[-1].removeprefix("error: ") if said else f"exit code {process.returncode}"
            raise Unavailable(f"the control plane did not start: {why}", code="not-up")
        time.sleep(0.03)
    raise Unavailable(f"the control plane did not start within {_UP_WITHIN:.0f} seconds; see {place.log}")


def _await_up(place: Home) -> Status:
    """The status once all local nodes are up. Raises Unavailable, saying why, when one does not come up."""
    from scoreline.client.client import Client

    deadline = time.monotonic() + _NODES_UP_WITHIN
    with Client(home=place.folder) as client:
        while True:
            found = client.status()
            local = [one for one in found.infrastructures if one.kind == "local"]
            down = [node for one in local for node in one.nodes if not node.up]
            if not down:
                return found
            if time.monotonic() > deadline:
                raise Unavailable(
                    f"the control plane is up at {found.url}, but {down[0].message}", code="not-up"
                )
            time.sleep(0.05)


def _tell_first_password(place: Home) -> None:
    """Say once how the first admin signs in. Here, since what a detached control plane says is kept."""
    from scoreline.core.user import FIRST_ADMIN

    try:
        password = place.first_password.read_text()
        place.first_password.unlink()
    except FileNotFoundError:
        return
    say(f"first sign-in: user {FIRST_ADMIN}, one-time password {password}")


def _add_projects(place: Home, projects: Sequence[Path]) -> None:
    from scoreline.client.client import Client

    with Client(home=place.folder) as client:
        for folder in projects:
            client.add_project(folder)


def _end(place: Home) -> None:
    pid = place.holder()
    if pid is None:
        return
    try:
        os.kill(pid, signal.SIGTERM)
    except ProcessLookupError:
        return
    except PermissionError as error:
        raise Conflict(f"process {pid} belongs to another user; only that one can stop it") from error
    deadline = time.monotonic() + _DOWN_WITHIN
    while place.in_use():
        if time.monotonic() > deadline:
            raise Unavailable(f"process {pid} did not end within {_DOWN_WITHIN:.0f} seconds")
        time.sleep(0.05)


def _print_up(found: Status, as_json: bool) -> None:
    if as_json:
        print_json(found)
        return
    nodes = {f"node {node.id}": node.url for one in found.infrastructures for node in one.nodes}
    print_facts({"control plane": found.url, **nodes})
