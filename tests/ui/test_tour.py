"""The tutorial beside the pages."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest
from playwright.sync_api import Browser, expect
from tests.deployer.processes import ControlPlane
from tests.ui.browser import Watched, context

from scoreline.studio.projects import create_project

FLOW = "/projects/real-time-apis/flow"


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    folder = tmp_path_factory.mktemp("tour")
    create_project(folder / "fraud", "real-time-apis", services=False)
    running = ControlPlane(folder / "home", open=True)
    running.start()
    with running.client() as client:
        client.add_project(folder / "fraud")
    yield running
    running.clear()


def test_rows_tick_themselves_off_and_the_panel_stays_until_it_is_closed(
    fresh: ControlPlane, chromium: Browser
) -> None:
    with context(chromium) as reader:
        watched = Watched(reader.new_page())
        page, url = watched.page, fresh.server.url
        page.goto(f"{url}{FLOW}")
        panel = page.get_by_role("complementary", name="The tutorial")
        expect(panel).to_be_hidden()

        page.goto(f"{url}{FLOW}?tour=start")

        expect(panel.get_by_text("0 of 18 done")).to_be_visible()
        expect(panel.locator("[aria-current=step]")).to_contain_text("Build the flow")
        with fresh.client() as client:
            client.build("real-time-apis")
        expect(panel.get_by_text("1 of 18 done")).to_be_visible(timeout=20_000)
        panel.get_by_role("link", name="Look at the model").click()
        expect(panel).to_be_visible()
        panel.get_by_role("button", name="Close the tutorial").click()
        expect(panel).to_be_hidden()
        page.reload()
        expect(panel).to_be_hidden()
        assert watched.wrong == []


def test_a_strange_cookie_does_no_harm(fresh: ControlPlane, chromium: Browser) -> None:
    with context(chromium) as reader:
        strange = {"name": "scoreline_tour_seen", "value": "7-x--9999999-²-8", "url": fresh.server.url}
        reader.add_cookies([strange])  # type: ignore[list-item]
        page = reader.new_page()

        answer = page.goto(f"{fresh.server.url}/tour/real-time-apis")

        assert answer is not None
        assert answer.status == 200
        done = page.locator(".tour-done").evaluate_all("rows => rows.map(row => row.dataset.row)")
        assert {"7", "8"} <= set(done) <= {"1", "7", "8"}


def test_a_project_that_is_not_there_has_no_tour(fresh: ControlPlane) -> None:
    answer = httpx.get(f"{fresh.server.url}/tour/no-such-project", trust_env=False)

    assert answer.status_code == 404
