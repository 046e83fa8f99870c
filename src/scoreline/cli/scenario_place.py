"""Where commands on scenarios find them: in a control plane that knows the project, or in its folder."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Protocol

import typer

from scoreline.cli.console import say
from scoreline.cli.project_option import find_project
from scoreline.errors import NotFound, ScorelineError

if TYPE_CHECKING:
    from scoreline.client.client import Client
    from scoreline.wire.control_scenarios import ListedScenario, WholeScenario

KnownProjectOption = Annotated[
    str | None,
    typer.Option(
        "--project",
        metavar="PROJECT",
        help="Its folder, or its name in the control plane. Default: the folder one stands in.",
    ),
]
_NOT_KNOWN = "project-not-known"
_NO_SERVER = frozenset(("no-control-plane", "no-answer"))


def complete_scenarios(incomplete: str) -> Sequence[str]:
    """The scenarios of the project one stands in, for a shell that completes."""
    try:
        files = (find_project(None) / "scenarios").glob("*.yaml")
        return sorted(file.stem for file in files if file.stem.startswith(incomplete))
    except (ScorelineError, OSError):
        return []


ScenarioArgument = Annotated[
    str, typer.Argument(metavar="NAME", help="The scenario's id.", autocompletion=complete_scenarios)
]


class Place(Protocol):
    """The scenarios of one project. Methods raise as those of the client."""

    def all(self) -> tuple[ListedScenario, ...]:
        """All of them, by id."""

    def one(self, scenario: str) -> WholeScenario:
        """One with its definition."""

    def duplicate(self, scenario: str, new: str) -> WholeScenario:
        """Make a copy that is not enabled yet."""

    def enable(self, scenario: str, *, enabled: bool) -> WholeScenario:
        """Let its triggers start it, or no more."""

    def delete(self, scenario: str) -> None:
        """Delete its file."""


@contextlib.contextmanager
def scenario_place(connect: Callable[[], Client], project: str | None) -> Iterator[Place]:
    """The control plane where it is up and knows the project; else the folder, which needs no server."""
    folder = folder_of(project)
    with contextlib.ExitStack() as stack:
        try:
            client = stack.enter_context(connect())
            yield InControlPlane(client, project_key(client, project))
            return
        except ScorelineError as error:
            if folder is None or error.code not in {*_NO_SERVER, _NOT_KNOWN}:
                raise
            why = (
                "no control plane is up" if error.code in _NO_SERVER else "the control plane does not know it"
            )
    say(f"from the folder {folder}, since {why}: what has run is not known")
    yield InFolder(folder, why)


def project_key(client: Client, project: str | None) -> str:
    """The name of a project in the control plane, of its folder, or as it is given.

    Raises NotFound when the control plane does not know the folder.
    """
    folder = folder_of(project)
    if folder is None:
        return project or ""
    known = next((one.key for one in client.projects() if Path(one.folder) == folder), None)
    if known is None:
        raise NotFound(
            f"the control plane at {client.url} does not know the project in {folder}; "
            f"let it: scoreline project add {folder}",
            code=_NOT_KNOWN,
        )
    return known


def folder_of(project: str | None) -> Path | None:
    """The folder that is meant; None when a name in the control plane is."""
    if project is None:
        return find_project(None).resolve()
    path = Path(project)
    return find_project(path) if "/" in project or path.is_dir() else None


@dataclass(frozen=True)
class InControlPlane:
    """By its client."""

    client: Client
    project: str

    def all(self) -> tuple[ListedScenario, ...]:
        """All of them, by id."""
        return self.client.scenarios(self.project)

    def one(self, scenario: str) -> WholeScenario:
        """One with its definition."""
        return self.client.scenario(self.project, scenario)

    def duplicate(self, scenario: str, new: str) -> WholeScenario:
        """Make a copy that is not enabled yet."""
        return self.client.duplicate_scenario(self.project, scenario, new)

    def enable(self, scenario: str, *, enabled: bool) -> WholeScenario:
        """Let its triggers start it, or no more."""
        if enabled:
            return self.client.enable_scenario(self.project, scenario)
        return self.client.disable_scenario(self.project, scenario)

    def delete(self, scenario: str) -> None:
        """Delete its file."""
        self.client.delete_scenario(self.project, scenario)


@dataclass(frozen=True)
class InFolder:
    """By its files. What has run is not known here."""

    folder: Path
    why: str
    """Why not in a control plane."""

    def all(self) -> tuple[ListedScenario, ...]:
        """All of them, by id."""
        from scoreline.automation.scenarios import listed_scenario
        from scoreline.studio.scenarios import scenarios_of

        at = datetime.now(UTC)
        return tuple(listed_scenario("", one, (), at=at) for one in scenarios_of(self.folder))

    def one(self, scenario: str) -> WholeScenario:
        """One with its definition."""
        from scoreline.automation.scenarios import listed_scenario
        from scoreline.studio.scenarios import revision_of, scenario_of
        from scoreline.wire.control_scenarios import WholeScenario

        revision = revision_of(self.folder, scenario)
        found = scenario_of(self.folder, scenario)
        listed = listed_scenario("", found, (), at=datetime.now(UTC))
        return WholeScenario(scenario=listed, definition=found.scenario, revision=revision)

    def duplicate(self, scenario: str, new: str) -> WholeScenario:
        """Make a copy that is not enabled yet."""
        from scoreline.studio.scenarios import duplicate_scenario

        duplicate_scenario(self.folder, scenario, new)
        self._tell()
        return self.one(new)

    def enable(self, scenario: str, *, enabled: bool) -> WholeScenario:
        """Let its triggers start it, or no more."""
        from scoreline.studio.scenarios import enable_scenario

        enable_scenario(self.folder, scenario, enabled=enabled)
        self._tell()
        return self.one(scenario)

    def delete(self, scenario: str) -> None:
        """Delete its file."""
        from scoreline.studio.scenarios import delete_scenario

        delete_scenario(self.folder, scenario)
        self._tell()

    def _tell(self) -> None:
        say(f"this change stands in no audit, since {self.why}")
