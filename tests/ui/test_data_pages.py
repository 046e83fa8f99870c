"""Datasets, recipes, models and evaluations of a project, in a real browser."""

from __future__ import annotations

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect
from tests.deployer.processes import ControlPlane
from tests.studio.evaluated_project import STORE, evaluated, write_evaluated_project, write_news
from tests.studio.small_project import table, trained, write
from tests.ui.browser import Watched, context

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

expect.set_options(timeout=30_000)

SQL = "SELECT card, sum(amount) AS paid\nFROM payments\nGROUP BY card\n"
HOSTILE = '<img src=x onerror="document.title=1">'


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """Two versions of a model, two evaluations of it, a recipe that was not built, and hostile texts."""
    folder = tmp_path_factory.mktemp("data-pages")
    project = write_evaluated_project(folder / "cards")
    with ThreadPoolExecutor(1) as apart:  # builds want a thread without the loop of the browser's driver
        apart.submit(_build_twice, project).result()
    write(project, "datasets/daily.yaml", f"kind: managed\ndescription: '{HOSTILE}'\n")
    write(project, "recipes/daily.yaml", "# Sums.\nkind: sql\ninputs: [payments]\noutput: daily\n")
    write(project, "recipes/daily.sql", SQL)
    write(project, "datasets/odd.yaml", "kind: files\npath: data/odd.csv\n")
    write(
        project, "data/odd.csv", table("n,<b>name</b>", [(n, "<script>alert(1)</script>") for n in range(30)])
    )
    running = ControlPlane(folder / "home", open=True)
    running.start()
    with running.client() as client:
        client.add_project(project)
    yield running
    assert "Traceback" not in running.log
    running.clear()


def _build_twice(project: Path) -> None:
    evaluated(project)
    write_news(project, shift=0, seed=2)
    trained(project, seed=5)
    evaluated(project)


@pytest.fixture
def watched(site: ControlPlane, chromium: Browser) -> Iterator[Watched]:
    with context(chromium) as reader:
        reader.set_default_timeout(30_000)
        found = Watched(reader.new_page())
        yield found
        # An answer of 4xx to a form that is shown again is no fault.
        assert [wrong for wrong in found.wrong if not re.search(r"\b4(00|09|12)\b", wrong)] == []


@pytest.fixture
def page(watched: Watched) -> Page:
    return watched.page


def go(page: Page, site: ControlPlane, path: str) -> None:
    page.goto(f"{site.server.url}/projects/cards/{path}")


def typed(page: Page, label: str, text: str) -> None:
    """Replace what an editor holds."""
    editor = page.locator(f"code-editor[label='{label}']")
    expect(editor.locator(".cm-editor")).to_be_visible()
    editor.get_by_role("textbox", name=label, exact=True).click()
    page.keyboard.press("Control+a")
    page.keyboard.press("Delete")
    page.evaluate("text => navigator.clipboard.writeText(text)", text)
    page.keyboard.press("Control+v")


def test_rows_and_columns_of_a_dataset_are_seen_whatever_they_hold(site: ControlPlane, page: Page) -> None:
    go(page, site, "datasets")
    page.get_by_role("link", name="odd", exact=True).click()

    rows = page.get_by_role("region", name="Rows of odd")
    expect(rows.get_by_role("columnheader", name="<b>name</b>")).to_be_visible()
    expect(rows.get_by_role("cell", name="<script>alert(1)</script>").first).to_be_visible()
    page.get_by_role("link", name="Columns").click()
    card = page.get_by_role("region", name="n", exact=True)
    expect(card).to_contain_text("0 – 29")
    card.get_by_text("The numbers").click()
    expect(card.get_by_role("table")).to_be_visible()


def test_a_dataset_that_was_not_built_says_how_it_comes_to_be(site: ControlPlane, page: Page) -> None:
    go(page, site, "datasets/daily")

    expect(page.get_by_role("heading", name="No rows yet")).to_be_visible()
    expect(page.get_by_text(HOSTILE)).to_be_visible()
    expect(page.get_by_role("button", name="Build this")).to_be_visible()


def test_a_file_is_uploaded_as_a_dataset_and_a_bad_one_is_told_beside_the_field(
    site: ControlPlane, page: Page
) -> None:
    go(page, site, "datasets/new")
    upload = page.get_by_role("region", name="Upload a file")
    upload.get_by_role("button", name="Upload").click()
    expect(upload.get_by_role("alert")).to_have_text("choose a file")

    file = {"name": "orders.csv", "mimeType": "text/csv", "buffer": b"n,name\n1,one\n2,two\n"}
    upload.get_by_label("File").set_input_files(file)  # type: ignore[arg-type]
    upload.get_by_role("button", name="Upload").click()

    expect(page.get_by_role("heading", name="orders", level=1)).to_be_visible()
    expect(page.get_by_role("cell", name="two")).to_be_visible()
    page.get_by_label("More about orders").click()
    page.get_by_role("button", name="Delete…").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete the dataset").click()
    expect(page.get_by_role("heading", name="Datasets", level=1)).to_be_visible()
    expect(page.get_by_role("link", name="orders", exact=True)).to_have_count(0)


