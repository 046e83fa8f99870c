"""The process of one Python recipe: `python -m scoreline.studio.recipe_process FOLDER`."""

from __future__ import annotations

import linecache
import os
import re
import sys
import threading
import traceback
from collections.abc import Mapping
from pathlib import Path
from types import FrameType
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.feather
from msgspec import Struct

from scoreline.storage.disk import is_disk_full


class Task(Struct, frozen=True, kw_only=True):
    """`task.json`, from the builder to the recipe's process."""

    file: str
    """What the code is called in tracebacks, relative to the project."""
    function: str
    frames: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    project: str


class Fault(Struct, frozen=True, kw_only=True):
    """`fault.json`, back from it when the function failed."""

    message: str
    place: str = ""
    """File, line and text of the last line of the user's code."""
    disk_full: bool = False


class _Wrong(Exception):
    """The function was given or returned something that does not fit the recipe."""


class _DiskFull(Exception):
    """The output does not fit on the disk."""


def main(scratch: Path) -> int:
    """Run the task in a folder; returns the exit status."""
    threading.Thread(target=_die_with_parent, daemon=True).start()
    task = msgspec.json.decode((scratch / "task.json").read_bytes(), type=Task)
    os.chdir(task.project)
    sys.path.insert(0, str(Path(task.project) / "recipes"))
    code = (scratch / "code.py").read_text(encoding="utf-8")
    try:
        _run(task, code, scratch)
    except _Wrong as error:
        return _fail(scratch, Fault(message=str(error)))
    except _DiskFull:
        return _fail(scratch, Fault(message="", disk_full=True))
    except BaseException as error:
        # BaseException: a recipe that calls sys.exit() has not returned its rows.
        traceback.print_exc()
        return _fail(scratch, Fault(message=_shown(error), place=_place(error, task.file, code)))
    return 0


def _run(task: Task, code: str, scratch: Path) -> None:
    space: dict[str, Any] = {"__name__": Path(task.file).stem, "__file__": task.file}
    linecache.cache[task.file] = (len(code), None, code.splitlines(keepends=True), task.file)
    exec(compile(code, task.file, "exec"), space)  # noqa: S102 - that is what this process is for
    function = space.get(task.function)
    if not callable(function):
        raise _Wrong(f"{task.file} defines no function {task.function!r}")
    inputs = {
        argument(dataset): _given(scratch / f"in-{at}.arrow", task.frames)
        for at, dataset in enumerate(task.inputs)
    }
    made = function(**inputs)
    for at, dataset in enumerate(task.outputs):
        table = _table(_output(made, dataset, task), dataset, task)
        try:
            pyarrow.feather.write_feather(table, scratch / f"out-{at}.arrow", compression="uncompressed")
        except OSError as error:
            if is_disk_full(error):
                raise _DiskFull from error
            raise


def argument(dataset: str) -> str:
    """The name under which the function gets a dataset: its id, with what a name cannot hold as `_`."""
    name = re.sub(r"\W", "_", dataset)
    return f"_{name}" if name[0].isdigit() else name


def _given(file: Path, frames: str) -> Any:
    table = pyarrow.feather.read_table(file, memory_map=True)
    return table if frames == "arrow" else table.to_pandas()


def _output(made: Any, dataset: str, task: Task) -> Any:
    if isinstance(made, Mapping):
        if dataset not in made:
            listed = ", ".join(repr(name) for name in list(made)[:8])
            raise _Wrong(f"{task.function}() returned {listed or 'nothing'}, but not the output {dataset!r}")
        return made[dataset]
    if len(task.outputs) > 1:
        raise _Wrong(f"{task.function}() must return a dict of outputs by id, not {type(made).__name__}")
    return made


def _table(made: Any, dataset: str, task: Task) -> pa.Table:
    if isinstance(made, pa.Table):
        return made
    # Only here: a recipe over Arrow tables need not wait for pandas.
    import pandas as pd

    if not isinstance(made, pd.DataFrame):
        raise _Wrong(
            f"{task.function}() must return a pandas.DataFrame or a pyarrow.Table for {dataset!r}, "
            f"not {type(made).__name__}"
        )
    made.columns = [str(name) for name in made.columns]
    try:
        return pa.Table.from_pandas(made, preserve_index=False).replace_schema_metadata(None)
    except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
        raise _Wrong(f"output {dataset!r}: {' '.join(str(part) for part in error.args)[:300]}") from error


def _shown(error: BaseException) -> str:
    text = f"{type(error).__name__}: {error}"
    return text if len(text) <= 300 else text[:299] + "…"


def _place(error: BaseException, file: str, code: str) -> str:
    """The last line of the recipe's own code on the way to the error."""
    if isinstance(error, SyntaxError) and error.filename == file:
        return f"{file} line {error.lineno}"
    lines = [line for frame, line in traceback.walk_tb(error.__traceback__) if _is_of(frame, file)]
    if not lines:
        return file
    text = code.splitlines()[lines[-1] - 1].strip()
    return f"{file} line {lines[-1]} ({text[:80]})"


def _is_of(frame: FrameType, file: str) -> bool:
    return frame.f_code.co_filename == file


def _fail(scratch: Path, fault: Fault) -> int:
    (scratch / "fault.json").write_bytes(msgspec.json.encode(fault))
    return 1


def _die_with_parent() -> None:
    # Not through sys.stdin: an interpreter that ends while a thread waits in a buffered reader aborts itself.
    while os.read(0, 4096):
        pass
    os._exit(1)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
