"""The reference pages say everything that is there, and nothing that is not."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import pytest
from scripts import reference

from scoreline.settings import Settings

DOCS = Path(__file__).parents[2] / "docs"


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


def test_every_setting_is_documented() -> None:
    page = (DOCS / "reference" / "settings.md").read_text()

    for field in dataclasses.fields(Settings):
        assert f"`SCORELINE_{field.name.upper()}`" in page


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
