"""Jobs of projects run in processes of their own, and end with an outcome whatever becomes of these."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.deployer.processes import wait_until
from tests.studio.small_project import write, write_project

from scoreline.core.job import JobOutcome
from scoreline.core.project_job import BuildWork, DriftWork, ProjectJob
from scoreline.errors import Conflict, NotFound
from scoreline.storage.models import ModelStore
from scoreline.storage.workspace import Workspace
from scoreline.studio.job_files import LOCK
from scoreline.studio.lock import project_lock
from scoreline.studio.nursery import Nursery
from scoreline.studio.project_jobs import LOST, MOST_AT_ONCE, ProjectJobs

SLEEPER = """
import time

def run(payments):
    print("sleeping", flush=True)
    time.sleep(300)
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = write_project(tmp_path_factory.mktemp("jobs") / "cards")
    write(folder, "datasets/slept.yaml", "kind: managed\n")
    write(folder, "recipes/sleep.yaml", "kind: python\ninputs: [payments]\noutputs: [slept]\n")
    write(folder, "recipes/sleep.py", SLEEPER)
    return folder


@pytest.fixture(params=[(), ("scoreline.studio.recipes_model",)], ids=["plain", "forked"])
def jobs(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[ProjectJobs]:
    nursery = Nursery(request.param)
    yield ProjectJobs(tmp_path / "jobs", nursery=nursery)
    nursery.stop()


@pytest.fixture
def slow_to_load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of a module that takes two seconds to load."""
    (tmp_path / "modules").mkdir()
    (tmp_path / "modules" / "slow_to_load.py").write_text("import time\ntime.sleep(2)\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "modules"))
    return "slow_to_load"


def ended(jobs: ProjectJobs, job: ProjectJob) -> ProjectJob:
    def look() -> ProjectJob | None:
        found = jobs.one(job.id)
        return found if found.finished_at else None

    return wait_until(look, f"{job.id} has ended", 120)


def process(jobs_folder: Path, job: ProjectJob) -> int:
    """The process of a job, once it has begun."""
    lock = jobs_folder / str(job.number) / LOCK

    def look() -> int | None:
        text = lock.read_text() if lock.exists() else ""
        return int(text) if text else None

    return wait_until(look, "the process has begun")


def test_a_build_ends_with_what_it_built(jobs: ProjectJobs, project: Path) -> None:
    started = jobs.start("cards", project, BuildWork(items=("fraud",), force=True), "ann")
    assert (started.id, started.title, started.by) == ("job-1", "build fraud", "ann")

    found = ended(jobs, started)

    assert found.outcome is JobOutcome.SUCCESS, found.message
    assert [(one["recipe"], one["status"]) for one in found.result["outcomes"]] == [("train_fraud", "built")]
    assert ModelStore(Workspace(project).model("fraud")).active_version().created_by == "ann"
    assert "train_fraud built in" in jobs.log(found)


def test_a_build_that_fails_says_which_recipe_and_why(jobs: ProjectJobs, project: Path) -> None:
    write(project, "datasets/wrong.yaml", "kind: managed\n")
    write(project, "recipes/wrong.yaml", "kind: sql\ninputs: [payments]\noutput: wrong\n")
    write(project, "recipes/wrong.sql", "SELECT nothing_there FROM payments\n")

    found = ended(jobs, jobs.start("cards", project, BuildWork(items=("wrong",)), "ann"))

    assert found.outcome is JobOutcome.FAILED
    assert found.message.startswith("recipe 'wrong':")
    assert "nothing_there" in found.message


def test_what_is_not_there_is_refused_before_anything_starts(jobs: ProjectJobs, project: Path) -> None:
    with pytest.raises(NotFound, match="did you mean 'fraud'"):
        jobs.start("cards", project, BuildWork(items=("frauds",)), "ann")

    assert jobs.newest("cards") == []


def test_what_fails_in_the_process_is_told_with_its_code(jobs: ProjectJobs, project: Path) -> None:
    found = ended(jobs, jobs.start("cards", project, DriftWork(store="none", evaluation="e1"), "ann"))

    assert (found.outcome, found.code) == (JobOutcome.FAILED, "no-such-evaluation-store")
    result = jobs.result(found)
    assert result is not None
    assert result.family == "NotFound"


def test_a_job_runs_while_the_nursery_of_its_process_is_not_warm_yet(
    tmp_path: Path, project: Path, slow_to_load: str
) -> None:
    nursery = Nursery((slow_to_load,))
    jobs = ProjectJobs(tmp_path / "jobs", nursery=nursery)
    work = DriftWork(store="none", evaluation="e1")

    started = [jobs.start("cards", project, work, "ann") for _ in range(2)]
    assert [one.outcome for one in jobs.newest("cards")] == [JobOutcome.RUNNING] * 2
    cancelled = jobs.cancel(started[1], "bob")

    assert cancelled.outcome is JobOutcome.CANCELLED
    assert ended(jobs, started[0]).code == "no-such-evaluation-store"
    nursery.stop()


def test_a_job_that_has_no_process_when_the_control_plane_is_killed_gets_one_from_the_next(
    tmp_path: Path, project: Path, slow_to_load: str
) -> None:
    killed = f"""
import os, signal
from pathlib import Path
from scoreline.core.project_job import DriftWork
from scoreline.studio.nursery import Nursery
from scoreline.studio.project_jobs import ProjectJobs

jobs = ProjectJobs(Path({str(tmp_path / "jobs")!r}), nursery=Nursery(({slow_to_load!r},)))
jobs.start("cards", Path({str(project)!r}), DriftWork(store="none", evaluation="e1"), "ann")
os.kill(os.getpid(), signal.SIGKILL)
"""
    subprocess.run([sys.executable, "-c", killed], check=False)

    jobs = ProjectJobs(tmp_path / "jobs")
    jobs.resume()

    assert ended(jobs, jobs.newest("cards")[0]).code == "no-such-evaluation-store"


def test_a_cancelled_job_ends_so_with_all_that_it_started(jobs: ProjectJobs, project: Path) -> None:
    started = jobs.start("cards", project, BuildWork(items=("slept",)), "ann")
    wait_until(lambda: "sleep:" in jobs.log(started), "the recipe has begun")

    found = jobs.cancel(started, "bob")

    assert (found.outcome, found.message) == (JobOutcome.CANCELLED, "bob cancelled it")
    with pytest.raises(Conflict, match="has ended"):
        jobs.cancel(found, "bob")
    with project_lock(Workspace(project), "look", wait=False):
        pass


def test_a_job_goes_on_without_the_control_plane(tmp_path: Path, project: Path) -> None:
    first = ProjectJobs(tmp_path)
    started = first.start("cards", project, BuildWork(items=("slept",)), "ann")
    pid = process(tmp_path, started)

    second = ProjectJobs(tmp_path)
    second.resume()

    assert second.one(started.id).outcome is JobOutcome.RUNNING
    assert second.cancel(started, "bob").outcome is JobOutcome.CANCELLED
    wait_until(lambda: not Path(f"/proc/{pid}/stat").exists() or _is_zombie(pid), "the process is gone")


def test_a_lost_job_ends_with_a_stated_outcome(tmp_path: Path, project: Path) -> None:
    first = ProjectJobs(tmp_path)
    started = first.start("cards", project, BuildWork(items=("slept",)), "ann")
    os.killpg(process(tmp_path, started), signal.SIGKILL)

    second = ProjectJobs(tmp_path)
    second.resume()
    found = ended(second, started)

    assert (found.outcome, found.message, found.code) == (JobOutcome.FAILED, LOST, "lost")
    assert second.running() == []


def test_so_many_go_on_at_once_and_no_more(jobs: ProjectJobs, project: Path) -> None:
    work = BuildWork(items=("slept",))
    started = [jobs.start("cards", project, work, "ann") for _ in range(MOST_AT_ONCE)]
    try:
        with pytest.raises(Conflict, match="4 jobs of project 'cards' go on already"):
            jobs.start("cards", project, work, "ann")
        assert [one.id for one in jobs.newest("cards", limit=2)] == ["job-4", "job-3"]
        assert [one.id for one in jobs.newest("cards", before=3)] == ["job-2", "job-1"]
        assert [one.id for one in jobs.running()] == ["job-1", "job-2", "job-3", "job-4"]
        assert jobs.newest("others") == []
        with pytest.raises(NotFound):
            jobs.one("job-1", "others")
    finally:
        for job in started:
            jobs.cancel(job, "test")


def _is_zombie(pid: int) -> bool:
    return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"
