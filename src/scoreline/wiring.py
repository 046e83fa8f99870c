"""Settings become parts, and parts become applications: the one file that knows every floor.

`main` is the `scoreline` command. `python -m scoreline.wiring` is the control plane, which `scoreline up`
starts.
"""

from __future__ import annotations

import argparse
import logging
import os
import signal
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import socket
    from pathlib import Path

    from fastapi import FastAPI

    from scoreline.deployer.local_node import LocalNode
    from scoreline.settings import Settings

FIRST_PORT = 8460
_GRACE = 5  # seconds for requests that are being answered when it stops
_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


def main() -> int:
    """Run the command line and give its exit code."""
    from scoreline.cli.main import run

    return run()


def serve(settings: Settings) -> None:
    """Be the control plane until a signal ends it.

    Raises Conflict when the home folder is held by another one, or the port that was asked for is in use.
    """
    from scoreline import __version__
    from scoreline.deployer.control_plane import ControlPlane
    from scoreline.deployer.home import Home
    from scoreline.deployer.ports import listen, url_of
    from scoreline.rest.application import make_application
    from scoreline.wire.control import ServerFile

    for number in _SIGNALS:
        signal.signal(number, _end)
    home = Home(settings.home)
    with home.held(), listen(settings.host, settings.port, FIRST_PORT) as listener:
        url = url_of(settings.host, listener.getsockname()[1])
        control_plane = ControlPlane(
            home,
            _local_node(settings, home.nodes),
            max_package_bytes=settings.max_package_bytes,
            reconcile_seconds=settings.reconcile_seconds,
        )
        application = make_application(
            control_plane,
            version=__version__,
            url=url,
            max_package_bytes=settings.max_package_bytes,
            upload_idle_seconds=settings.upload_idle_seconds,
        )
        try:
            control_plane.start()
            known = home.server()
            key = control_plane.keys.of_this_machine(known.key if known else None)
            home.write_server(ServerFile(url=url, pid=os.getpid(), key=key))
            logging.getLogger(__name__).info("the control plane is up at %s", url)
            _answer(application, listener)
        finally:
            for number in _SIGNALS:
                signal.signal(number, signal.SIG_IGN)  # it is ending, and does so in order
            control_plane.stop()


def _local_node(settings: Settings, folder: Path) -> LocalNode:
    from scoreline.deployer.local_node import LocalNode
    from scoreline.deployer.node_files import LOCAL_NODE, NodeFiles

    return LocalNode(
        NodeFiles(folder, LOCAL_NODE),
        host=settings.host,
        port=settings.node_port,
        workers=settings.node_workers,
    )


def _answer(application: FastAPI, listener: socket.socket) -> None:
    """Answer requests until a signal comes."""
    import uvicorn

    config = uvicorn.Config(
        application,
        log_config=None,
        access_log=False,
        timeout_keep_alive=30,
        timeout_graceful_shutdown=_GRACE,
        server_header=False,
    )
    uvicorn.Server(config).run(sockets=[listener])


def _end(_signal: int, _frame: Any) -> None:
    raise SystemExit(0)


def _control_plane(arguments: Sequence[str]) -> int:
    from scoreline import settings
    from scoreline.cli.console import say
    from scoreline.cli.main import EXIT_CODES
    from scoreline.errors import ScorelineError

    parser = argparse.ArgumentParser(prog="python -m scoreline.wiring")
    for name in ("home", "host", "port", "node_port", "node_workers"):
        parser.add_argument("--" + name.replace("_", "-"))
    flags = vars(parser.parse_args(arguments))
    logging.basicConfig(
        level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    for noisy in ("httpx", "httpcore", "alembic"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    try:
        serve(settings.load(flags))
    except ScorelineError as error:
        say(f"error: {error.message}")
        return next(code for family, code in EXIT_CODES if isinstance(error, family))
    return 0


if __name__ == "__main__":
    sys.exit(_control_plane(sys.argv[1:]))
