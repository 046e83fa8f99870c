"""Load from wrk on one loopback server, with the server's processor time over the same span."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

_SCRIPT = Path(__file__).with_name("load.lua")
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Load:
    """One load run: latencies in µs."""

    requests: int
    seconds: float
    p50: float
    p99: float
    errors: int
    cpu_per_request: float
    """Processor time of the server's processes, µs per request."""

    @property
    def rate(self) -> float:
        """Requests per second."""
        return self.requests / self.seconds


def run_load(url: str, bodies: Path, *, connections: int, seconds: float, pid: int) -> Load:
    """Send the bodies (one JSON a line) in turn for some seconds over so many kept connections."""
    before = _processor_seconds(pid)
    command = ["wrk", "-t1", f"-c{connections}", f"-d{max(1, round(seconds))}s", "-s", str(_SCRIPT), url]
    finished = subprocess.run(
        [*command, "--", str(bodies)], capture_output=True, text=True, timeout=seconds * 5 + 30, check=True
    )
    after = _processor_seconds(pid)
    seen = json.loads(finished.stdout.strip().splitlines()[-1])
    requests = int(seen["requests"])
    return Load(
        requests=requests,
        seconds=seen["microseconds"] / 1e6,
        p50=seen["p50"],
        p99=seen["p99"],
        errors=seen["bad_status"] + seen["socket_errors"],
        cpu_per_request=(after - before) * 1e6 / max(1, requests),
    )


def memory_mb(pid: int) -> dict[int, float]:
    """Proportional memory (PSS) of a process and all below it, MB by process id."""
    found: dict[int, float] = {}
    for each in _tree(pid):
        for line in Path(f"/proc/{each}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                found[each] = int(line.split()[1]) / 1024
    return found


def _processor_seconds(pid: int) -> float:
    ticks = 0
    for each in _tree(pid):
        fields = Path(f"/proc/{each}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / _TICKS


def _tree(pid: int) -> list[int]:
    found = [pid]
    for each in found:
        for task in Path(f"/proc/{each}/task").iterdir():
            found.extend(int(child) for child in (task / "children").read_text().split())
    return found
