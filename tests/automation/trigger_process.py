"""Triggers in a process that is killed: `python -m tests.automation.trigger_process FOLDER BEGUN`.

Its clock runs faster than that of the machine, from a time that all processes of a test share.
"""

from __future__ import annotations

import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.automation.watched import Watched

FIRST = datetime(2027, 3, 28, tzinfo=UTC)
FASTER = 600
"""Ten minutes in a second."""


def now(begun: float) -> datetime:
    """What its clock shows."""
    return FIRST + timedelta(seconds=(time.time() - begun) * FASTER)


def main(folder: Path, begun: float) -> None:
    """Look at the triggers until somebody kills this."""
    watched = Watched(folder, clock=lambda: now(begun), every=0.02)
    watched.add_project("cards")
    watched.runs.resume()
    watched.triggers.start()
    print("up", flush=True)  # noqa: T201 - that is what the test waits for
    while True:
        time.sleep(1)


if __name__ == "__main__":
    main(Path(sys.argv[1]), float(sys.argv[2]))
