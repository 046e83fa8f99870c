"""Measures the node beside nginx and peers, and writes the head of bench/results.md.

python -m bench [--rounds 5] [--seconds 3] [--connections 1,32,128]
"""

from __future__ import annotations

import argparse
import contextlib
import shutil
import sys
import tempfile
from pathlib import Path

from bench import contenders, report
from bench.load import Load, memory_mb, run_load
from bench.prepare import Prepared, prepare

_NGINX = "nginx, fixed answer"
_NODE = "node, 1 worker, enrichment"
_PLAIN = "node, 1 worker, no enrichment"
_TWO = "node, 2 workers, enrichment"
_TWIN = "node, 1 worker, enrichment, no kernel"
_PANDAS = "FastAPI + pandas + scikit-learn"
_ONNX = "FastAPI + ONNX Runtime"


def main() -> None:
    """Prepare, measure in interleaved rounds, report."""
    options = _options()
    missing = [tool for tool in ("nginx", "wrk") if shutil.which(tool) is None]
    if missing:
        raise SystemExit(f"the benchmark needs {' and '.join(missing)}: apt-get install nginx-light wrk")
    with tempfile.TemporaryDirectory(prefix="scoreline-bench-") as name:
        folder = Path(name)
        _say("building the project, its package and the peers' models")
        prepared = prepare(folder)
        results, facts = _measure(folder, prepared, options)
    text = _write(results, facts, options)
    report.put_head(text)
    sys.stdout.write(text)


def _measure(
    folder: Path, prepared: Prepared, options: argparse.Namespace
) -> tuple[dict[str, dict[int, list[Load]]], list[str]]:
    results: dict[str, dict[int, list[Load]]] = {}
    with contextlib.ExitStack() as stack:
        running, facts = _start(stack, folder, prepared)
        for round_number in range(options.rounds):
            for connections in options.connections:
                _say(f"round {round_number + 1} of {options.rounds}, {connections} connections")
                for contender in running:
                    load = run_load(
                        contender.url,
                        contender.bodies,
                        connections=connections,
                        seconds=options.seconds,
                        pid=contender.pid,
                    )
                    results.setdefault(contender.name, {}).setdefault(connections, []).append(load)
    return results, facts


def _start(
    stack: contextlib.ExitStack, folder: Path, prepared: Prepared
) -> tuple[list[contenders.Contender], list[str]]:
    enriched, plain = prepared.enriched_bodies, prepared.plain_bodies
    service = "/public/api/v1/fraud_detection/predict_fraud/predict"
    running = [stack.enter_context(contenders.nginx(folder / "nginx", prepared.answer, enriched))]
    facts = [prepared.fact]
    for name, workers, kernel, bodies in (
        (_NODE, 1, True, enriched),
        (_PLAIN, 1, True, plain),
        (_TWO, 2, True, enriched),
        (_TWIN, 1, False, enriched),
    ):
        data = folder / f"node-{len(running)}"
        pid, url, seconds = stack.enter_context(
            contenders.node(data, prepared.package, workers=workers, kernel=kernel)
        )
        running.append(contenders.Contender(name, pid, url + service, bodies))
        if workers == 2:
            memory = ", ".join(f"{mb:.0f}" for mb in memory_mb(pid).values())
            facts.append(f"start to ready, 2 workers: {seconds:.2f} s; memory (PSS) by process: {memory} MB")
    for name, module in ((_PANDAS, "fastapi_pandas"), (_ONNX, "fastapi_onnx")):
        log = folder / f"{module}.log"
        running.append(stack.enter_context(contenders.peer(name, module, prepared.model, enriched, log)))
    return running, facts


def _write(results: dict[str, dict[int, list[Load]]], facts: list[str], options: argparse.Namespace) -> str:
    tables = "\n\n".join(report.table(results, count, _NGINX) for count in options.connections)
    at_32 = 32 if 32 in options.connections else options.connections[0]
    at_1 = 1 if 1 in options.connections else options.connections[0]
    claims = [
        ("of nginx's requests/s, enrichment, kernel", report.ratio(results, at_32, _NODE, _NGINX), "≥ 0.5"),
        (
            "of nginx's requests/s, enrichment, no kernel",
            report.ratio(results, at_32, _TWIN, _NGINX),
            "≥ 0.4",
        ),
        ("p50 at one connection, times nginx's", report.ratio(results, at_1, _NODE, _NGINX, "p50"), "≤ 2"),
        ("times FastAPI + pandas", report.ratio(results, at_32, _NODE, _PANDAS), "≥ 150"),
        ("times FastAPI + ONNX Runtime", report.ratio(results, at_32, _NODE, _ONNX), "≥ 10"),
    ]
    listed = "\n".join(f"| {what} | {value:.2f} | {bar} |" for what, value, bar in claims)
    return (
        "# Benchmark\n\n"
        f"`make bench` on {report.today()}: {report.machine()}\n\n"
        f"{options.rounds} interleaved rounds of {options.seconds:g} s each; medians; 500 different records "
        "in turn; the peers enrich from a dictionary in memory.\n\n"
        f"| claim (one worker, {at_32} connections unless said) | measured | bar |\n|---|---:|---:|\n"
        f"{listed}\n\n"
        f"{tables}\n\n" + "".join(f"- {fact}\n" for fact in facts)
    )


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=3)
    parser.add_argument(
        "--connections", type=lambda text: [int(part) for part in text.split(",")], default=[1, 32, 128]
    )
    return parser.parse_args()


def _say(message: str) -> None:
    sys.stderr.write(message + "\n")


main()
