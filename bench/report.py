"""What was measured, as Markdown: medians over the rounds, and ratios inside one run."""

from __future__ import annotations

import datetime
import platform
import re
import statistics
from collections.abc import Mapping, Sequence
from importlib import metadata
from pathlib import Path

from bench.load import Load

RESULTS = Path(__file__).with_name("results.md")

Results = Mapping[str, Mapping[int, Sequence[Load]]]
"""Contender -> connections -> one load a round."""


def table(results: Results, connections: int, reference: str) -> str:
    """One table for one number of connections; ratios are medians of the ratios of each round."""
    rows = [
        f"| connections: {connections} | requests/s | of nginx | p50 µs | p99 µs | errors | CPU µs/request |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    baseline = results[reference][connections]
    for name, by_connections in results.items():
        loads = by_connections[connections]
        share = statistics.median(a.rate / b.rate for a, b in zip(loads, baseline, strict=True))
        rows.append(
            f"| {name} | {_median(loads, 'rate'):,.0f} | {share:.3f} | {_median(loads, 'p50'):,.0f} "
            f"| {_median(loads, 'p99'):,.0f} | {sum(load.errors for load in loads)} "
            f"| {_median(loads, 'cpu_per_request'):,.1f} |"
        )
    return "\n".join(rows)


def ratio(results: Results, connections: int, left: str, right: str, figure: str = "rate") -> float:
    """Median over the rounds of left's figure divided by right's."""
    pairs = zip(results[left][connections], results[right][connections], strict=True)
    return statistics.median(getattr(a, figure) / getattr(b, figure) for a, b in pairs)


def put_head(text: str) -> None:
    """Write what stands before the sections of results.md."""
    _, *sections = _sections()
    RESULTS.write_text("\n".join([text, *sections]))


def put_section(title: str, text: str) -> None:
    """Write one section of results.md, in its place or at the end."""
    head, *sections = _sections()
    written = f"## {title}\n\n{text}"
    places = [place for place, one in enumerate(sections) if one.startswith(f"## {title}\n")]
    if places:
        sections[places[0]] = written
    else:
        sections.append(written)
    RESULTS.write_text("\n".join([head, *sections]))


def _sections() -> list[str]:
    """What stands before the sections, and each of them, as lines with one end."""
    return [f"{part.rstrip()}\n" for part in re.split(r"^(?=## )", RESULTS.read_text(), flags=re.MULTILINE)]


def today() -> str:
    """The date."""
    return str(datetime.datetime.now(datetime.UTC).date())


def machine() -> str:
    """Processor, memory, kernel and the versions of what was measured."""
    processor = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if line.startswith("model name")
        ),
        platform.machine(),
    )
    cores = Path("/proc/cpuinfo").read_text().count("processor\t:")
    names = ("uvloop", "httptools", "msgspec", "lmdb", "scikit-learn", "onnxruntime", "fastapi", "uvicorn")
    versions = ", ".join(f"{name} {metadata.version(name)}" for name in names)
    return (
        f"{processor}, {cores} cores, Linux {platform.release().split('-')[0]}, "
        f"Python {platform.python_version()}; {versions}. Server and load generator (wrk, one thread) "
        "share the cores."
    )


def _median(loads: Sequence[Load], figure: str) -> float:
    return statistics.median(getattr(load, figure) for load in loads)
