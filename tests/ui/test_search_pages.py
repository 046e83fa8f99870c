"""The search in a browser: one key away, with the keyboard alone, and only what one may see."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect
from tests.deployer.packages import make_package
from tests.deployer.processes import ControlPlane
from tests.ui.browser import Watched, context

from scoreline.studio.projects import create_project
from scoreline.ui.search import url_of
from scoreline.wire.control_search import Found

expect.set_options(timeout=30_000)
HOSTILE = '"><img src=x onerror=alert(1)>'
DATASET = f"kind: files\npath: known.csv\ndescription: '{HOSTILE}'\n"


@pytest.fixture(scope="module")
def control_plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    folder = tmp_path_factory.mktemp("search")
    running = ControlPlane(folder / "home", open=True)
    running.start()
    running.wait_for_node()
    create_project(folder / "cards")
    (folder / "cards" / "datasets").mkdir(exist_ok=True)
    (folder / "cards" / "datasets" / "known_cards.yaml").write_text(DATASET)
    with running.client() as client:
        client.add_project(folder / "cards")
        client.publish(make_package(folder))
        client.deploy("merchants", "v1")
    yield running
    running.clear()


@pytest.fixture
def page(control_plane: ControlPlane, chromium: Browser) -> Iterator[Page]:
    with context(chromium) as reader:
        watched = Watched(reader.new_page())
        watched.page.goto(f"{control_plane.server.url}/administration/stages")
        yield watched.page
        assert watched.wrong == []


def test_the_palette_opens_with_a_key_and_leads_to_what_is_chosen(
    page: Page, control_plane: ControlPlane
) -> None:
    page.keyboard.press("/")
    palette = page.get_by_role("dialog", name="Search everything")
    page.keyboard.type("merch")
    expect(palette.get_by_role("option")).to_have_count(3)
    expect(palette.get_by_role("option").first).to_have_attribute("aria-selected", "true")
    expect(palette.get_by_role("option").nth(1)).to_contain_text("deploymentDeployer / merchants / on local")

    page.keyboard.press("ArrowDown")
    expect(page.get_by_role("combobox")).to_have_attribute("aria-activedescendant", "hit-2")
    page.keyboard.press("Enter")

    expect(page).to_have_url(f"{control_plane.server.url}/deployer/deployments/merchants-on-local/status")


def test_the_palette_opens_with_control_k_while_somebody_types_and_closes_with_escape(page: Page) -> None:
    field = page.get_by_label("What Test is for")
    field.fill("typed")
    field.press("/")
    expect(field).to_have_value("typed/")

    field.press("Control+k")
    expect(page.get_by_role("combobox")).to_be_focused()
    page.keyboard.press("Escape")

    expect(page.get_by_role("dialog", name="Search everything")).to_be_hidden()
    expect(field).to_be_focused()


def test_the_page_of_the_search_shows_hostile_text_as_it_is(page: Page, control_plane: ControlPlane) -> None:
    page.on("dialog", lambda _: pytest.fail("a script of a description ran"))
    page.goto(f"{control_plane.server.url}/search")
    page.get_by_label("What you look for").fill("known_cards")
    page.keyboard.press("Enter")

    expect(page.get_by_text(HOSTILE)).to_be_visible()
    page.get_by_role("link", name="known_cards").click()
    expect(page).to_have_url(f"{control_plane.server.url}/projects/cards/datasets/known_cards")


def test_what_is_not_there_is_said_with_what_can_be_found(page: Page, control_plane: ControlPlane) -> None:
    page.goto(f"{control_plane.server.url}/search?q=<b>zebra</b>")

    expect(page.get_by_role("heading", name="Nothing fits “<b>zebra</b>”")).to_be_visible()
    page.keyboard.press("Control+k")
    page.keyboard.type("<b>zebra</b>")
    expect(page.get_by_role("dialog").get_by_text("Nothing fits “<b>zebra</b>”.")).to_be_visible()


def test_the_palette_is_a_link_without_scripts(control_plane: ControlPlane) -> None:
    with httpx.Client(base_url=control_plane.server.url, trust_env=False, timeout=60) as client:
        assert '<a class="search-button" href="/search"' in client.get("/administration/stages").text
        assert "merchants-on-local" in client.get("/search?q=merchants").text


def test_everything_that_can_be_found_has_a_page() -> None:
    found = Found(
        kind="endpoint", id="e", name="", description="", project="p", service="s", infrastructure=""
    )

    assert url_of(found) == "/projects/p/services/s/endpoints/e/settings"
