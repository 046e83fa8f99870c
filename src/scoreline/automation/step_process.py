"""The process of one step: `python -m scoreline.automation.step_process FOLDER`.

It goes on when the control plane dies, which finds its result in the folder when it comes back. It runs once:
whoever holds the lock of the folder and finds no mark of an earlier start does the work.
"""

from __future__ import annotations

import os
import sys
import traceback
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from scoreline.automation.step_result import StepResult, Task, failed
from scoreline.errors import ScorelineError
from scoreline.storage.atomic import write_file
from scoreline.storage.disk import disk_full, is_disk_full
from scoreline.storage.locks import take_lock

TASK, RESULT, LOCK, STARTED = "task.json", "result.json", "lock", "started"


def main(folder: Path) -> int:
    """Do what the task in a folder says, and leave its result there; returns the exit status."""
    lock = take_lock(folder / LOCK)
    if lock is None or (folder / STARTED).exists() or (folder / RESULT).exists():
        return 1
    os.ftruncate(lock, 0)  # one that was cut off may have left a longer number
    os.pwrite(lock, str(os.getpid()).encode(), 0)
    task = msgspec.json.decode((folder / TASK).read_bytes(), type=Task)
    write_file(folder / STARTED, b"")
    write_file(folder / RESULT, msgspec.json.encode(_done(task, folder), enc_hook=str))
    return 0


def say(line: str) -> None:
    """Add a line to the log of the step."""
    one_line = " ".join(line.split())
    sys.stdout.write(f"{datetime.now(UTC):%H:%M:%S} {one_line}\n")
    sys.stdout.flush()


def _done(task: Task, folder: Path) -> StepResult:
    # Here: what it loads takes a second, and the lock is to be taken before.
    from scoreline.automation.studio_steps import perform

    try:
        return perform(task, folder, say)
    except ScorelineError as error:
        return failed(error.message)
    except MemoryError:
        return failed("there is not enough memory")
    except BaseException as error:
        if is_disk_full(error):
            return failed(disk_full().message)
        traceback.print_exc(file=sys.stdout)
        return failed(f"unexpected {type(error).__name__}: {str(error)[:300]}; the log has the whole of it")


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
