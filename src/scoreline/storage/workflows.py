"""Durable runs: named steps whose results are recorded in SQLite, so that a killed run can be gone on with.

The one room for DBOS, which is a singleton of the process: one `open_runs` at a time, others wait for it.
"""

from __future__ import annotations

import contextlib
import contextvars
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import sqlalchemy as sa
from dbos import DBOS, DBOSConfig, Serializer, SetWorkflowID
from dbos import error as dbos_errors

from scoreline.errors import Unavailable
from scoreline.storage.disk import disk_full

# Which recorded steps this program can go on with. Raise it when the meaning of a step's record changes.
_STEPS_VERSION = "1"
_KEPT_RUNS = 20
_RECORD_ATTEMPTS = 250
_GOING = ["PENDING", "ENQUEUED"]
_OVER = ["SUCCESS", "ERROR", "CANCELLED", "MAX_RECOVERY_ATTEMPTS_EXCEEDED"]

Record = dict[str, Any]
"""What a step leaves: plain JSON."""
RunStep = Callable[[str], Record]
"""Runs the step of that name, or gives its record if it ran before. Any thread may call it."""
Drive = Callable[[RunStep], None]
"""Calls a run's steps, each once, in any order and from any threads it likes; returns when all are done."""


@dataclass(frozen=True)
class UnfinishedRun:
    """A run whose process died."""

    id: str
    request: Record
    records: Mapping[str, Record]
    """By name of the steps that finished."""


class Runs:
    """The runs recorded in one SQLite file. Made by `open_runs`."""

    def __init__(self, step: RunStep) -> None:
        self.step = step
        self._drivers: dict[str, Drive] = {}
        self._changed = threading.Condition()
        self._closed = False

    def unfinished(self) -> list[UnfinishedRun]:
        """Runs that a killed process left, the oldest first."""
        found = DBOS.list_workflows(status=_GOING, app_version=_STEPS_VERSION)
        return [
            UnfinishedRun(
                id=run.workflow_id,
                request=run.input["args"][0] if run.input else {},
                records={
                    step["function_name"]: step["output"]
                    for step in DBOS.list_workflow_steps(run.workflow_id)
                    if step["output"] is not None
                },
            )
            for run in found
        ]

    def give_up(self, run_id: str) -> None:
        """Never go on with a run."""
        DBOS.cancel_workflow(run_id)

    def start(self, run_id: str, request: Record, steps: list[str], drive: Drive) -> None:
        """Run all steps; returns when `drive` does. What `drive` raises is raised here."""
        self._hand_over(run_id, drive)
        with SetWorkflowID(run_id):
            _run({**request, "steps": steps})

    def resume(self, run_id: str, drive: Drive) -> None:
        """Go on with an unfinished run: as `start`, but steps that finished only give their records."""
        over = threading.Event()
        failures: list[BaseException] = []

        def watched(run_step: RunStep) -> None:
            try:
                drive(run_step)
            except BaseException as error:
                failures.append(error)
                raise
            finally:
                over.set()

        self._hand_over(run_id, watched)
        DBOS.resume_workflow(run_id)
        # Not by its result in the file: on a full disk none would ever come.
        over.wait()
        if failures:
            raise failures[0]
        _await_record(run_id)

    def forget_old(self) -> None:
        """Remove all but the newest finished runs from the file."""
        old = DBOS.list_workflows(
            status=_OVER, sort_desc=True, offset=_KEPT_RUNS, load_input=False, load_output=False
        )
        if old:
            DBOS.delete_workflows([run.workflow_id for run in old])

    def close(self) -> None:
        """Let go of runs that wait for somebody to drive them."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def driver_of(self, run_id: str) -> Drive:
        """Who drives a run; waits for it, since a run may be picked up before anybody asked for it."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or run_id in self._drivers)
            if run_id not in self._drivers:
                raise Unavailable("nobody goes on with this run")
            return self._drivers[run_id]

    def _hand_over(self, run_id: str, drive: Drive) -> None:
        with self._changed:
            self._drivers[run_id] = drive
            self._changed.notify_all()


_singleton = threading.Lock()
_open: Runs | None = None


@contextlib.contextmanager
def open_runs(database: Path, step: RunStep) -> Iterator[Runs]:
    """Open the runs recorded in a SQLite file, made when missing; `step` does the work of a named step.

    Paths do not count in the records, so the file may be moved between runs. The caller makes sure that no
    other process has it open. Raises Unavailable when the file cannot be used.
    """
    global _open
    with _singleton:
        _open = Runs(step)
        try:
            with _translated(database):
                DBOS(config=_config(database))
                DBOS.launch()
                yield _open
        finally:
            _open.close()
            DBOS.destroy()
            _open = None


@DBOS.workflow(name="run")
def _run(request: Record) -> None:
    """Every step has its place in the run from the start, so they may run in any order, side by side."""
    runs = _open
    run_id = DBOS.workflow_id
    assert runs is not None
    assert run_id is not None
    places = {name: DBOS.reserve_step() for name in request["steps"]}

    def run_step(name: str) -> Record:
        # Which run we are in is a context variable: a thread that another started has its own.
        return here.copy().run(lambda: places[name].run({"name": name}, runs.step, name))

    here = contextvars.copy_context()
    runs.driver_of(run_id)(run_step)


def _await_record(run_id: str) -> None:
    """Give the thread of a resumed run the time to write down that it is over."""
    for _ in range(_RECORD_ATTEMPTS):
        status = DBOS.get_workflow_status(run_id)
        if status is None or status.status in _OVER:
            return
        time.sleep(0.02)


class _Json(Serializer):
    """Records as JSON: nothing that stands in the file is ever unpickled."""

    def serialize(self, data: Any) -> str:
        return msgspec.json.encode(data, enc_hook=str).decode()

    def deserialize(self, serialized_data: str) -> Any:
        return msgspec.json.decode(serialized_data)

    def name(self) -> str:
        return "scoreline-json"


def _config(database: Path) -> DBOSConfig:
    database.parent.mkdir(parents=True, exist_ok=True)
    return DBOSConfig(
        name="scoreline",
        system_database_url=sa.URL.create("sqlite", database=str(database)).render_as_string(),
        application_version=_STEPS_VERSION,
        # A name of its own: DBOS would at once go on with all runs of an executor of the same name, while we
        # choose which to go on with.
        executor_id=uuid.uuid4().hex,
        serializer=_Json(),
        log_level="CRITICAL",
        enable_otlp=False,
        # Closing waits for the pollers to look up; nothing here depends on how often they do.
        notification_listener_polling_interval_sec=0.1,
    )


@contextlib.contextmanager
def _translated(database: Path) -> Iterator[None]:
    try:
        yield
    except (sa.exc.SQLAlchemyError, dbos_errors.DBOSException) as error:
        cause = str(getattr(error, "orig", None) or error).strip().split("\n")[0]
        if "disk is full" in cause:
            raise disk_full() from error
        raise Unavailable(
            f"the journal of builds {database.parent.name}/{database.name} cannot be used: {cause[:200]}; "
            "if it is damaged, remove it (what was built stays)",
            code="journal",
        ) from error
