"""The reference pages say everything that is there, and nothing that is not."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path
from time import perf_counter_ns
from types import SimpleNamespace

import pytest
from scripts import reference

from scoreline.cli.declared import WOULD_CHANGE
from scoreline.cli.main import EXIT_CODES
from scoreline.node.endpoint import LookupEndpoint, PredictionEndpoint
from scoreline.settings import Settings
from scoreline.wire import admin, dataiku

DOCS = Path(__file__).parents[2] / "docs"
SRC = Path(__file__).parents[2] / "src" / "scoreline"


def test_the_generated_parts_are_current() -> None:
    stale = [page.name for page in reference.stale_pages()]

    assert stale == [], "run: python scripts/reference.py"


def test_every_command_is_documented_and_says_what_it_does() -> None:
    page = (DOCS / "reference" / "cli.md").read_text()

    commands = list(reference.walk_commands())
    assert len(commands) > 10
    for name, command in commands:
        assert f"### `{name}`" in page
        assert command.help, f"{name} has no help text"
        for parameter in command.params:
            assert parameter.name == "help" or parameter.help, f"{name}: {parameter.name} has no help text"


def test_every_exit_code_is_documented() -> None:
    page = (DOCS / "reference" / "cli.md").read_text()

    for code in {0, 2, 130, WOULD_CHANGE, *(code for _, code in EXIT_CODES)}:
        assert f"\n| {code} | " in page


def test_every_command_on_a_control_plane_takes_its_options_and_all_can_print_json() -> None:
    for name, command in reference.walk_commands():
        options = {option for parameter in command.params for option in parameter.opts}
        if name not in {"scoreline demo", "scoreline node"}:  # what they print is for people, or is JSON
            assert "--json" in options, name
        if "--server" in options:
            assert {"--home", "--server"} <= options, name


def test_every_setting_is_documented() -> None:
    page = (DOCS / "reference" / "settings.md").read_text()

    for field in dataclasses.fields(Settings):
        assert f"`SCORELINE_{field.name.upper()}`" in page


def test_every_way_to_call_an_endpoint_is_documented() -> None:
    page = (DOCS / "reference" / "http-api.md").read_text()
    scorer = SimpleNamespace(score=None, score_many=None)
    prediction = PredictionEndpoint(scorer, [], b"{}", show_enriched=False, clock=perf_counter_ns)
    lookup = LookupEndpoint([], b"{}", clock=perf_counter_ns)

    for name, action in {**prediction.actions, **lookup.actions}.items():
        route = f"`{dataiku.BASE}/<service>/<endpoint>/{name}`"
        assert f"| {route} | {action.method.decode()} |" in page


def test_every_admin_call_is_documented() -> None:
    page = (DOCS / "reference" / "http-api.md").read_text()
    calls = re.findall(r"^    (GET|POST|PUT|DELETE) +(\S+(?: \| disable)?)", admin.__doc__ or "", re.M)

    assert len(calls) > 10
    for method, path in calls:
        first, _, second = path.partition(" | ")
        assert re.search(rf"^\| {method} \| `{re.escape(first)}`", page, re.M), f"{method} {path}"
        assert not second or f"actions/{second}`" in page


def test_every_code_of_a_nodes_errors_is_documented() -> None:
    page = (DOCS / "reference" / "http-api.md").read_text()
    sources = [*(SRC / "node").glob("*.py"), SRC / "storage" / "archives.py"]
    codes = {code for path in sources for code in re.findall(r'code="([a-z-]+)"', path.read_text())}

    # These end a node or stop it from starting, and go to the terminal.
    codes -= {"bad-state", "port-in-use"}
    assert len(codes) > 20
    for code in sorted(codes):
        assert f"`{code}`" in page, code


def test_every_link_between_pages_leads_somewhere() -> None:
    for page in DOCS.rglob("*.md"):
        for target, anchor in re.findall(r"\]\(([^)#:]*)(#[^)]+)?\)", page.read_text()):
            file = (page.parent / target) if target else page
            assert file.exists(), f"{page}: {target}"
            if anchor:
                assert anchor[1:] in _anchors(file), f"{page}: {target}{anchor}"


@pytest.mark.parametrize("page", sorted(DOCS.rglob("*.md")), ids=lambda page: page.name)
def test_a_page_has_one_title(page: Path) -> None:
    text = re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL)

    assert len(re.findall(r"^# ", text, re.M)) == 1
    assert text.startswith("# ")


def _anchors(page: Path) -> set[str]:
    titles = re.findall(r"^#+ (.+)$", page.read_text(), re.M)
    return {re.sub(r"[^\w\- ]", "", title.lower()).strip().replace(" ", "-") for title in titles}