def test_faults_of_a_recipe_stand_beside_their_lines_and_what_was_typed_stays(
    site: ControlPlane, page: Page
) -> None:
    go(page, site, "recipes/daily")

    typed(page, "Definition", "kind: sql\ninputs: [payment]\noutput: daily\n")
    page.get_by_role("button", name="Save", exact=True).click()

    fault = page.get_by_role("alert").get_by_text("Line 2:")
    expect(fault).to_contain_text("did you mean 'payments'")
    expect(page.get_by_role("textbox", name="Definition", exact=True)).to_contain_text("inputs: [payment]")
    with site.client() as client:
        assert "payment]" not in client.recipe("cards", "daily").text.replace("payments]", "")


def test_the_second_who_saves_a_recipe_sees_what_the_first_wrote(site: ControlPlane, page: Page) -> None:
    go(page, site, "recipes/daily")
    expect(page.get_by_role("textbox", name="SQL", exact=True)).to_contain_text("GROUP BY card")
    with site.client() as client:
        client.save_recipe("cards", "daily", code="SELECT card, 1 AS paid FROM payments\n")

    typed(page, "SQL", SQL.replace("sum(", "max("))
    page.get_by_role("button", name="Save", exact=True).click()

    expect(page.get_by_text("Somebody saved this recipe since you opened it.")).to_be_visible()
    expect(page.get_by_text("SELECT card, 1 AS paid FROM payments")).to_be_visible()
    expect(page.get_by_role("textbox", name="SQL", exact=True)).to_contain_text("max(amount)")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_role("status").get_by_text("daily is saved.")).to_be_visible()
    with site.client() as client:
        assert client.recipe("cards", "daily").code == SQL.replace("sum(", "max(")


def test_sql_is_tried_before_it_is_saved(site: ControlPlane, page: Page) -> None:
    go(page, site, "recipes/daily")
    typed(page, "SQL", "SELECT amont FROM payments")
    page.get_by_role("button", name="Preview").click()
    expect(page.get_by_role("region", name="Preview", exact=True).get_by_role("alert")).to_contain_text(
        "amont"
    )

    typed(page, "SQL", "SELECT count(*) AS how_many FROM payments")
    page.get_by_role("button", name="Preview").click()

    rows = page.get_by_role("region", name="Preview of the rows")
    expect(rows.get_by_role("columnheader", name="how_many")).to_be_visible()
    expect(rows.get_by_role("cell", name="400")).to_be_visible()


def test_settings_of_a_recipe_are_a_form_and_comments_in_its_file_stay(
    site: ControlPlane, page: Page
) -> None:
    go(page, site, "recipes/daily/settings")
    page.get_by_role("checkbox", name="payments", exact=True).uncheck()
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("alert")).to_have_text("choose at least one of the inputs")

    page.get_by_role("checkbox", name="payments", exact=True).check()
    page.get_by_label("Description").fill("Per card.")
    page.get_by_role("button", name="Save").click()

    expect(page.get_by_text("daily is saved.")).to_be_visible()
    with site.client() as client:
        text = client.recipe("cards", "daily").text
    assert text == "# Sums.\nkind: sql\ninputs: [payments]\noutput: daily\ndescription: Per card.\n"


def test_a_recipe_is_saved_run_and_its_log_read(site: ControlPlane, page: Page) -> None:
    go(page, site, "recipes/daily")

    page.get_by_role("button", name="Save and run").click()

    page.wait_for_url(re.compile(r"/projects/cards/jobs/job-\d+"))
    with site.client() as client:
        client.wait_for_job(next(client.project_jobs("cards")))
    go(page, site, "recipes/daily/runs")
    expect(page.get_by_text("wrote daily")).to_be_visible()
    go(page, site, "datasets/daily/history")
    expect(page.get_by_role("cell", name="built")).to_be_visible()


def test_a_new_recipe_is_made_with_its_output(site: ControlPlane, page: Page) -> None:
    go(page, site, "recipes/new")
    page.get_by_role("button", name="Make the recipe").click()
    expect(page.get_by_role("alert")).to_contain_text("give the recipe a name")

    page.get_by_label("Name").fill("old_ones")
    page.get_by_role("checkbox", name="cards", exact=True).check()
    page.get_by_label("Output").fill("old_cards")
    page.get_by_role("button", name="Make the recipe").click()

    expect(page.get_by_role("heading", name="old_ones", level=1)).to_be_visible()
    expect(page.get_by_role("link", name="old_cards")).to_be_visible()
    expect(page.get_by_role("textbox", name="SQL", exact=True)).to_contain_text("FROM cards")


