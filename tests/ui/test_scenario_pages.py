"""Scenarios in a real browser: made and edited by clicks and keys, run, watched and steered."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect
from tests.automation.dated_project import FILES
from tests.deployer.processes import ControlPlane
from tests.ui.browser import Watched, context

from scoreline.core.dry_run import DryRunSettings

pytestmark = pytest.mark.slow

PROJECT = "payments"
CARDS = "paid_at,amount,age,shop,refused\n2018-04-01,1,2,a,no\n"
ASKS = """\
name: Ask before
steps:
  - {id: note, kind: set_variables, variables: {noted: true}}
  - {id: ask, kind: approval, text: Ship it?}
  - id: tick
    kind: python
    code: |
      def run(variables):
          print("tick by tick <img src=x onerror=alert(1)>", flush=True)
          return {"ticks": 8}
"""
NOTES = """\
name: Notes   # of the risk team
steps:
  - {id: first, kind: set_variables, variables: {a: 1}}
  - {id: second, kind: set_variables, variables: {b: "${a}"}}
  - {id: third, kind: approval, text: done}   # who signs
"""
HOSTILE = "<img src=x onerror=alert(1)>"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("pages") / PROJECT
    for name, text in {**FILES, "data/payments.csv": CARDS, "scenarios/asks.yaml": ASKS}.items():
        path = made / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text.lstrip("\n"))
    return made


@pytest.fixture(scope="module")
def control_plane(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    running = ControlPlane(tmp_path_factory.mktemp("home") / "home", open=True)
    running.start()
    with running.client() as client:
        client.add_project(str(folder))
    yield running
    running.clear()


@pytest.fixture
def watched(control_plane: ControlPlane, chromium: Browser, notes: Path) -> Iterator[Watched]:
    with context(chromium) as reader:
        reader.set_default_timeout(15_000)
        seen = Watched(reader.new_page())
        yield seen
    # What was refused on purpose is no fault of a page.
    assert [one for one in seen.wrong if "400" not in one and "409" not in one and "412" not in one] == []


@pytest.fixture
def page(watched: Watched) -> Page:
    return watched.page


@pytest.fixture
def base(control_plane: ControlPlane) -> str:
    return f"{control_plane.server.url}/projects/{PROJECT}/scenarios"


@pytest.fixture
def notes(folder: Path) -> Iterator[Path]:
    """The file of a scenario of its own."""
    path = folder / "scenarios" / "notes.yaml"
    path.write_text(NOTES)
    yield path
    path.unlink(missing_ok=True)


def titles(page: Page) -> list[str]:
    """The ids of the steps, in order."""
    return page.locator("#part-list .part-title .mono").all_inner_texts()


def step(page: Page, number: int) -> Locator:
    return page.locator(f"#part-{number}")


def menu(item: Locator, what: str) -> None:
    item.locator("summary").click()
    item.get_by_role("button", name=what).click()


def test_a_scenario_is_made_of_nothing_step_by_step(page: Page, base: str, folder: Path) -> None:
    page.goto(base)
    page.get_by_role("link", name="New scenario").first.click()
    page.get_by_label("Name", exact=True).fill("Release it")
    page.get_by_role("button", name="Make it").click()
    page.get_by_role("button", name="Add a step").first.click()
    page.get_by_role("link", name="Create API service version").click()
    page.get_by_label("Service", exact=True).fill("fraud_detection")
    page.get_by_label("Version id").fill("auto_deploy_api")
    page.get_by_label("Target variable").fill("versionid")
    page.get_by_role("button", name="Add the step").click()
    expect(page.locator("#part-0")).to_contain_text(
        "auto_deploy_api of fraud_detection, its id in ${versionid}"
    )
    page.get_by_role("button", name="Add a step").first.click()
    page.get_by_role("link", name="Update API deployment").click()
    page.get_by_label("Deployment", exact=True).fill("fraud_detection-on-local")
    page.get_by_label("Version", exact=True).fill("${versionid}")
    page.get_by_role("button", name="Add the step").click()
    expect(page.locator("#part-1")).to_contain_text("fraud_detection-on-local to ${versionid}")

    saved = (folder / "scenarios" / "release_it.yaml").read_text()
    assert "version: auto_deploy_api" in saved
    assert "variable: versionid" in saved


def test_what_is_wrong_is_said_beside_its_field_and_what_was_typed_stays(page: Page, base: str) -> None:
    page.goto(f"{base}/asks/steps?new=train")
    page.get_by_role("button", name="Add the step").click()
    expect(page.locator("#f-model-error")).to_contain_text("is missing")
    page.get_by_label("Saved model").fill("frod")
    page.get_by_text("When it runs, and what follows").click()
    page.get_by_label("Tries again when it fails").fill("many")
    page.get_by_role("button", name="Add the step").click()
    expect(page.locator("#f-retries-error")).to_contain_text("whole number")
    page.get_by_label("Tries again when it fails").fill("2")
    page.get_by_role("button", name="Add the step").click()

    expect(page.locator("#f-model-error")).to_contain_text("did you mean 'fraud'")
    expect(page.get_by_label("Saved model")).to_have_value("frod")
    expect(page.get_by_label("Tries again when it fails")).to_have_value("2")


def test_steps_are_moved_by_the_keyboard_by_dragging_and_from_the_menu(
    page: Page, base: str, notes: Path
) -> None:
    page.goto(f"{base}/notes/steps")
    page.get_by_role("button", name="Move Ask for approval").focus()
    page.keyboard.press("ArrowUp")
    expect(page.locator("#part-1")).to_contain_text("third")
    expect(page.get_by_role("button", name="Move Ask for approval, 2 of 3")).to_be_focused()
    page.keyboard.press("ArrowUp")
    expect(page.locator("#part-0")).to_contain_text("third")
    menu(step(page, 0), "Move down")
    expect(page.locator("#part-1")).to_contain_text("third")
    grip = step(page, 1).locator(".grip").bounding_box()
    goal = step(page, 2).bounding_box()
    assert grip
    assert goal
    page.mouse.move(grip["x"] + 8, grip["y"] + 8)
    page.mouse.down()
    page.mouse.move(grip["x"] + 8, goal["y"] + goal["height"], steps=6)
    page.mouse.up()
    expect(page.locator("#part-2")).to_contain_text("third")

    assert titles(page) == ["first", "second", "third"]
    assert "# who signs" in notes.read_text()


def test_a_move_that_cannot_be_says_why_and_changes_nothing(page: Page, base: str, notes: Path) -> None:
    page.goto(f"{base}/notes/steps")
    menu(step(page, 1), "Move up")

    expect(page.locator("#parts .note-bad")).to_contain_text("'a'")
    assert titles(page) == ["first", "second", "third"]
    assert notes.read_text() == NOTES


def test_a_step_is_copied_disabled_deleted_and_put_back(page: Page, base: str, notes: Path) -> None:
    page.goto(f"{base}/notes/steps")
    menu(step(page, 2), "Duplicate")
    expect(page.locator("#part-3")).to_contain_text("third2")
    menu(step(page, 3), "Disable")
    expect(page.locator("#part-3")).to_contain_text("disabled")
    menu(step(page, 3), "Delete")
    expect(page.locator("#part-3")).to_have_count(0)
    page.get_by_role("button", name="Undo").click()

    expect(page.locator("#part-3")).to_contain_text("third2")
    expect(page.locator("#part-3")).to_contain_text("disabled")


def test_who_saves_a_step_second_sees_what_the_first_made_of_it(page: Page, base: str, notes: Path) -> None:
    page.goto(f"{base}/notes/steps?edit=2")
    notes.write_text(NOTES.replace("text: done", "text: changed by grace").replace("{a: 1}", "{a: 2}"))
    page.get_by_label("What is to be approved").fill("mine")
    page.get_by_role("button", name="Save the step").click()
    expect(page.locator("#part-form")).to_contain_text("changed by grace")
    expect(page.get_by_label("What is to be approved")).to_have_value("mine")
    page.get_by_role("button", name="Save the step").click()
    expect(page.locator("#part-2")).to_contain_text("mine")

    assert "{a: 2}" in notes.read_text()


def test_what_will_fail_stands_beside_its_step(page: Page, base: str) -> None:
    page.goto(f"{base}/retrain/steps")

    expect(page.locator(".findings")).to_contain_text("will fail")
    expect(page.locator("#finding-4")).to_contain_text("there is no deployment")


def test_triggers_and_reporters_are_added_with_what_their_kind_asks(
    page: Page, base: str, notes: Path
) -> None:
    page.goto(f"{base}/notes/triggers")
    page.get_by_role("button", name="Add a trigger").first.click()
    page.get_by_role("link", name="At a time").click()
    page.get_by_label("Times").fill("61 3 * * *")
    page.get_by_role("button", name="Add the trigger").click()
    expect(page.locator("#f-cron-error")).to_contain_text("minute")
    page.get_by_label("Times").fill("0 3 * * *")
    page.get_by_role("button", name="Add the trigger").click()
    expect(page.locator("#part-0")).to_contain_text("0 3 * * * (UTC)")
    page.get_by_role("link", name="Reporters").click()
    page.get_by_role("link", name="Add a reporter").click()
    expect(page.get_by_label("URL of the incoming webhook")).to_be_hidden()
    page.get_by_label("Sent as").select_option("slack")
    page.get_by_label("URL of the incoming webhook").fill("${env:SLACK}")
    page.get_by_role("button", name="Add the reporter").click()

    expect(page.locator("#part-0")).to_contain_text("a message in Slack to ${env:SLACK}")


def test_a_run_is_watched_approved_and_told_with_its_logs(page: Page, base: str) -> None:
    page.goto(f"{base}/asks/steps")
    page.get_by_role("button", name="Run", exact=True).click()
    page.get_by_label("Comment").fill("looks good")
    page.get_by_role("button", name="Approve").click()

    expect(page.locator("#run")).to_have_attribute("data-outcome", "SUCCESS", timeout=60_000)
    page.locator("#details-2 summary").click()
    expect(page.locator("#log-2")).to_contain_text(f"tick by tick {HOSTILE}")
    expect(page.locator("#outputs-2")).to_contain_text('"ticks": 8')
    expect(page.locator("#details-1")).to_contain_text("looks good")
    expect(page.locator(".why-chain").last).to_contain_text("ran it")


def test_a_run_is_aborted_and_resumed_from_a_step(page: Page, base: str) -> None:
    page.goto(f"{base}/asks/steps")
    page.get_by_role("button", name="Run", exact=True).click()
    expect(page.get_by_role("button", name="Refuse")).to_be_visible()
    page.get_by_role("button", name="Abort…").click()
    page.get_by_role("button", name="Abort the run").click()
    expect(page.locator("#run")).to_have_attribute("data-outcome", "ABORTED", timeout=60_000)
    page.locator("#details-1 summary").click()
    page.locator("#details-1").get_by_role("button", name="Run again from here").click()
    expect(page.locator("#run")).to_contain_text("It goes on from run")
    page.get_by_role("button", name="Refuse").click()

    expect(page.locator("#run")).to_have_attribute("data-outcome", "FAILED", timeout=60_000)
    page.goto(f"{base}/asks/runs")
    expect(page.locator("tbody tr").first).to_contain_text("failed")


def test_a_copy_has_the_name_that_was_given_and_is_not_enabled(page: Page, base: str, folder: Path) -> None:
    page.goto(f"{base}/asks/steps")
    page.get_by_text("Actions").click()
    page.get_by_role("button", name="Duplicate…").click()
    page.get_by_label("Name of the copy").fill(f"Ask & tell {HOSTILE}")
    page.get_by_role("button", name="Duplicate", exact=True).click()

    expect(page.locator("h1")).to_have_text(f"Ask & tell {HOSTILE}")
    expect(page.locator(".page-head")).to_contain_text("not enabled")
    page.get_by_text("Actions").click()
    page.get_by_role("button", name="Delete…").click()
    page.get_by_role("button", name="Delete it").click()
    expect(page.locator("#toasts")).to_contain_text("is deleted")
    assert not list((folder / "scenarios").glob("ask_tell*"))


def test_settings_are_saved_with_the_comments_of_the_file(page: Page, base: str, notes: Path) -> None:
    page.goto(f"{base}/notes/settings")
    form = page.locator("#settings-form")
    form.get_by_label("Description").fill("Tells it twice.")
    form.get_by_label("Name", exact=True).last.fill("threshold")
    form.get_by_label("Value").last.fill("0.5")
    page.get_by_role("button", name="Save the settings").click()
    expect(page.locator("#toasts")).to_contain_text("The settings are saved.")

    saved = notes.read_text()
    assert "description: Tells it twice." in saved
    assert "threshold: 0.5" in saved
    assert "# of the risk team" in saved


def test_a_dry_run_is_shown_as_a_timeline_with_its_table(page: Page, base: str) -> None:
    page.goto(f"{base}/asks/dry-run")
    page.get_by_label("From").fill("2018-05-05")
    page.locator("#f-until").fill("2018-05-01")
    page.get_by_role("button", name="Run it dry").click()
    expect(page.locator("#f-until-error")).to_contain_text("before the first")
    page.locator("#f-until").fill("2018-05-09")
    page.get_by_role("button", name="Run it dry").click()
    expect(page.locator("#dry-job .note-bad")).to_contain_text("say which one it is", timeout=60_000)
    page.get_by_role("link", name="Change it and run it again").click()
    page.locator("#dry-form").get_by_label("Dataset", exact=True).fill("payments")
    page.locator("#dry-form").get_by_label("Column", exact=True).fill("paid_at")
    page.get_by_role("button", name="Run it dry").click()

    expect(page.locator("svg.timeline")).to_be_visible(timeout=60_000)
    expect(page.locator("#dry-job tbody tr")).to_have_count(5)
    expect(page.locator("#dry-job tbody tr").first).to_contain_text("ask")


def test_a_dry_run_shows_its_progress_and_is_cancelled(
    page: Page, base: str, control_plane: ControlPlane
) -> None:
    days = DryRunSettings(since=date(2009, 1, 1), until=date(2018, 11, 1), dates={"payments": "paid_at"})
    with control_plane.client() as client:
        job = client.start_dry_run(PROJECT, "asks", days)
    page.goto(f"{base}/asks/dry-run?job={job.id}")
    cancel = page.get_by_role("button", name="Cancel it")
    if cancel.is_visible():
        cancel.click()

    expect(page.locator("#dry-job")).to_contain_text("cancelled")
