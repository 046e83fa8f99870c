"""Every page, found by following links: no error in the console, no failed request, nothing inaccessible.

Hostile text stands wherever people may write: names, descriptions, notes, labels, columns, values.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page
from tests.deployer.processes import ControlPlane
from tests.ui.browser import NARROW, Watched, context
from tests.ui.site import HOSTILE, every_page, furnished, page_routes

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

AXE = Path(__file__).parents[2] / "web/node_modules/axe-core/axe.min.js"
_RUN = """async (rules) => {
  const found = await axe.run(document, rules ? { runOnly: { type: "rule", values: rules } } : {});
  const places = (one) => one.nodes.slice(0, 3).map((node) => node.target.join(" ")).join(" | ");
  return found.violations.map((one) => `${one.id}: ${one.help}: ${places(one)}`);
}"""


@pytest.fixture(scope="module")
def site(built_tutorial: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    running = furnished(built_tutorial, tmp_path_factory.mktemp("site"), text=HOSTILE)
    yield running
    running.clear()


@pytest.fixture(scope="module")
def pages(site: ControlPlane) -> dict[str, list[str]]:
    return every_page(site.server.url, most=1)


def test_links_lead_to_every_page(pages: dict[str, list[str]]) -> None:
    # Those that only a stranger or a person in trouble sees, and answers to htmx.
    others = {route.path for route in page_routes() if getattr(route.endpoint, "is_part", False)}

    missing = {route.path for route in page_routes()} - pages.keys() - others

    assert missing <= WITHOUT_LINK, sorted(missing - WITHOUT_LINK)


WITHOUT_LINK: set[str] = {"/", "/sign-in", "/tour/{project}", "/projects/{project}"}


def test_no_page_has_errors_or_violations_or_runs_what_people_wrote(
    site: ControlPlane, pages: dict[str, list[str]], chromium: Browser
) -> None:
    wrong: dict[str, list[str]] = {}
    with context(chromium) as reader:
        for address in (one for addresses in pages.values() for one in addresses):
            watched = Watched(reader.new_page())
            watched.page.goto(site.server.url + address, wait_until="load")
            watched.page.wait_for_timeout(150)
            found = [*watched.wrong, *_violations(watched.page)]
            if watched.page.evaluate("window.pwned"):
                found.append("a text was run as a script")
            watched.page.evaluate("document.documentElement.dataset.theme = 'dark'")
            found += [f"dark: {one}" for one in _violations(watched.page, ["color-contrast"])]
            if found:
                wrong[address] = found
            watched.page.close()

    assert wrong == {}, "\n".join(f"{address}\n  " + "\n  ".join(found) for address, found in wrong.items())


def test_no_page_is_wider_than_a_phone(
    site: ControlPlane, pages: dict[str, list[str]], chromium: Browser
) -> None:
    wide: dict[str, Any] = {}
    with context(chromium, narrow=True) as reader:
        page = reader.new_page()
        for address in (one for addresses in pages.values() for one in addresses):
            page.goto(site.server.url + address, wait_until="load")
            width = page.evaluate("document.documentElement.scrollWidth")
            if width > NARROW["width"]:
                wide[address] = width

    assert wide == {}


def _violations(page: Page, rules: list[str] | None = None) -> list[str]:
    if not page.evaluate("typeof axe !== 'undefined'"):
        page.evaluate(AXE.read_text())
    found: list[str] = page.evaluate(_RUN, rules)
    return found
