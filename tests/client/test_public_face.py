"""`import scoreline` gives about a dozen names, each loaded when it is used."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import scoreline

HEAVY = (
    "alembic",
    "dbos",
    "duckdb",
    "fastapi",
    "lmdb",
    "numpy",
    "pandas",
    "pyarrow",
    "ruamel",
    "scipy",
    "sklearn",
    "sqlalchemy",
    "typer",
    "uvicorn",
)


def test_the_public_names_are_sorted_and_there() -> None:
    assert list(scoreline.__all__) == sorted(scoreline.__all__)
    for name in scoreline.__all__:
        assert getattr(scoreline, name) is not None
    assert dir(scoreline) == scoreline.__all__


def test_every_public_name_has_a_type() -> None:
    stub = Path(scoreline.__file__).with_suffix(".pyi").read_text()
    typed = re.findall(r" as (\w+)$|^(__version__):", stub, re.MULTILINE)

    assert sorted(name or other for name, other in typed) == scoreline.__all__


def test_another_name_is_an_attribute_error() -> None:
    assert not hasattr(scoreline, "Clint")


def test_a_client_loads_nothing_heavy() -> None:
    program = (
        "import sys, scoreline\n"
        "client = scoreline.Client('http://127.0.0.1:9', 'key')\n"
        "scoreline.NotFound, scoreline.Health\n"
        "print(' '.join(sorted({name.split('.')[0] for name in sys.modules})))\n"
    )

    loaded = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True
    ).stdout

    assert "httpx" in loaded.split()  # which loads rich itself
    assert [name for name in HEAVY if name in loaded.split()] == []
