"""The network is cut, the control plane restarted, while somebody types: nothing typed is lost."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect
from tests.deployer.processes import ControlPlane
from tests.ui.browser import context

TYPED = "Scores what comes in at night"


@pytest.fixture(scope="module")
def control_plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    running = ControlPlane(tmp_path_factory.mktemp("interrupted") / "home", open=True)
    running.start()
    with running.client() as client:
        client.create_project("night", name="Night")
    yield running
    running.clear()


@pytest.fixture
def reader(chromium: Browser) -> Iterator[BrowserContext]:
    with context(chromium) as opened:
        yield opened


@pytest.fixture
def page(reader: BrowserContext, control_plane: ControlPlane) -> Page:
    opened = reader.new_page()
    opened.goto(f"{control_plane.server.url}/projects/night/settings")
    return opened


def test_a_form_that_could_not_be_sent_says_so_and_is_sent_later(page: Page, reader: BrowserContext) -> None:
    page.get_by_label("Description").fill(TYPED)
    reader.set_offline(True)

    page.get_by_role("button", name="Save", exact=True).click()

    expect(page.get_by_text("What you typed is still here; try again.")).to_be_visible()
    expect(page.get_by_label("Description")).to_have_value(TYPED)
    reader.set_offline(False)
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("saved", exact=False).first).to_be_visible()
    page.reload()
    expect(page.get_by_label("Description")).to_have_value(TYPED)


@pytest.mark.slow
def test_a_form_is_sent_to_the_control_plane_that_came_back(page: Page, control_plane: ControlPlane) -> None:
    port = control_plane.server.url.rpartition(":")[2]
    page.get_by_label("Name", exact=True).fill("Night and day")
    control_plane.kill()
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("What you typed is still here; try again.")).to_be_visible()

    control_plane.start(port=port)
    page.get_by_role("button", name="Save", exact=True).click()

    expect(page.get_by_text("saved", exact=False).first).to_be_visible()
    with control_plane.client() as client:
        assert client.project_settings("night").settings.name == "Night and day"


def test_what_was_typed_is_there_again_after_a_reload(page: Page) -> None:
    page.get_by_label("Description").fill("not saved yet, and not lost")

    page.reload()

    expect(page.get_by_label("Description")).to_have_value("not saved yet, and not lost")
    expect(page.get_by_text("What you typed before is here again")).to_be_visible()
    page.get_by_role("button", name="Discard it").click()
    expect(page.get_by_label("Description")).not_to_have_value("not saved yet, and not lost")
