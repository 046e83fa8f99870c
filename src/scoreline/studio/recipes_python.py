"""Python recipes: a function run in a process of its own, tables going in and out as Arrow files."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import msgspec
import pyarrow as pa
import pyarrow.feather

from scoreline.core.recipe import PythonRecipe
from scoreline.errors import Invalid, Unavailable
from scoreline.storage.disk import disk_full
from scoreline.studio.recipe_process import Fault, Task
from scoreline.studio.recipe_run import RecipeRun


def run_python(recipe: PythonRecipe, run: RecipeRun) -> dict[str, int]:
    """Call the function. What it prints goes into the recipe's log; it dies with the process that builds."""
    for at, dataset in enumerate(recipe.inputs):
        pyarrow.feather.write_feather(
            run.read(dataset), run.scratch / f"in-{at}.arrow", compression="uncompressed"
        )
    task = Task(
        file=f"recipes/{run.recipe_id}.py",
        function=recipe.function,
        frames=recipe.frames,
        inputs=recipe.inputs,
        outputs=recipe.outputs,
        project=str(run.workspace.project.resolve()),
    )
    (run.scratch / "task.json").write_bytes(msgspec.json.encode(task))
    (run.scratch / "code.py").write_text(run.project.code.get(run.recipe_id, ""), encoding="utf-8")
    _call(run)
    return {dataset: _take(at, dataset, run) for at, dataset in enumerate(recipe.outputs)}


def _call(run: RecipeRun) -> None:
    with run.log_file.open("ab") as log:
        # Our end of its standard input closes when we die, however we die, and that ends it.
        process = subprocess.Popen(
            [sys.executable, "-m", "scoreline.studio.recipe_process", str(run.scratch)],
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=log,
            # Sets of text would be in another order in each process.
            env={**os.environ, "PYTHONHASHSEED": "0", "PYTHONUNBUFFERED": "1"},
        )
        try:
            status = process.wait()
        finally:
            process.kill()
            process.wait()
            if process.stdin is not None:
                process.stdin.close()
    fault = run.scratch / "fault.json"
    if fault.exists():
        try:
            raise _error(msgspec.json.decode(fault.read_bytes(), type=Fault))
        except msgspec.MsgspecError as error:
            raise disk_full() from error  # there was no room even for the fault
    if status < 0:
        raise Unavailable(
            f"its process was ended by signal {-status}"
            + (", most likely for want of memory" if status == -9 else "")
        )
    if status != 0:
        raise Invalid(f"its process ended with status {status}; see the log")


def _error(fault: Fault) -> Invalid | Unavailable:
    if fault.disk_full:
        return disk_full()
    return Invalid(f"{fault.place}: {fault.message}" if fault.place else fault.message, code="recipe-code")


def _take(at: int, dataset: str, run: RecipeRun) -> int:
    file: Path = run.scratch / f"out-{at}.arrow"
    try:
        table = pyarrow.feather.read_table(file, memory_map=True)
    except (OSError, pa.ArrowInvalid) as error:
        raise Invalid(f"output {dataset!r} was not written; see the log") from error
    return run.write(dataset, table)
