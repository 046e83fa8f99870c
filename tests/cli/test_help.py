"""`--help` tells all commands at 80 columns, each in a whole sentence, and shells complete them."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from tests.cli.commands import running_commands
from tests.deployer.packages import make_package
from typer.testing import CliRunner

from scoreline.cli.main import COMMANDS, make_app


def groups(command: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    children = getattr(command, "commands", None)
    if children is not None:
        yield path
        for name, child in children.items():
            yield from groups(child, (*path, name))


GROUPS = list(groups(typer.main.get_command(make_app())))


@pytest.mark.parametrize("path", GROUPS, ids=lambda path: " ".join(path) or "scoreline")
def test_no_line_of_help_is_cut_off_or_wider_than_a_terminal(path: tuple[str, ...]) -> None:
    shown = CliRunner(env={"COLUMNS": "80"}).invoke(make_app(), [*path, "--help"])

    lines = shown.output.splitlines()
    assert shown.exit_code == 0
    assert [line for line in lines if len(line) > 80 or re.search(r"(?<!\])\.{3}$", line)] == []
    assert not any("\x1b" in line for line in lines)


def test_every_command_stands_under_a_heading() -> None:
    command: Any = typer.main.get_command(make_app())

    shown = CliRunner(env={"COLUMNS": "80"}).invoke(make_app(), ["--help"]).output

    for heading in COMMANDS:
        assert f"\n{heading}:\n" in shown
    for name in command.commands:
        assert f"\n  {name} " in shown


def completed(line: str, home: Path) -> list[str]:
    """What a shell offers at the end of a line."""
    words = line.split(" ")
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("SCORELINE_")},
        "SCORELINE_HOME": str(home),
        "_SCORELINE_COMPLETE": "complete_bash",
        "COMP_WORDS": line,
        "COMP_CWORD": str(len(words) - 1),
    }
    command = [str(Path(sys.executable).parent / "scoreline")]
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert ended.stderr == ""
    return ended.stdout.split()


def test_a_shell_completes_commands_and_what_the_control_plane_has(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    folder = tmp_path_factory.mktemp("completion")
    with running_commands(folder) as commands:
        for version in ("v1", "v2"):
            commands("publish", "--file", str(make_package(folder, version)))
        commands("deploy", "merchants", "v1")

        assert completed("scoreline deployment ro", commands.home) == ["rollback"]
        assert completed("scoreline deployment show mer", commands.home) == ["merchants-on-local"]
        assert completed("scoreline update merchants-on-local ", commands.home) == ["v1", "v2"]
        assert completed("scoreline query merchants-on-local m", commands.home) == ["merchant_lookup"]
        assert completed("scoreline deploy m", commands.home) == ["merchants"]
        assert completed("scoreline deploy merchants v1 --infra l", commands.home) == ["local"]
        assert "Production" in completed("scoreline stage delete ", commands.home)


def test_where_no_control_plane_is_a_shell_completes_nothing_and_soon(tmp_path: Path) -> None:
    assert completed("scoreline deployment show ", tmp_path) == []
    assert completed("scoreline deployment show --server http://127.0.0.1:9 --key k ", tmp_path) == []
