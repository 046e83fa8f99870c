"""Settings come from the flag, else the environment, else the file, else the default."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import scoreline
from scoreline.errors import Invalid
from scoreline.settings import Settings, load, reference


def test_a_flag_goes_before_the_environment_before_the_file_before_the_default(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text('host = "h1"\nport = 1\nnode_port = 1\nnode_workers = 3\n')
    environment = {"SCORELINE_HOME": str(tmp_path), "SCORELINE_PORT": "2", "SCORELINE_NODE_PORT": "2"}

    found = load({"node_port": 3, "host": None}, environment=environment)

    assert (found.home, found.host, found.port, found.node_port, found.node_workers) == (
        tmp_path,
        "h1",
        2,
        3,
        3,
    )
    assert found.max_package_bytes == Settings.max_package_bytes


def test_an_unknown_setting_in_the_file_names_the_nearest_one(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text("node_wrokers = 3\n")

    with pytest.raises(
        Invalid, match=r"config\.toml: no setting 'node_wrokers' here; did you mean 'node_workers'"
    ):
        load({"home": tmp_path}, environment={})


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("PORT", "eighty", "expected a whole number"),
        ("PORT", "70000", "expected 0 to 65535"),
        ("PORT", "-1", "expected 0 to 65535"),
        ("NODE_WORKERS", "0", "expected 1 to 256"),
        ("RECONCILE_SECONDS", "soon", "expected a number"),
        ("RECONCILE_SECONDS", "nan", "expected 0.05 to 3600"),
    ],
)
def test_a_wrong_value_is_refused_with_its_place(
    tmp_path: Path, name: str, value: str, expected: str
) -> None:
    with pytest.raises(Invalid, match=f"in the environment: {expected}"):
        load({"home": tmp_path}, environment={f"SCORELINE_{name}": value})


def test_a_file_that_is_no_toml_is_refused(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text("port = = 3")

    with pytest.raises(Invalid, match=r"config\.toml"):
        load({"home": tmp_path}, environment={})


def test_the_file_cannot_move_the_home(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text('home = "/elsewhere"')

    with pytest.raises(Invalid, match="cannot move it"):
        load({"home": tmp_path}, environment={})


@given(st.dictionaries(st.sampled_from([f"SCORELINE_{f.name.upper()}" for f in fields(Settings)]), st.text()))
def test_any_environment_is_read_or_refused(environment: dict[str, str]) -> None:
    try:
        found = load({"home": "/nowhere"}, environment=environment)
    except Invalid:
        return
    assert found.home == Path("/nowhere")


def test_the_reference_names_every_setting() -> None:
    page = reference()

    for setting in fields(Settings):
        assert f"`{setting.name}`" in page
        assert f"`SCORELINE_{setting.name.upper()}`" in page


def test_nothing_else_of_the_control_plane_reads_the_environment() -> None:
    # The wiring does, to hand it to the one part that looks up secrets by reference (`env:NAME`).
    source = Path(scoreline.__file__).parent
    rooms = [*source.glob("deployer/*.py"), *source.glob("rest/*.py"), *source.glob("client/*.py")]
    files = [*rooms, *(source / "cli").glob("*.py")]

    assert len(files) > 20
    assert [path.name for path in files if re.search(r"os\.environ|getenv", path.read_text())] == []
