"""Measures what queries notice of swaps: latencies with and without, in turn, on a node with two workers.

python -m bench.swaps [--rounds 10] [--seconds 5] [--pauses 10,0] [--between 50,0] [--trees 100]

Generations with a model of some trees, linear ones and lookups. The mapping goes from one to several and
back, and every swap loads a generation; so many milliseconds lie between two swaps. 32 connections ask, each
with a pause between an answer and its next query, or without one: as much as the machine can do.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path

import httpx
from tests.node.callers import bias_of
from tests.node.card_packages import ENDPOINTS, make_package, probability
from tests.node.processes import NodeProcess

from bench import report

_SCRIPT = Path(__file__).with_suffix(".lua")
_VERSIONS = ("v1", "v2", "v3")
_MAPPINGS = (
    {"v1": 1.0},
    {"v1": 0.7, "v2": 0.3},
    {"v3": 1.0},
    {"v2": 0.5, "v3": 0.5},
    {"v3": 0.2, "v1": 0.8},
    {"v2": 1.0},
)
_CONNECTIONS = 32
_BAR = 1.5


@dataclass(frozen=True)
class Window:
    """What wrk saw for some seconds: latencies in µs."""

    requests: int
    seconds: float
    p50: float
    p99: float
    failed: int
    """Answers other than 200, and connections that broke."""
    mixed: int
    """Answers that are not of one generation."""
    swaps: int
    load: float
    """Of the machine, when it began."""


@dataclass(frozen=True)
class Round:
    """One window after the other."""

    steady: Window
    swapping: Window


def main() -> None:
    """Measure, print, and write the section of results.md."""
    options = _options()
    with tempfile.TemporaryDirectory(prefix="scoreline-bench-") as name, _node(Path(name), options) as node:
        rows = [
            _row(pause, between, _rounds(node, pause, between, options))
            for pause in options.pauses
            for between in options.between
        ]
    text = _text(rows, options)
    sys.stdout.write(text)
    report.put_section("Swaps under load", text)


@contextmanager
def _node(folder: Path, options: argparse.Namespace) -> Iterator[NodeProcess]:
    node = NodeProcess(folder / "data", workers=2).start()
    try:
        for version in _VERSIONS:
            node.install(
                make_package(
                    folder, version, bias=bias_of(version), endpoints=ENDPOINTS, trees=options.trees
                ),
                switch=False,
            )
        node.done("POST", "services/cards/actions/switchTo/v1")
        yield node
    finally:
        node.clear()


def _rounds(node: NodeProcess, pause: float, between: float, options: argparse.Namespace) -> list[Round]:
    _window(node, pause, 1)
    rounds = []
    for number in range(options.rounds):
        apart = f"{pause:g} ms between queries, {between:g} ms between swaps"
        sys.stderr.write(f"round {number + 1} of {options.rounds}, {apart}\n")
        steady = _window(node, pause, options.seconds)
        rounds.append(Round(steady, _window(node, pause, options.seconds, between)))
    return rounds


def _window(node: NodeProcess, pause: float, seconds: float, between: float | None = None) -> Window:
    """Ask for some seconds; with swaps unless `between` is None."""
    load = os.getloadavg()[0]
    command = ["wrk", "-t1", f"-c{_CONNECTIONS}", f"-d{seconds:g}s", "-s", str(_SCRIPT)]
    command += [f"{node.url}/public/api/v1/cards/plain", "--", str(pause)]
    command += [f"{name}={probability(bias_of(name))!r}" for name in _VERSIONS]
    ending = threading.Event()
    swaps: list[int] = []
    swapper = threading.Thread(target=_swap, args=(node, (between or 0) / 1000, ending, swaps))
    if between is not None:
        swapper.start()
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=seconds * 5 + 30, check=True)
    finally:
        ending.set()
        if between is not None:
            swapper.join()
    seen = json.loads(done.stdout.strip().splitlines()[-1])
    return Window(
        requests=seen["requests"],
        seconds=seen["microseconds"] / 1e6,
        p50=seen["p50"],
        p99=seen["p99"],
        failed=seen["failed"],
        mixed=seen["mixed"],
        swaps=len(swaps),
        load=load,
    )


def _swap(node: NodeProcess, between: float, ending: threading.Event, swaps: list[int]) -> None:
    with httpx.Client(
        base_url=f"{node.url}/admin/api/", auth=(node.key, ""), timeout=60, trust_env=False
    ) as admin:
        for shares in cycle(_MAPPINGS):
            if ending.wait(between):
                return
            entries = [{"generation": name, "proba": share} for name, share in shares.items()]
            answer = admin.post("services/cards/actions/setMapping", json={"entries": entries})
            swaps.append(answer.raise_for_status().status_code)


def _row(pause: float, between: float, rounds: Sequence[Round]) -> str:
    windows = [window for one in rounds for window in (one.steady, one.swapping)]

    def median(figure: str, kind: str) -> float:
        return statistics.median(getattr(getattr(one, kind), figure) for one in rounds)

    ratio = statistics.median(one.swapping.p99 / one.steady.p99 for one in rounds)
    rates = [window.requests / window.seconds for window in windows]
    return (
        f"| {_milliseconds(pause)} | {_milliseconds(between)} | {statistics.median(rates):,.0f} "
        f"| {sum(one.swapping.swaps for one in rounds)} "
        f"| {median('p50', 'steady') / 1000:.2f} | {median('p50', 'swapping') / 1000:.2f} "
        f"| {median('p99', 'steady') / 1000:.2f} | {median('p99', 'swapping') / 1000:.2f} | {ratio:.2f} "
        f"| {sum(window.failed for window in windows)} | {sum(window.mixed for window in windows)} "
        f"| {statistics.median(window.load for window in windows):.1f} |"
    )


def _milliseconds(pause: float) -> str:
    return f"{pause:g} ms" if pause else "none"


def _text(rows: Sequence[str], options: argparse.Namespace) -> str:
    about = (
        f"`python -m bench.swaps`, {report.today()}: one node, 2 workers, {_CONNECTIONS} connections from "
        f"wrk; {options.rounds} rounds of {options.seconds:g} s without swaps and {options.seconds:g} s with "
        f"them; medians. Every swap loads a generation with a model of {options.trees} trees. Bar: p99 with "
        f"swaps at most {_BAR:g} times that without, none failed or mixed."
    )
    head = (
        "| pause of a connection | between swaps | requests/s | swaps | p50 ms | p50 ms, swaps | p99 ms "
        "| p99 ms, swaps | p99 ratio | failed | mixed | machine's load |"
    )
    return "\n".join([about, "", head, "|---|" + "---:|" * 11, *rows]) + "\n"


def _numbers(text: str) -> list[float]:
    return [float(part) for part in text.split(",")]


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.swaps", description=__doc__)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--pauses", type=_numbers, default=[10, 0])
    parser.add_argument("--between", type=_numbers, default=[50, 0])
    parser.add_argument("--trees", type=int, default=100)
    return parser.parse_args()


if __name__ == "__main__":
    main()
