"""Projects in the browser: made, imported, exported, changed by two people at once, removed."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect
from tests.deployer.processes import ControlPlane
from tests.ui.browser import Watched, context

from scoreline.core.project import ProjectSettings
from scoreline.studio.projects import create_project
from scoreline.ui.projects import key_of, meant, shown

pytestmark = pytest.mark.slow
expect.set_options(timeout=60_000)  # where many tests run at once


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    running = ControlPlane(tmp_path_factory.mktemp("projects") / "home", open=True)
    try:
        running.start()
        yield running
    finally:
        running.clear()


@pytest.fixture
def watched(site: ControlPlane, chromium: Browser) -> Iterator[Watched]:
    with context(chromium) as reader:
        found = Watched(reader.new_page())
        found.page.set_default_timeout(60_000)
        yield found
        # A form that is refused is answered with 4xx, and the browser notes that.
        assert [one for one in found.wrong if not _is_refusal(one)] == []


def _is_refusal(said: str) -> bool:
    return any(status in said for status in ("400", "409", "412"))


def opened(watched: Watched, site: ControlPlane, address: str) -> Page:
    watched.page.goto(site.server.url + address)
    return watched.page


def test_a_project_is_made_from_the_template_and_opens_on_its_flow(
    watched: Watched, site: ControlPlane
) -> None:
    page = opened(watched, site, "/")
    expect(page.get_by_role("heading", name="No projects yet")).to_be_visible()
    page.get_by_role("link", name="New project").first.click()

    page.get_by_label("Real-time APIs").check()
    page.get_by_role("textbox", name="Name", exact=True).fill("Card fraud")
    page.get_by_role("button", name="Make the project").click()

    model = page.get_by_role("link", name="Model Predict authorized_flag (binary)")
    expect(model).to_be_visible(timeout=120_000)
    assert page.url.endswith("/projects/card-fraud/flow")
    page.get_by_role("link", name="Scoreline: all projects").click()
    expect(page.get_by_role("link", name="Card fraud")).to_be_visible()


def test_what_is_wrong_with_an_id_stands_beside_it_and_nothing_typed_is_lost(
    watched: Watched, site: ControlPlane
) -> None:
    with site.client() as client:
        client.create_project("taken")
    page = opened(watched, site, "/projects/new")

    page.get_by_label("Empty project").check()
    page.get_by_role("textbox", name="Name", exact=True).fill("My name for it")
    page.get_by_label("Id", exact=True).fill("taken")
    page.get_by_role("button", name="Make the project").click()

    expect(page.get_by_role("alert")).to_contain_text("give this one another key")
    assert page.get_by_label("Id", exact=True).get_attribute("aria-invalid") == "true"
    assert page.get_by_role("textbox", name="Name", exact=True).input_value() == "My name for it"
    page.get_by_label("Id", exact=True).fill("no id")
    page.get_by_role("button", name="Make the project").click()
    expect(page.get_by_role("alert")).to_contain_text("cannot be the id of a project")
    assert page.get_by_label("Empty project").is_checked()


def test_a_project_is_exported_and_imported_and_a_hostile_archive_is_refused(
    watched: Watched, site: ControlPlane, tmp_path: Path
) -> None:
    with site.client() as client:
        client.create_project("leaves", name="It leaves")
    page = opened(watched, site, "/projects/leaves/settings")
    with page.expect_download() as download:
        page.get_by_role("link", name="With data").click()
    download.value.save_as(tmp_path / "leaves.zip")
    with zipfile.ZipFile(tmp_path / "evil.zip", "w") as evil:
        evil.writestr("../project.yaml", "id: evil\n")

    page = opened(watched, site, "/projects/new?from=archive")
    page.get_by_label("Zip archive").set_input_files(tmp_path / "evil.zip")
    page.get_by_role("button", name="Import").click()
    expect(page.get_by_role("alert")).to_contain_text("leads out of the archive's folder")
    page.get_by_label("Zip archive").set_input_files(tmp_path / "leaves.zip")
    page.get_by_label("Id", exact=True).fill("comes-back")
    page.get_by_role("button", name="Import").click()

    page.wait_for_url("**/projects/comes-back/flow")
    expect(page.get_by_role("link", name="It leaves")).to_be_visible()


def test_the_second_save_shows_what_the_first_changed_and_loses_nothing(
    watched: Watched, site: ControlPlane
) -> None:
    with site.client() as client:
        client.create_project("shared")
    page = opened(watched, site, "/projects/shared/settings")
    page.get_by_label("Description").fill("Mine")
    page.get_by_label("Name of variable 1").fill("since")
    page.get_by_label("Value of variable 1").fill('"3"')
    with site.client() as client:
        theirs = ProjectSettings(id="shared", name="Theirs", variables={"since": 7})
        client.save_project_settings("shared", theirs)

    page.get_by_role("button", name="Save").click()

    told = page.get_by_role("alert")
    expect(told).to_contain_text("Somebody has changed the settings meanwhile")
    expect(told).to_contain_text("Name: Theirs")
    expect(told).to_contain_text("since: 7")
    assert page.get_by_label("Description").input_value() == "Mine"
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("status").filter(has_text="Saved.")).to_be_visible()
    with site.client() as client:
        settings = client.project_settings("shared").settings
    assert (settings.description, settings.variables) == ("Mine", {"since": "3"})


def test_a_project_goes_with_its_folder_once_its_id_is_typed(watched: Watched, site: ControlPlane) -> None:
    with site.client() as client:
        client.create_project("goes")
    page = opened(watched, site, "/projects/goes/settings")

    page.get_by_role("button", name="Delete with its folder").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("gone for good")
    dialog.get_by_label("Type goes to go on").fill("goes")
    dialog.get_by_role("button", name="Delete everything").click()

    page.wait_for_url("**/projects")
    assert not (site.home / "project-folders" / "goes").exists()


def test_a_zone_is_framed_in_the_picture(watched: Watched, site: ControlPlane, tmp_path: Path) -> None:
    create_project(tmp_path / "zoned")
    (tmp_path / "zoned" / "datasets").mkdir()
    (tmp_path / "zoned" / "datasets" / "a.yaml").write_text("kind: managed\n")
    with site.client() as client:
        client.add_project(tmp_path / "zoned")
    page = opened(watched, site, "/projects/zoned/settings")

    page.get_by_label("Name of zone 1").fill("Raw data")
    page.get_by_label("Items of zone 1").fill("a, not_there")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("status").filter(has_text="Saved.")).to_be_visible()

    page = opened(watched, site, "/projects/zoned/flow")
    expect(page.locator(".flow-zone")).to_contain_text("Raw data")


@pytest.mark.parametrize("value", ["text", "3", "true", '"quoted"', "", "1e5", 3, 2.5, True, False, -4])
def test_a_variable_is_what_it_was_after_it_was_shown_and_typed(value: str | int | float | bool) -> None:
    assert meant(shown(value)) == value
    assert type(meant(shown(value))) is type(value)


def test_a_key_is_made_of_a_name() -> None:
    assert key_of(" Card fraud (EU) ") == "card-fraud-eu"
