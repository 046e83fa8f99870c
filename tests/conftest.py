"""What all tests share: their order, the long repetitions, settings of Hypothesis, a built project."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from tests.acceptance.running import CommandLine

# With AVX-512, NumPy's exponential is not the C library's in the last bit, and what scikit-learn answers for
# several classes hangs on the machine. So that the tests compare bit for bit everywhere, it does without, in
# the processes that they start, too; tests/scoring/test_parity_on_this_machine.py looks at it as it is.
_CPU = Path("/proc/cpuinfo")
if _CPU.exists() and "avx512" in _CPU.read_text("ascii", "replace"):
    os.environ.setdefault("NPY_DISABLE_CPU_FEATURES", "X86_V4")

settings.register_profile(
    "same", deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True
)
settings.register_profile("other", deadline=None, suppress_health_check=[HealthCheck.too_slow])

LONGEST = ("docs", "acceptance", "faults", "ui")
"""Folders whose files take the longest, the longest first."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--soak", action="store_true", help="run the long repetitions whole")


def pytest_configure(config: pytest.Config) -> None:
    """The same examples each time, so that what passed passes again; the soak looks for others."""
    settings.load_profile("other" if config.getoption("--soak") else "same")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """The longest first, so that no worker is left alone with them at the end; files stay whole."""
    if not config.getoption("--soak"):
        config.hook.pytest_deselected(items=[item for item in items if item.get_closest_marker("soak")])
        items[:] = [item for item in items if not item.get_closest_marker("soak")]
    slow = {item.path for item in items if item.get_closest_marker("slow")}

    def rank(item: pytest.Item) -> tuple[bool, int]:
        folder = item.path.parent.name
        return item.path not in slow, LONGEST.index(folder) if folder in LONGEST else len(LONGEST)

    items.sort(key=rank)


@pytest.fixture
def repetitions(request: pytest.FixtureRequest) -> Callable[..., int]:
    """`repetitions(quick=5, whole=50)`: how often to repeat; whole with --soak."""
    soak = request.config.getoption("--soak")

    def choose(*, quick: int, whole: int) -> int:
        return whole if soak else quick

    return choose


@pytest.fixture(scope="session")
def built_tutorial(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tutorial's project after its first build, to be copied. Made once, by the worker that is first."""
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    project = shared / "built-tutorial"
    with (shared / "built-tutorial.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not project.exists():
            draft = CommandLine(shared / "built-tutorial-draft", shared / "no-home")
            draft.folder.mkdir()
            draft.run("init", "fraud", "--template", "real-time-apis")
            replace(draft, folder=draft.folder / "fraud").run("build", "--all")
            (draft.folder / "fraud").rename(project)
    return project
