"""Every page of the docs, run from top to bottom as a reader would, with real processes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from tests.docs.conftest import Place
from tests.docs.pages import Page, Step, matches, read_page
from tests.docs.sessions import Sessions

ROOT = Path(__file__).parents[2]
FILES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
PAGES = {path.relative_to(ROOT).as_posix(): read_page(path) for path in FILES}
WITH_STEPS = {name: page for name, page in PAGES.items() if page.steps}


def test_the_pages_that_teach_have_steps() -> None:
    assert {"docs/tutorial.md", "docs/second-example.md", "docs/reference/http-api.md"} <= set(WITH_STEPS)


@pytest.mark.slow
@pytest.mark.timeout(900)  # some pages train
@pytest.mark.parametrize("name", WITH_STEPS)
def test_a_page_runs_as_it_is_written(name: str, prepare: Callable[[str], Place]) -> None:
    page = WITH_STEPS[name]
    place = prepare(page.given)

    with Sessions(place.line.folder, place.line.environment) as sessions:
        for step in page.steps:
            _take(page, step, place, sessions)


def _take(page: Page, step: Step, place: Place, sessions: Sessions) -> None:
    where = f"{page.path.relative_to(ROOT)}:{step.line}"
    text = place.real(step.text)
    if step.kind in ("file", "append"):
        target = sessions.folder() / step.path
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("a" if step.kind == "append" else "w") as file:
            file.write(text)
        return
    if step.kind == "python":
        printed, outcome = sessions.python(text, where)
    else:
        printed, outcome = sessions.command(text)
    assert (outcome != 0) == step.fails, f"{where}: ended with {outcome}\n{text}\n{printed}"
    if step.output is not None:
        shown = place.real(step.output)
        assert matches(shown, printed), f"{where}\n{text}\n--- shown\n{shown}\n--- printed\n{printed}"
