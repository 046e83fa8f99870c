"""Times warm pages, as a browser gets and shows them, over a control plane that knows very much.

python -m bench.pages [--services 1000] [--versions 10] [--rounds 10]

The catalog is that of `bench.large_catalog`; a project beside it has a flow of 300 datasets and 299 recipes.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import httpx
from playwright.sync_api import Page
from tests.deployer.processes import ControlPlane
from tests.ui.browser import browser, context
from tests.ui.large_flow import write_large_flow

from bench import report
from bench.large_catalog import fill, wait

_PAGES = {
    "projects": "/projects",
    "flow of 599": "/projects/large/flow",
    "deployments, board": "/deployer/deployments",
    "deployments, list": "/deployer/deployments?view=list",
    "deployments, found by text": "/deployer/deployments?view=list&contains=999",
    "services": "/deployer/services",
    "one service": "/deployer/services/service00500",
    "one version": "/deployer/services/service00500/versions/v10",
    "a deployment": "/deployer/deployments/service00500-on-local/status",
    "its settings": "/deployer/deployments/service00500-on-local/settings",
    "its updates": "/deployer/deployments/service00500-on-local/updates",
    "deploy": "/deployer/deploy?service=service00500",
    "infrastructures": "/deployer/infrastructures",
    "users": "/administration/users",
    "roles": "/administration/roles",
    "audit": "/administration/audit",
    "search": "/search?q=service0050",
}
_BARS = {"flow of 599": 500.0}
_BAR = 300.0  # milliseconds


def main() -> None:
    """Fill a catalog, start the control plane over it, and time its pages."""
    options = _options()
    with tempfile.TemporaryDirectory(prefix="scoreline-bench-") as name:
        home = Path(name) / "home"
        plane = ControlPlane(home, open=True, reconcile_seconds=3600.0, test_query_seconds=1e6)
        plane.start()
        with plane.client() as client:
            client.create_infrastructure("other", kind="local")
            client.add_project(write_large_flow(Path(name) / "large"))
        plane.end()
        sys.stderr.write("filling the catalog\n")
        fill(home, Path(name), options.services, options.versions)
        plane.start()
        try:
            wait(plane, served=False, count=2 * options.services)
            rows, load = _time(plane.server.url, options.rounds)
        finally:
            plane.clear()
    text = _text(rows, load, options)
    sys.stdout.write(text)
    report.put_section("Pages over a large catalog", text)


def _time(url: str, rounds: int) -> tuple[list[str], float]:
    load = os.getloadavg()[0]
    rows = []
    with (
        httpx.Client(base_url=url, trust_env=False, timeout=60) as client,
        browser() as running,
        context(running) as reader,
    ):
        page = reader.new_page()
        for what, path in _PAGES.items():
            page.goto(url + path)
            answered, shown = [], []
            for _ in range(rounds):
                began = time.perf_counter()
                answer = client.get(path).raise_for_status()
                answered.append(1000 * (time.perf_counter() - began))
                shown.append(_shown(page, url + path))
            rows.append(
                f"| {what} | {statistics.median(answered):.0f} | {statistics.median(shown):.0f} "
                f"| {max(shown):.0f} | ≤ {_BARS.get(what, _BAR):.0f} | {len(answer.content) // 1000} |"
            )
    return rows, load


def _shown(page: Page, address: str) -> float:
    """Milliseconds from the request to the end of loading, as the browser measured it."""
    page.goto(address, wait_until="load")
    found: float = page.evaluate("performance.getEntriesByType('navigation')[0].loadEventStart")
    return found


def _text(rows: Sequence[str], load: float, options: argparse.Namespace) -> str:
    about = (
        f"`python -m bench.pages`, {report.today()}: {options.services:,} services with {options.versions} "
        f"versions each, {2 * options.services:,} deployments, a flow of 300 datasets and 299 recipes; "
        f"{options.rounds} rounds, warm. `shown`: until the browser's load event. The machine's load was "
        f"{load:.1f}."
    )
    head = "| page | answered ms | shown ms | longest ms | bar ms | kB |"
    return "\n".join([about, "", head, "|---|" + "---:|" * 5, *rows]) + "\n"


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("--services", type=int, default=1000)
    parser.add_argument("--versions", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=10)
    return parser.parse_args()


if __name__ == "__main__":
    main()
