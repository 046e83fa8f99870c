"""Samples of evaluations as text, read by a process of its own: what reads them takes much memory."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import msgspec

from scoreline.errors import NotFound, Unavailable
from scoreline.storage.models import FEATURES

_WITHIN = 120.0  # seconds
_turns = threading.Semaphore(2)


def sample_text(evaluation: Path) -> bytes:
    """The kept rows of the evaluation in a folder: gzip of tab-separated values.

    Raises NotFound (code `no-rows`) where there are none, Unavailable when they cannot be read now.
    """
    return _read(evaluation, "rows")


def sample_columns(evaluation: Path) -> list[dict[str, Any]]:
    """`name` and `type` (bigint, double or string) of each column of that text. Raises as `sample_text`."""
    columns: list[dict[str, Any]] = msgspec.json.decode(_read(evaluation, "columns"))
    return columns


def _read(evaluation: Path, what: str) -> bytes:
    if not (evaluation / FEATURES).is_file():
        raise NotFound(f"evaluation {evaluation.name!r} has kept no rows", code="no-rows")
    command = [sys.executable, "-m", "scoreline.studio.sample_rows", str(evaluation), what]
    with _turns:
        try:
            done = subprocess.run(
                command, stdin=subprocess.DEVNULL, capture_output=True, check=True, timeout=_WITHIN
            )
        except (OSError, subprocess.SubprocessError) as error:
            raise Unavailable(f"the rows of evaluation {evaluation.name!r} cannot be read now") from error
    return done.stdout
