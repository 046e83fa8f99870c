"""The flow's page: a picture that is walked and built by clicks and keys, live, with its table beside it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect
from tests.deployer.processes import ControlPlane
from tests.ui.browser import Watched, context
from tests.ui.large_flow import write_large_flow

from scoreline.studio.projects import create_project

pytestmark = pytest.mark.slow
expect.set_options(timeout=60_000)  # where many tests run at once

HOSTILE = "<img src=x onerror=alert(1)>"
FILES = {
    "data/a.csv": "n,label\n" + "".join(f"{n},{'yes' if n > 20 else 'no'}\n" for n in range(40)),
    "datasets/a.yaml": "kind: files\npath: data/a.csv\n",
    "datasets/good.yaml": "kind: managed\n",
    "datasets/bad.yaml": "kind: managed\n",
    "datasets/after.yaml": "kind: managed\n",
    "models/chance.yaml": f"name: '{HOSTILE}'\n",
    "recipes/make_good.yaml": "kind: sql\ninputs: [a]\noutput: good\n",
    "recipes/make_good.sql": "SELECT n, label FROM a\n",
    "recipes/make_bad.yaml": "kind: sql\ninputs: [good]\noutput: bad\n",
    "recipes/make_bad.sql": "SELECT nothing_there FROM good\n",
    "recipes/make_after.yaml": "kind: sql\ninputs: [bad]\noutput: after\n",
    "recipes/make_after.sql": "SELECT n FROM bad\n",
    "recipes/train_chance.yaml": (
        "kind: train\ninput: good\nmodel: chance\ntask: binary\ntarget: label\n"
        "features: {n: {handling: numeric}}\nalgorithms: [{kind: logistic}]\n"
    ),
}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    folder = tmp_path_factory.mktemp("flow")
    running = ControlPlane(folder / "home", open=True)
    try:
        running.start()
        with running.client() as client:
            client.add_project(_write(folder / "small", FILES))
            client.add_project(write_large_flow(folder / "large"))
            client.create_project("nothing")
        yield running
    finally:
        running.clear()


def _write(folder: Path, files: dict[str, str]) -> Path:
    create_project(folder)
    for name, text in files.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)
    return folder


@pytest.fixture
def watched(site: ControlPlane, chromium: Browser) -> Iterator[Watched]:
    with context(chromium) as reader:
        found = Watched(reader.new_page())
        found.page.set_default_timeout(60_000)
        yield found
        assert found.wrong == []


def opened(watched: Watched, site: ControlPlane, address: str) -> Page:
    watched.page.goto(site.server.url + address)
    return watched.page


def node(page: Page, name: str) -> str:
    return page.locator(f'[data-node="{name}"] [role="img"]').get_attribute("aria-label") or ""


def test_a_failed_build_names_the_recipe_the_cause_and_its_log_while_one_looks_on(
    watched: Watched, site: ControlPlane
) -> None:
    changed = site.home.parent / "small" / "recipes" / "make_good.sql"
    changed.write_text(changed.read_text() + "-- changed\n")
    page = opened(watched, site, "/projects/small/flow")
    assert "stale" in node(page, "recipe:make_good")

    page.get_by_role("button", name="Build all", exact=True).click()

    note = page.get_by_role("alert").filter(has_text="The last build failed")
    expect(note).to_contain_text("make_bad")
    expect(note).to_contain_text("nothing_there")
    expect(page.locator('[data-node="recipe:make_good"]')).to_have_class(re.compile("is-fresh"))
    expect(page.locator('[data-node="recipe:make_bad"]')).to_have_class(re.compile("is-failed"))
    expect(page.locator('[data-node="item:good"]')).to_contain_text("40 rows")
    note.get_by_role("link", name="Its log").click()
    expect(page.get_by_role("heading", name="Log of make_bad")).to_be_visible()
    expect(page.get_by_label("Log", exact=True)).to_contain_text("nothing_there")
    states = page.get_by_role("region", name="Recipes of this build").get_by_role("row")
    expect(states.filter(has_text="make_after")).to_contain_text("skipped")


def test_a_click_selects_and_says_what_can_be_done(watched: Watched, site: ControlPlane) -> None:
    page = opened(watched, site, "/projects/small/flow")

    page.locator('[data-node="item:chance"]').click()

    panel = page.get_by_label("What is selected")
    expect(panel.get_by_role("heading", name=HOSTILE)).to_be_visible()
    assert (panel.get_by_role("link", name="Create API").get_attribute("href") or "").endswith(
        "/projects/small/services/new?model=chance"
    )
    assert page.url.endswith("?node=item%3Achance")
    page.locator('[data-node="item:a"]').click(modifiers=["Shift"])
    expect(panel.get_by_role("heading", name="2 things")).to_be_visible()
    page.reload()
    expect(panel.get_by_role("heading", name="2 things")).to_be_visible()
    panel.get_by_role("button", name="Select nothing").click()
    expect(panel).to_be_empty()


def test_keys_lead_to_the_flow_along_its_lines_and_into_a_thing(watched: Watched, site: ControlPlane) -> None:
    page = opened(watched, site, "/projects/small/jobs")
    page.keyboard.press("g")
    page.keyboard.press("f")
    page.wait_for_url("**/projects/small/flow")

    page.locator('[data-node="item:a"]').focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")

    assert page.evaluate("document.activeElement.dataset.node") == "item:good"
    expect(page.get_by_label("What is selected").get_by_role("heading", name="good")).to_be_visible()
    assert page.evaluate("document.querySelectorAll('[data-node][tabindex=\"0\"]').length") == 1
    with page.expect_request("**/projects/small/datasets/good"):
        page.keyboard.press("Enter")
    watched.wrong.clear()  # that page is another's


def test_one_thing_and_all_that_follows_from_it_are_built_from_the_selection(
    watched: Watched, site: ControlPlane
) -> None:
    page = opened(watched, site, "/projects/small/flow?node=recipe:make_good")
    panel = page.get_by_label("What is selected")

    panel.get_by_role("button", name=re.compile("Build this")).click()

    expect(page.locator("#build-bar")).to_contain_text("Last build")
    with site.client() as client:
        newest = next(client.project_jobs("small"))
        assert newest.title == "build good"
    downstream = panel.locator("form", has=page.get_by_role("button", name="Build downstream"))
    named = downstream.locator('input[name="item"]').evaluate_all("all => all.map((one) => one.value)")
    assert sorted(named) == ["after", "bad", "chance"]


def test_the_table_says_what_the_picture_says(site: ControlPlane) -> None:
    with httpx.Client(base_url=site.server.url, trust_env=False, timeout=60) as client:
        picture = client.get("/projects/small/flow").text
        table = client.get("/projects/small/flow?view=table").text

    for recipe in ("make_good", "make_bad", "make_after", "train_chance"):
        assert f'data-node="recipe:{recipe}"' in picture
        assert f'href="/projects/small/recipes/{recipe}"' in table
    assert HOSTILE not in picture
    assert HOSTILE not in table


def test_an_empty_flow_says_the_next_step(watched: Watched, site: ControlPlane) -> None:
    page = opened(watched, site, "/projects/nothing/flow")

    assert page.get_by_role("heading", name="The flow is empty").is_visible()
    assert page.get_by_role("button", name="Build all", exact=True).is_disabled()


def test_files_that_do_not_fit_together_are_named(site: ControlPlane, tmp_path: Path) -> None:
    broken = _write(tmp_path / "broken", {"datasets/a.yaml": "kind: managd\n"})
    with site.client() as client:
        client.add_project(broken)
    with httpx.Client(base_url=site.server.url, trust_env=False, timeout=60) as client:
        answer = client.get("/projects/broken/flow")

    assert answer.status_code == 400
    assert "datasets/a.yaml" in answer.text
    assert "managd" in answer.text


def test_the_picture_of_600_shows_them_all(site: ControlPlane) -> None:
    with httpx.Client(base_url=site.server.url, trust_env=False, timeout=60) as client:
        answer = client.get("/projects/large/flow")

    assert answer.text.count("data-node=") == 599


def test_a_picture_is_moved_and_zoomed(watched: Watched, site: ControlPlane) -> None:
    page = opened(watched, site, "/projects/large/flow")
    picture = page.locator(".flow-svg")
    before = picture.get_attribute("viewBox")

    page.get_by_role("button", name="All of it").click()
    whole = picture.get_attribute("viewBox")
    box = picture.bounding_box()
    assert box
    page.get_by_role("button", name="Larger").click()
    page.mouse.move(box["x"] + 300, box["y"] + 200)
    page.mouse.down()
    page.mouse.move(box["x"] + 200, box["y"] + 150, steps=4)
    page.mouse.up()

    assert len({before, whole, picture.get_attribute("viewBox")}) == 3
    assert page.url.endswith("/flow")
