"""`python -m scoreline.node`: an API node on a data folder, alone. It needs no control plane."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import socket
import sys
from pathlib import Path

import uvloop

from scoreline.errors import ScorelineError
from scoreline.node.admin import Admin
from scoreline.node.data_folder import DataFolder
from scoreline.node.keys import make_admin_key, read_admin_key
from scoreline.node.limits import Limits
from scoreline.node.listener import listen
from scoreline.node.supervisor import Supervisor


def main(arguments: list[str] | None = None, *, limits: Limits | None = None) -> int:
    """Run a node until SIGTERM or SIGINT; the exit code is 0 then."""
    options = make_parser().parse_args(arguments)
    try:
        return uvloop.run(_serve(options, limits or Limits()))
    except ScorelineError as error:
        sys.stderr.write(f"error: {error.message}\n")
        return 1


async def _serve(options: argparse.Namespace, limits: Limits) -> int:
    data = DataFolder(options.data.absolute())
    lock = data.take()
    key_file = options.admin_key_file
    if key_file is None:
        key_file = data.path / "admin-key"
        make_admin_key(key_file)
        sys.stderr.write(f"the admin key is in {key_file}\n")
    admin_key = read_admin_key(key_file)
    ending = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, ending.set)
    with listen(options.host, options.port) as listener:
        node = Supervisor(
            data,
            listener,
            workers=options.workers,
            admin_key=admin_key,
            kernel=False if options.no_kernel else None,
            limits=limits,
        )
        starting = asyncio.ensure_future(node.start(Admin(node).answer))
        ended = asyncio.ensure_future(ending.wait())
        await asyncio.wait({starting, ended}, return_when=asyncio.FIRST_COMPLETED)
        if starting.done():
            starting.result()
            _say_ready(listener)
            await ended
        await node.stop()
    os.close(lock)
    return 0


def _say_ready(listener: socket.socket) -> None:
    host, port = listener.getsockname()[:2]
    shown = f"[{host}]" if ":" in host else host
    sys.stdout.write(json.dumps({"url": f"http://{shown}:{port}", "pid": os.getpid()}) + "\n")
    sys.stdout.flush()


def make_parser() -> argparse.ArgumentParser:
    """The options of a node; the reference of commands is written from them."""
    parser = argparse.ArgumentParser(
        prog="scoreline node",
        description="Serve the packages in a data folder. Prints one JSON line when ready.",
    )
    parser.add_argument("--data", type=Path, required=True, metavar="FOLDER", help="what the node remembers")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default 127.0.0.1)")
    parser.add_argument("--port", type=_port, default=8470, help="port; 0: any free one (default 8470)")
    parser.add_argument("--workers", type=_workers, default=1, metavar="N", help="processes (default 1)")
    parser.add_argument(
        "--admin-key-file",
        type=Path,
        metavar="FILE",
        help="file with the key of the admin API (default: admin-key in the data folder, made when absent)",
    )
    parser.add_argument(
        "--no-kernel",
        action="store_true",
        help="score with the pure-Python twin even where the kernel is built",
    )
    return parser


def _port(text: str) -> int:
    if not text.isdigit() or int(text) > 65_535:
        raise argparse.ArgumentTypeError("a port is a number from 0 to 65535")
    return int(text)


def _workers(text: str) -> int:
    if not text.isdigit() or not 1 <= int(text) <= 256:
        raise argparse.ArgumentTypeError("there are 1 to 256 workers")
    return int(text)


if __name__ == "__main__":
    sys.exit(main())
