"""A nursery forks processes that are as good as new ones, and nothing hangs on its life."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from scoreline.studio import nursery_process
from scoreline.studio.nursery import Child, Nursery

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere every process is started plainly")

WORK = """
import os, random, signal, sys, time
from pathlib import Path

folder = Path(sys.argv[1])
what = (folder / "what").read_text()
import numpy
print("drawn", numpy.random.random(), random.random())
print("parent", os.getppid(), "session", os.getsid(0) == os.getpid())
print("descriptors", sorted(int(name) for name in os.listdir("/proc/self/fd"))[:-1])
handled = [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGCHLD)]
print("signals", handled == [signal.SIG_DFL] * 2)
if what == "wait":
    (folder / "begun").touch()
    time.sleep(60)
if what == "fail":
    raise ValueError("it went wrong")
if what == "later":
    (folder / "begun").touch()
    time.sleep(1)
    (folder / "done").touch()
sys.exit(int(what) if what.isdigit() else 0)
"""


@pytest.fixture(autouse=True)
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "modules").mkdir()
    (tmp_path / "modules" / "nursery_work.py").write_text(WORK)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "modules"))


@pytest.fixture
def nursery() -> Iterator[Nursery]:
    made = Nursery(("numpy",))
    yield made
    made.stop()


def begin(nursery: Nursery, folder: Path, what: str = "0", *, heavy: bool = True) -> Child:
    folder.mkdir(exist_ok=True)
    (folder / "what").write_text(what)
    with (folder / "log").open("ab") as log:
        return nursery.start("nursery_work", folder, log.fileno(), heavy=heavy)


def said(folder: Path) -> dict[str, str]:
    lines = (folder / "log").read_text().splitlines()
    return dict(line.split(" ", 1) for line in lines if " " in line)


def wait_for(path: Path) -> None:
    deadline = time.monotonic() + 20
    while not path.exists():
        assert time.monotonic() < deadline, f"{path.name} does not come"
        time.sleep(0.01)


def nursery_of(child: Child) -> int:
    return int(Path(f"/proc/{child.pid}/stat").read_text().rpartition(")")[2].split()[1])


def test_processes_are_forked_by_one_nursery_and_draw_numbers_of_their_own(
    nursery: Nursery, tmp_path: Path
) -> None:
    folders = [tmp_path / "one", tmp_path / "two", tmp_path / "three"]
    statuses = [begin(nursery, folder).wait(30) for folder in folders]

    assert statuses == [0, 0, 0]
    told = [said(folder) for folder in folders]
    assert len({one["parent"].split()[0] for one in told}) == 1
    assert int(told[0]["parent"].split()[0]) != os.getpid()
    assert len({one["drawn"] for one in told}) == 3


def test_a_forked_process_has_its_own_session_no_descriptors_of_others_and_plain_signals(
    nursery: Nursery, tmp_path: Path
) -> None:
    begin(nursery, tmp_path / "one").wait(30)

    told = said(tmp_path / "one")
    assert told["parent"].endswith("session True")
    assert told["descriptors"] == "[0, 1, 2]"
    assert told["signals"] == "True"


@pytest.mark.parametrize(("what", "status"), [("0", 0), ("7", 7), ("fail", 1)])
def test_its_status_and_what_it_prints_are_those_of_a_plain_process(
    nursery: Nursery, tmp_path: Path, what: str, status: int
) -> None:
    assert begin(nursery, tmp_path / "forked", what).wait(30) == status
    assert begin(Nursery(()), tmp_path / "plain", what).wait(30) == status

    logs = [(tmp_path / name / "log").read_text() for name in ("forked", "plain")]
    assert ["ValueError: it went wrong" in log for log in logs] == [what == "fail"] * 2


def test_one_that_is_killed_says_by_which_signal(nursery: Nursery, tmp_path: Path) -> None:
    child = begin(nursery, tmp_path / "one", "wait")
    wait_for(tmp_path / "one" / "begun")
    assert child.poll() is None
    with pytest.raises(subprocess.TimeoutExpired):
        child.wait(0.05)

    os.killpg(child.pid, signal.SIGKILL)

    assert child.wait(20) == -signal.SIGKILL


def test_many_at_once_all_end_with_their_own_status(nursery: Nursery, tmp_path: Path) -> None:
    children = [begin(nursery, tmp_path / str(number), str(number)) for number in range(40)]

    assert [child.wait(60) for child in children] == list(range(40))


def test_light_work_is_started_plainly_while_there_is_no_nursery(nursery: Nursery, tmp_path: Path) -> None:
    begin(nursery, tmp_path / "before", heavy=False).wait(30)
    begin(nursery, tmp_path / "heavy").wait(30)
    begin(nursery, tmp_path / "after", heavy=False).wait(30)

    parents = [said(tmp_path / name)["parent"].split()[0] for name in ("before", "heavy", "after")]
    assert parents[0] == str(os.getpid())
    assert parents[1] == parents[2] != parents[0]


def test_a_killed_nursery_leaves_its_processes_and_another_takes_its_place(
    nursery: Nursery, tmp_path: Path
) -> None:
    left = begin(nursery, tmp_path / "left", "later")
    wait_for(tmp_path / "left" / "begun")
    first = nursery_of(left)

    os.kill(first, signal.SIGKILL)
    following = begin(nursery, tmp_path / "following", "wait")
    wait_for(tmp_path / "following" / "begun")

    assert nursery_of(following) not in (first, os.getpid())
    assert left.wait(20) is not None
    assert (tmp_path / "left" / "done").exists()
    os.killpg(following.pid, signal.SIGKILL)


def test_whoever_asks_does_not_wait_for_a_nursery_that_is_not_warm_yet(tmp_path: Path) -> None:
    (tmp_path / "modules" / "slow_to_load.py").write_text("import time\ntime.sleep(1.5)\n")
    nursery = Nursery(("slow_to_load",))

    child = begin(nursery, tmp_path / "one", "7")

    assert child.poll() is None
    with pytest.raises(subprocess.TimeoutExpired):
        child.wait(0.05)
    assert not (tmp_path / "one" / "log").read_text()
    assert child.wait(30) == 7
    assert child.pid > 0
    nursery.stop()


def test_what_is_expected_of_a_nursery_that_is_stopped_is_started_plainly(tmp_path: Path) -> None:
    (tmp_path / "modules" / "slow_to_load.py").write_text("import time\ntime.sleep(60)\n")
    nursery = Nursery(("slow_to_load",))
    children = [begin(nursery, tmp_path / name, "7") for name in ("one", "two")]

    nursery.stop()

    assert [child.wait(30) for child in children] == [7, 7]
    assert said(tmp_path / "one")["parent"].split()[0] == str(os.getpid())


def test_what_could_not_be_started_has_no_number_that_could_be_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nursery = Nursery(("no_such_module_of_anybody",))
    monkeypatch.setattr(sys, "executable", str(tmp_path / "no-such-program"))

    child = begin(nursery, tmp_path / "one")

    assert child.wait(30) == child.poll() == 1
    with pytest.raises(ProcessLookupError):
        _ = child.pid
    assert "cannot be started: No such file" in (tmp_path / "one" / "log").read_text()
    nursery.stop()


def test_one_that_cannot_load_what_it_is_to_load_is_done_without(tmp_path: Path) -> None:
    nursery = Nursery(("no_such_module_of_anybody",))

    assert begin(nursery, tmp_path / "one", "7").wait(30) == 7
    assert said(tmp_path / "one")["parent"].split()[0] == str(os.getpid())
    nursery.stop()


def test_processes_go_on_when_whoever_asked_for_them_is_killed(tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    (tmp_path / "one" / "what").write_text("later")
    asking = f"""
