"""Settings become parts, and parts become applications: the one file that knows every floor.

`main` is the `scoreline` command. `python -m scoreline.wiring` is the control plane, which `scoreline up`
starts.
"""

from __future__ import annotations

import argparse
import gc
import logging
import os
import signal
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import socket

    from starlette.types import ASGIApp

    from scoreline.deployer.control_plane import ControlPlane
    from scoreline.deployer.events import Events
    from scoreline.deployer.home import Home
    from scoreline.deployer.local_nodes import LocalNodes
    from scoreline.settings import Settings
    from scoreline.studio.project_registry import ProjectRegistry

FIRST_PORT = 8460
_GRACE = 5  # seconds for requests that are being answered when it stops
_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


def main() -> int:
    """Run the command line and give its exit code."""
    from scoreline.cli.main import run

    return run()


def serve(settings: Settings, projects: Sequence[Path] = ()) -> None:
    """Be the control plane until a signal ends it; `projects` are folders that it is to know, too.

    Raises NotFound when one of those holds no project, and Conflict when the home folder is held by another
    one, the port that was asked for is in use, or a project's key is taken.
    """
    for number in _SIGNALS:
        signal.signal(number, _end)  # before what is loaded here, which takes a while
    gc.disable()  # until all is loaded: looking for garbage where there is none takes a fifth of the time

    from scoreline import __version__
    from scoreline.automation.automation import Automation
    from scoreline.automation.detached import LOADED
    from scoreline.automation.messages import message_settings
    from scoreline.automation.publishing import publishing_of
    from scoreline.deployer.control_plane import ControlPlane
    from scoreline.deployer.home import Home
    from scoreline.deployer.ports import listen, url_of
    from scoreline.deployer.secrets import Secrets
    from scoreline.rest.application import make_application
    from scoreline.settings import process_environment
    from scoreline.studio.nursery import Nursery
    from scoreline.studio.project_jobs import ProjectJobs
    from scoreline.studio.project_registry import ProjectRegistry
    from scoreline.ui.application import with_pages
    from scoreline.wire.control import ServerFile

    home = Home(settings.home)
    with home.held(), listen(settings.host, settings.port, FIRST_PORT) as listener:
        registry = ProjectRegistry(home.projects, home.project_folders)
        nursery = Nursery(LOADED)
        jobs = ProjectJobs(home.jobs, "scoreline.automation.job_process", nursery)
        url = url_of(settings.host, listener.getsockname()[1])
        control_plane = ControlPlane(
            home,
            _local_nodes(settings, home.nodes),
            Secrets(home.secrets, process_environment()),
            max_package_bytes=settings.max_package_bytes,
            reconcile_seconds=settings.reconcile_seconds,
            test_query_seconds=settings.test_query_seconds,
            traffic_seconds=settings.traffic_seconds,
        )
        for folder in projects:
            _add_project(control_plane, registry, folder)
        automation = Automation(
            control_plane,
            registry,
            home,
            trigger_seconds=settings.trigger_seconds,
            messages=message_settings(settings, home.message_secrets).to_json(),
            nursery=nursery,
        )
        application = make_application(
            control_plane,
            registry,
            automation,
            jobs,
            version=__version__,
            url=url,
            max_package_bytes=settings.max_package_bytes,
            upload_idle_seconds=settings.upload_idle_seconds,
            open_hosts=frozenset({"localhost", settings.host}) if settings.open else None,
        )
        try:
            control_plane.start()
            automation.start()
            jobs.resume()
            publishing_of(control_plane, registry, jobs).resume()
            first_password = control_plane.users.first_start(closed=not settings.open)
            if first_password is not None:
                _tell_first_password(home, first_password)
            known = home.server()
            key = control_plane.keys.of_this_machine(known.key if known else None)
            home.write_server(ServerFile(url=url, pid=os.getpid(), key=key))
            logging.getLogger(__name__).info("the control plane is up at %s", url)
            _collect_rarely()
            site = with_pages(application, version=__version__, longest_upload=settings.max_package_bytes)
            _answer(site, listener, control_plane.events)
        finally:
            for number in _SIGNALS:
                signal.signal(number, signal.SIG_IGN)  # it is ending, and does so in order
            automation.stop()
            nursery.stop()
            control_plane.stop()


def _add_project(control_plane: ControlPlane, registry: ProjectRegistry, folder: Path) -> None:
    known = set(registry.keys())
    added = registry.add(folder)
    if added.key not in known:
        control_plane.audit.record("add", f"project:{added.key}", after=added)


def _local_nodes(settings: Settings, folder: Path) -> LocalNodes:
    from scoreline.deployer.local_nodes import LocalNodes

    return LocalNodes(folder, host=settings.host, port=settings.node_port, workers=settings.node_workers)


def _tell_first_password(home: Home, password: str) -> None:
    """Show it to whoever looks on; else leave it where only the owner of the home folder finds it."""
    from scoreline.cli.console import say
    from scoreline.core.user import FIRST_ADMIN
    from scoreline.storage.atomic import write_file

    if sys.stderr.isatty():
        say(f"first sign-in: user {FIRST_ADMIN}, one-time password {password}")
        return
    write_file(home.first_password, password.encode(), mode=0o600)
    logging.getLogger(__name__).info(
        "the one-time password of user %s is in %s", FIRST_ADMIN, home.first_password
    )


def _answer(application: ASGIApp, listener: socket.socket, events: Events) -> None:
    """Answer requests until a signal comes."""
    import uvicorn

    class Server(uvicorn.Server):
        async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
            events.close()  # a stream of events would go on until it is cut off
            await super().shutdown(sockets)

    config = uvicorn.Config(
        application,
        log_config=None,
        access_log=False,
        timeout_keep_alive=30,
        timeout_graceful_shutdown=_GRACE,
        server_header=False,
        proxy_headers=False,  # whoever sends them could name any address
    )
    if not _ending.is_set():
        Server(config).run(sockets=[listener])


def _collect_rarely() -> None:
    """Let collections of garbage leave alone what stands: a long list makes tens of thousands of objects at
    once, and they would go through everything again and again meanwhile."""
    gc.freeze()
    gc.enable()
    gc.set_threshold(50_000, 20, 20)


_ending = threading.Event()


def _end(_signal: int, _frame: Any) -> None:
    _ending.set()  # where a collection of garbage was interrupted, what is raised here is lost
    raise SystemExit(0)


def _control_plane(arguments: Sequence[str]) -> int:
    from scoreline import settings
    from scoreline.errors import ScorelineError

    parser = argparse.ArgumentParser(prog="python -m scoreline.wiring")
    for name in ("home", "open", "host", "port", "node_port", "node_workers"):
        parser.add_argument("--" + name.replace("_", "-"))
    parser.add_argument("--project", action="append", type=Path, default=[], dest="projects")
    flags = vars(parser.parse_args(arguments))
    projects = flags.pop("projects")
    logging.basicConfig(
        level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    for noisy in ("httpx", "httpcore", "alembic"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    try:
        serve(settings.load(flags), projects)
    except ScorelineError as error:
        from scoreline.cli.console import say
        from scoreline.cli.main import EXIT_CODES

        say(f"error: {error.message}")
        return next(code for family, code in EXIT_CODES if isinstance(error, family))
    return 0


if __name__ == "__main__":
    sys.exit(_control_plane(sys.argv[1:]))