def test_versions_of_a_model_are_looked_into_compared_and_activated(site: ControlPlane, page: Page) -> None:
    go(page, site, "models/fraud")
    expect(page.get_by_text("t2 is active")).to_be_visible()
    page.get_by_role("button", name="Compare the two ticked").click()
    expect(page.get_by_role("heading", name="t1 and t2 of fraud")).to_be_visible()
    expect(page.get_by_role("img", name="ROC curve")).to_be_visible()

    go(page, site, "models/fraud/versions/t1")
    for name in ("ROC curve", "Calibration", "Importance of the features"):
        expect(page.get_by_role("img", name=name)).to_be_visible()
    expect(page.get_by_role("region", name="Confusion matrix")).to_be_visible()
    page.get_by_role("link", name="Features").click()
    expect(page.get_by_role("rowheader", name="amount")).to_be_visible()
    page.get_by_role("link", name="Scorer and parity").click()
    expect(page.get_by_role("region", name="Parity with the original")).to_contain_text("passed")
    page.get_by_role("button", name="Activate…").click()
    page.get_by_role("dialog").get_by_role("button", name="Activate t1").click()

    expect(page.get_by_text("t1 is active")).to_be_visible()
    with site.client() as client:
        client.activate("cards", "fraud", "t2")


def test_notes_of_a_version_are_kept_and_a_bad_label_is_told_beside_it(
    site: ControlPlane, page: Page
) -> None:
    go(page, site, "models/fraud/versions/t1/notes")
    page.get_by_label("Name").fill(HOSTILE)
    page.get_by_label("Labels").fill("no colon")
    page.get_by_role("button", name="Save the notes").click()
    expect(page.get_by_text("line 1: write a label as name: value")).to_be_visible()
    expect(page.get_by_label("Name")).to_have_value(HOSTILE)

    page.get_by_label("Labels").fill("by: ann")
    page.get_by_role("button", name="Save the notes").click()

    expect(page.get_by_role("heading", level=1)).to_contain_text(HOSTILE)
    expect(page.get_by_text("by: ann", exact=True).first).to_be_visible()


def test_evaluations_are_seen_over_time_with_what_the_checks_say(site: ControlPlane, page: Page) -> None:
    go(page, site, f"evaluation-stores/{STORE}")

    expect(page.get_by_role("img", name="Data drift")).to_be_visible()
    checks = page.get_by_role("region", name="Checks")
    expect(checks.get_by_role("row", name="Data drift")).to_be_visible()
    page.get_by_role("link", name="e1", exact=True).click()
    expect(page.get_by_role("row", name="Data drift data_drift error")).to_be_visible()
    page.get_by_role("link", name="Data drift", exact=True).click()
    expect(page.get_by_text("the rows have drifted")).to_be_visible()
    page.get_by_role("row", name="amount").get_by_role("link").click()
    expect(page.get_by_role("img", name="Distribution of amount")).to_be_visible()
    page.get_by_role("link", name="Prediction and performance drift").click()
    expect(page.get_by_role("img", name="Distribution of predicted values")).to_be_visible()


def test_checks_are_changed_and_a_wrong_one_is_told_beside_its_row(site: ControlPlane, page: Page) -> None:
    go(page, site, f"evaluation-stores/{STORE}")
    page.get_by_role("link", name="Edit the checks").click()
    last = page.get_by_label("Number").last
    last.fill("aux")
    page.get_by_label("Max", exact=True).last.fill("1")
    page.get_by_role("button", name="Save the checks").click()

    expect(page.get_by_role("alert")).to_contain_text("did you mean 'auc'")
    page.locator("input[value=aux]").fill("log_loss")
    page.get_by_role("button", name="Save the checks").click()

    expect(page.get_by_role("row", name="log_loss").first).to_contain_text("OK")
    with site.client() as client:
        assert [one.metric for one in client.evaluation_store("cards", STORE).checks][-1] == "log_loss"


def test_rows_are_compared_with_those_of_another_evaluation(site: ControlPlane, page: Page) -> None:
    go(page, site, f"evaluation-stores/{STORE}/evaluations/e2/drift")

    page.get_by_label("Compare with").select_option(label="Rows of evaluation e1")
    page.get_by_role("button", name="Compare", exact=True).click()

    page.wait_for_url(re.compile(r"\?job="))
    expect(page.get_by_text("the rows have drifted")).to_be_visible(timeout=60_000)
    page.get_by_role("link", name="Back to the drift as evaluated").click()
    expect(page.get_by_role("heading", name="All columns together")).to_be_visible()
