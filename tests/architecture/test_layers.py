"""The floors: imports go down, and light parts stay light."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

HEAVY = (
    "numpy",
    "pandas",
    "sklearn",
    "scipy",
    "pyarrow",
    "duckdb",
    "sqlalchemy",
    "dbos",
    "fastapi",
    "lightgbm",
)


def loaded_by(statement: str) -> set[str]:
    listing = f"{statement}\nimport sys\nprint('\\n'.join(sys.modules))"
    finished = subprocess.run([sys.executable, "-c", listing], capture_output=True, text=True, check=True)
    return {name.partition(".")[0] for name in finished.stdout.splitlines()}


@pytest.mark.parametrize(
    "statement",
    [
        "import scoreline",
        "import scoreline.node.__main__",
        "from scoreline import Client",
        "from scoreline.cli.main import make_app; make_app()",
    ],
)
def test_light_parts_load_nothing_heavy(statement: str) -> None:
    assert loaded_by(statement).isdisjoint(HEAVY)


def test_no_lock_file_names_a_host() -> None:
    for lock in (ROOT / "requirements").glob("*.txt"):
        text = lock.read_text()
        assert "://" not in text
        assert "find-links" not in text


def test_every_module_opens_with_a_sentence() -> None:
    for module in (ROOT / "src").rglob("*.py"):
        first = module.read_text().lstrip()
        assert not first or first.startswith('"""'), module
