"""Times lists and status of a control plane that knows very much.

python -m bench.large_catalog [--services 1000] [--versions 10] [--served] [--rounds 20]

Every service has all versions and a deployment on each of two infrastructures, each with one real node. With
`--served` the nodes really hold all of it first, which the control plane brings there by itself.
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
from sqlalchemy import Table
from tests.deployer.packages import make_package
from tests.deployer.processes import ControlPlane, wait_until

from bench import report
from scoreline.core.deployment import single
from scoreline.storage import catalog_tables as tables
from scoreline.storage.artifacts import Artifacts
from scoreline.storage.catalog import Catalog
from scoreline.storage.catalog_columns import to_text

_INFRASTRUCTURES = ("local", "other")
_AT = "2030-01-01T00:00:00.000+00:00"
_BARS = {"lists": 100.0, "status": 300.0}
"""Milliseconds."""


def main() -> None:
    """Fill a catalog, start the control plane over it, and time what it answers."""
    options = _options()
    with tempfile.TemporaryDirectory(prefix="scoreline-bench-") as name:
        home = Path(name) / "home"
        every = 2.0 if options.served else 3600.0
        plane = ControlPlane(home, reconcile_seconds=every, test_query_seconds=1e6)
        plane.start()
        make_second(plane)
        plane.end()
        _say("filling the catalog")
        fill(home, Path(name), options.services, options.versions)
        plane.start()
        try:
            wait(plane, served=options.served, count=2 * options.services)
            rows, load = _time(plane, options.rounds)
        finally:
            plane.clear()
    text = _text(rows, load, options)
    sys.stdout.write(text)
    report.put_section("A large catalog", text)


def make_second(plane: ControlPlane) -> None:
    """Make the second infrastructure."""
    with _api(plane) as api:
        made = api.post("/infrastructures", json={"id": "other", "kind": "local", "local_nodes": 1})
        made.raise_for_status()


def fill(home: Path, scratch: Path, services: int, versions: int) -> None:
    """Write the services, versions, deployments and updates into the catalog of a home."""
    catalog = Catalog.open(home / "catalog.sqlite")
    artifacts = Artifacts(home / "packages", longest=1 << 30)
    rows = [_version(catalog, artifacts, make_package(scratch, f"v{n}")) for n in range(1, versions + 1)]
    names = [f"service{number:05}" for number in range(services)]
    last = to_text(single(f"v{versions}"))
    deployments = [
        {
            "id": f"{name}-on-{place}",
            "service": name,
            "infrastructure": place,
            "deployed_service": name,
            "enabled": True,
            "tags": "[]",
            "mapping": last,
            "live": last,
            "live_enabled": True,
            "former": "[]",
            "leaving": False,
            "revision": 1,
        }
        for name in names
        for place in _INFRASTRUCTURES
    ]
    updates = [
        {
            "deployment": one["id"],
            "kind": "light",
            "rolling": False,
            "enabled": True,
            "from_mapping": None,
            "to_mapping": last,
            "by": "ann",
            "started_at": _AT,
            "finished_at": _AT,
            "outcome": "SUCCESS",
            "message": "",
        }
        for one in deployments
        for _ in range(3)
    ]
    _insert(catalog, tables.services, [{"id": name} for name in names])
    _insert(catalog, tables.versions, [{**row, "service": name} for name in names for row in rows])
    _insert(catalog, tables.deployments, deployments)
    _insert(catalog, tables.updates, updates)
    catalog.close()


def _version(catalog: Catalog, artifacts: Artifacts, archive: Path) -> dict[str, object]:
    """The row of a real version, whose archive is in the store."""
    from scoreline.deployer.services import Services

    with artifacts.draft() as draft:
        draft.write(archive.read_bytes())
        version, _ = Services(catalog, artifacts).publish(draft, "ann")
    c = tables.versions.c
    with catalog.transactions.reading() as connection:
        query = tables.versions.select().where(c.version == version.manifest.version)
        return dict(connection.execute(query).mappings().first() or {})


def _insert(catalog: Catalog, table: Table, rows: list[dict[str, object]]) -> None:
    with catalog.transactions.writing() as connection:
        connection.execute(table.insert(), rows)


def wait(plane: ControlPlane, *, served: bool, count: int) -> None:
    """Return when the nodes are up, and serve everything if they are to."""
    began = time.monotonic()

    def healthy() -> bool:
        with _api(plane) as api:
            status = api.get("/status", timeout=60).json()
        good = sum(one["health"] == "HEALTHY" for one in status["deployments"])
        _say(f"{good} of {count} deployments are served after {time.monotonic() - began:.0f} s")
        time.sleep(2)
        return good == count

    def up() -> bool:
        nodes = [node for one in plane.status().infrastructures for node in one.nodes]
        return len(nodes) == 2 and all(node.up for node in nodes)

    wait_until(up, "the nodes are up")
    if served:
        wait_until(healthy, "everything is served", 3600)


def _time(plane: ControlPlane, rounds: int) -> tuple[list[str], float]:
    """A row of each call, and the machine's load."""
    calls = {
        "status": ("/status", _BARS["status"]),
        "deployments, 100 of them": ("/deployments", _BARS["lists"]),
        "deployments, 1000 of them": ("/deployments?limit=1000", _BARS["lists"]),
        "services, 100 of them": ("/services", _BARS["lists"]),
        "services, 1000 of them": ("/services?limit=1000", _BARS["lists"]),
        "updates of one": ("/deployments/service00000-on-local/updates", _BARS["lists"]),
        "one deployment": ("/deployments/service00000-on-local", _BARS["lists"]),
        "one service": ("/services/service00000", _BARS["lists"]),
        "infrastructures": ("/infrastructures", _BARS["lists"]),
    }
    rows = []
    load = os.getloadavg()[0]
    with _api(plane) as api:
        for what, (path, bar) in calls.items():
            api.get(path, timeout=60).raise_for_status()
            took = []
            before = _cpu_seconds(plane.server.pid)
            for _ in range(rounds):
                began = time.perf_counter()
                answer = api.get(path, timeout=60)
                took.append(1000 * (time.perf_counter() - began))
            cpu = 1000 * (_cpu_seconds(plane.server.pid) - before) / rounds
            rows.append(
                f"| {what} | {statistics.median(took):.1f} | {max(took):.1f} | {cpu:.1f} | ≤ {bar:.0f} "
                f"| {len(answer.content) // 1000} |"
            )
    return rows, load


def _text(rows: Sequence[str], load: float, options: argparse.Namespace) -> str:
    about = (
        f"`python -m bench.large_catalog`, {report.today()}: {options.services:,} services with "
        f"{options.versions} versions each, {2 * options.services:,} deployments on two infrastructures; "
        f"{options.rounds} calls of each kind over one connection. The machine's load was {load:.1f}."
    )
    head = "| call | median ms | longest ms | processor ms | bar ms | kB |"
    return "\n".join([about, "", head, "|---|" + "---:|" * 5, *rows]) + "\n"


def _cpu_seconds(pid: int) -> float:
    """What a process has used of the processors; on a machine that others use, too, this is what it costs."""
    user, system = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


def _api(plane: ControlPlane) -> httpx.Client:
    server = plane.server
    headers = {"Authorization": f"Bearer {server.key}"}
    return httpx.Client(base_url=f"{server.url}/api/v1", headers=headers, trust_env=False)


def _say(line: str) -> None:
    sys.stderr.write(line + "\n")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("--services", type=int, default=1000)
    parser.add_argument("--versions", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--served", action="store_true")
    return parser.parse_args()


if __name__ == "__main__":
    main()