import os, signal, sys, time
from pathlib import Path
from scoreline.studio.nursery import Nursery

folder = Path({str(tmp_path / "one")!r})
with (folder / "log").open("ab") as log:
    child = Nursery(("numpy",)).start("nursery_work", folder, log.fileno(), heavy=True)
while not (folder / "begun").exists():
    time.sleep(0.01)
print(Path(f"/proc/{{child.pid}}/stat").read_text().rpartition(")")[2].split()[1], flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""
    done = subprocess.run([sys.executable, "-c", asking], capture_output=True, text=True, check=False)

    assert done.returncode == -signal.SIGKILL
    wait_for(tmp_path / "one" / "done")
    deadline = time.monotonic() + 20
    while Path(f"/proc/{int(done.stdout)}").exists():
        assert time.monotonic() < deadline, "the nursery outlives whoever it works for"
        time.sleep(0.01)


def test_it_ends_by_itself_when_nothing_heavy_is_asked_for_a_while(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    idle = f"import {nursery_process.__name__} as made\nmade.IDLE = 0.3\n"
    (tmp_path / "modules" / "short_of_patience.py").write_text(
        "import sys\nsys.modules['__main__'].IDLE = 0.3\n" + idle
    )
    nursery = Nursery(("short_of_patience",))
    begin(nursery, tmp_path / "one").wait(30)
    first = said(tmp_path / "one")["parent"].split()[0]

    deadline = time.monotonic() + 20
    while Path(f"/proc/{first}/cmdline").exists() and Path(f"/proc/{first}/cmdline").read_bytes():
        assert time.monotonic() < deadline, "it stays"
        time.sleep(0.01)

    assert begin(nursery, tmp_path / "two", "7").wait(30) == 7
    assert said(tmp_path / "two")["parent"].split()[0] != first
    nursery.stop()
