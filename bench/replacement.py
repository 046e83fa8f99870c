"""Measures how soon a killed worker of a node is replaced, and what a further worker takes of the memory.

python -m bench.replacement [--kills 50] [--trees 100]

A node holds a generation with a model of some trees, linear ones and lookups. Its two workers are killed in
turn. What is measured is the time until another one answers by the current mapping and the node says so:
first without queries, then while 32 connections ask every 10 ms.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import httpx
from tests.node.callers import bias_of
from tests.node.card_packages import make_package, probability
from tests.node.processes import NodeProcess

from bench import report
from bench.load import memory_mb

_SCRIPT = Path(__file__).with_name("swaps.lua")
_BETWEEN = 1.1  # seconds from a replacement to the next kill
_BARS = "Bars: replaced within 1 s; a further worker takes less than 60 MB."


def main() -> None:
    """Measure, print, and write the section of results.md."""
    options = _options()
    with tempfile.TemporaryDirectory(prefix="scoreline-bench-") as name:
        folder = Path(name)
        archive = make_package(folder, "v1", bias=bias_of("v1"), trees=options.trees)
        with _node(folder / "four", archive, workers=4) as node:
            four = memory_mb(node.pid)
        with _node(folder / "two", archive, workers=2) as node:
            two = memory_mb(node.pid)
            rows = [_row("none", node, options.kills)]
            with _asking(node):
                rows.append(_row("32, a query every 10 ms", node, options.kills))
    more = (sum(four.values()) - sum(two.values())) / 2
    text = _text(rows, two, more, options)
    sys.stdout.write(text)
    report.put_section("Replacement of a worker", text)


@contextmanager
def _node(data: Path, archive: Path, *, workers: int) -> Iterator[NodeProcess]:
    node = NodeProcess(data, workers=workers).start()
    try:
        node.install(archive)
        yield node
    finally:
        node.clear()


@contextmanager
def _asking(node: NodeProcess) -> Iterator[None]:
    command = ["wrk", "-t1", "-c32", "-d3600s", "-s", str(_SCRIPT), f"{node.url}/public/api/v1/cards/plain"]
    command += ["--", "10", f"v1={probability(bias_of('v1'))!r}"]
    asking = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        yield
    finally:
        asking.kill()
        asking.wait()


def _row(connections: str, node: NodeProcess, kills: int) -> str:
    load = os.getloadavg()[0]
    times = [1000 * _kill(node, number) for number in range(kills)]
    return (
        f"| {connections} | {kills} | {statistics.median(times):.0f} "
        f"| {statistics.quantiles(times, n=10)[-1]:.0f} | {max(times):.0f} | {load:.1f} |"
    )


def _kill(node: NodeProcess, number: int) -> float:
    """Kill a worker; gives the seconds until there is another one."""
    time.sleep(_BETWEEN)
    before = node.worker_pids()
    os.kill(before[number % 2], signal.SIGKILL)
    began = time.monotonic()
    while True:
        # The one that is asked may be the one that died.
        with contextlib.suppress(httpx.TransportError):
            now = node.worker_pids()
            if len(now) == 2 and set(now) != set(before):
                return time.monotonic() - began


def _text(rows: Sequence[str], memory: dict[int, float], more: float, options: argparse.Namespace) -> str:
    supervisor, nursery, *workers = (f"{mb:.0f}" for mb in memory.values())
    about = (
        f"`python -m bench.replacement`, {report.today()}: one node, 2 workers, a model of {options.trees} "
        f"trees and lookups; the workers are killed in turn. {_BARS}"
    )
    taken = (
        f"- memory (PSS): supervisor {supervisor} MB, nursery {nursery} MB, workers {', '.join(workers)} MB; "
        f"each of two further workers {more:.0f} MB"
    )
    lines = [
        about,
        "",
        "| connections | kills | median ms | p90 ms | longest ms | machine's load |",
        "|---|---:|---:|---:|---:|---:|",
        *rows,
        "",
        taken,
    ]
    return "\n".join(lines) + "\n"


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.replacement", description=__doc__)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--trees", type=int, default=100)
    return parser.parse_args()


if __name__ == "__main__":
    main()
