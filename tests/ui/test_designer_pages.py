"""The API designer in a browser: rows 3, 4, 5, 10, 11 and 13 of the tutorial, two people at one service."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect
from tests.deployer.processes import ControlPlane, wait_until
from tests.studio.small_project import trained, write_project
from tests.ui.browser import Watched, context

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

BASE = "/projects/cards/services"
AXE = Path(__file__).parents[2] / "web/node_modules/axe-core/axe.min.js"
HOSTILE = "<img src=x onerror=alert(1)>\"'"
SERVICE = """
endpoints:
  - kind: prediction
    id: predict
    model: fraud
    test_queries:
      - {name: First, query: {features: {amount: 800.0, age: 40}}}
"""


class Site:
    """A control plane, open to everyone, that knows the project `cards`, whose model is trained."""

    def __init__(self, folder: Path) -> None:
        self.project = write_project(folder / "cards")
        trained(self.project)
        self.running = ControlPlane(folder / "home", open=True)
        self.running.start()
        self.url = self.running.server.url
        self.api = httpx.Client(base_url=f"{self.url}/api/v1", trust_env=False, timeout=60)
        self.api.post("/projects", json={"folder": str(self.project)}).raise_for_status()

    def service(self, name: str, text: str = SERVICE) -> str:
        (self.project / "services" / f"{name}.yaml").write_text(text)
        return f"{self.url}{BASE}/{name}"

    def definition(self, name: str) -> dict[str, object]:
        found: dict[str, object] = self.api.get(f"{BASE}/{name}").raise_for_status().json()["definition"]
        return found

    def end(self) -> None:
        self.api.close()
        self.running.clear()


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    made = Site(tmp_path_factory.mktemp("designer-pages"))
    yield made
    made.end()


@pytest.fixture
def watched(chromium: Browser) -> Iterator[Watched]:
    with context(chromium) as reader:
        yield Watched(reader.new_page())


def test_an_api_is_created_from_a_model_tried_and_published(site: Site, watched: Watched) -> None:
    page = watched.page

    page.goto(f"{site.url}{BASE}/new?model=fraud")
    page.get_by_label("Service id").fill("cards_api")
    page.get_by_label("Endpoint id").fill("score")
    page.get_by_role("button", name="Create").click()
    expect(page.get_by_role("heading", name="Settings", exact=True)).to_be_visible()

    page.get_by_role("link", name="Test queries").click()
    page.get_by_role("button", name="Add queries").first.click()
    page.get_by_label("Dataset").select_option("payments")
    page.get_by_role("button", name="Add them").click()
    expect(page.get_by_text("5 added from payments")).to_be_visible()
    page.get_by_role("button", name="Run test queries").first.click()
    expect(page.get_by_text("5 of 5 answered")).to_be_visible()
    expect(page.locator(".query").first).to_contain_text("proba yes")

    page.get_by_role("button", name="Details of payments row 1").click()
    drawer = page.get_by_role("dialog", name="payments row 1")
    expect(drawer.get_by_role("rowheader", name="Predict")).to_be_visible()
    drawer.get_by_role("tab", name="Details").press("ArrowRight")
    expect(drawer.get_by_text("Before the first query")).to_be_visible()
    page.keyboard.press("Escape")

    page.get_by_role("link", name="Publish on Deployer").click()
    dialog = page.get_by_role("dialog", name="Publish on Deployer")
    expect(dialog.get_by_label("Version id")).to_have_value("v1")
    dialog.get_by_label("Release notes").fill("The first.")
    dialog.get_by_role("button", name="Make and publish").click()
    row = page.get_by_role("row").filter(has=page.get_by_role("rowheader", name="v1"))
    expect(row.get_by_text("published", exact=True)).to_be_visible(timeout=60_000)
    expect(row).to_contain_text("The first.")
    assert site.api.get("/services/cards_api").json()["versions"][0]["version"] == "v1"
    assert watched.wrong == []


@pytest.mark.parametrize(
    ("name", "why"),
    [("a b", "letters, digits"), ("Fraud_Detection", "already"), ("", "Give the service an id")],
)
def test_an_id_that_cannot_be_is_refused_beside_its_field(
    site: Site, watched: Watched, name: str, why: str
) -> None:
    page = watched.page
    page.goto(f"{site.url}{BASE}/new?model=fraud")

    page.get_by_label("Service id").fill(name)
    page.get_by_label("Endpoint id").fill("kept")
    page.get_by_role("button", name="Create").click()

    field = page.get_by_label("Service id")
    expect(field).to_have_attribute("aria-invalid", "true")
    expect(page.locator("#field-service-error")).to_contain_text(why)
    expect(page.get_by_label("Endpoint id")).to_have_value("kept")


def test_an_enrichment_is_added_and_its_values_are_shown_with_the_answer(
    site: Site, watched: Watched
) -> None:
    url, page = site.service("enriched"), watched.page
    page.goto(f"{url}/endpoints/predict/enrichments")

    page.get_by_role("button", name="Add enrichment").click()
    page.get_by_label("Dataset", exact=True).select_option("cards")
    page.get_by_label("Column of cards").select_option("card")
    page.get_by_label("Name in the query").fill("card_id")
    page.get_by_role("checkbox", name="age").check()
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("Saved.", exact=True)).to_be_visible()
    page.get_by_role("link", name="Advanced").click()
    page.get_by_label("Return the record after the enrichments").check()
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Saved.", exact=True)).to_be_visible()

    page.get_by_role("link", name="Test queries").click()
    page.get_by_role("button", name="Write one more").click()
    page.get_by_label("Query 2 as JSON").fill('{"features": {"card_id": "C_7", "amount": 20}}')
    page.get_by_role("button", name="Run test queries").first.click()

    expect(page.get_by_text("2 of 2 answered")).to_be_visible()
    expect(page.locator(".query").last).to_contain_text("+1 enriched")
    page.get_by_role("button", name="Details of Query 2").click()
    row = page.get_by_role("dialog").get_by_role("row", name="age enriched")
    expect(row).to_be_visible()
    (endpoint,) = site.definition("enriched")["endpoints"]  # type: ignore[misc]
    assert endpoint["enrichments"][0]["keys"] == [{"column": "card", "name": "card_id"}]  # type: ignore[index]
    assert endpoint["return_post_enrichment"]
    assert len(endpoint["test_queries"]) == 2
    assert watched.wrong == []


def test_a_lookup_endpoint_is_added_and_answers_with_all_columns(site: Site, watched: Watched) -> None:
    url, page = site.service("with_lookup"), watched.page
    page.goto(f"{url}/endpoints/new")

    page.get_by_role("radio", name="Dataset lookup").check()
    page.get_by_label("Dataset", exact=True).select_option("merchants")
    page.get_by_label("Key column").select_option("merchant_id")
    page.get_by_label("Endpoint id").fill("merchant_lookup")
    page.get_by_role("button", name="Create endpoint").click()
    page.get_by_role("link", name="Test queries").click()
    page.get_by_role("button", name="Add queries").first.click()
    page.get_by_role("button", name="Write one by hand").click()
    page.get_by_label("Query 1 as JSON").fill('{"data": {"merchant_id": "M_1"}}')
    page.get_by_role("button", name="Run test queries").first.click()

    expect(page.locator(".query")).to_contain_text("Wyoming")
    assert watched.wrong == []


def test_a_query_that_is_no_json_says_in_which_line_and_stays(site: Site, watched: Watched) -> None:
    url, page = site.service("broken"), watched.page
    page.goto(f"{url}/endpoints/predict/test-queries")
    text = '{\n  "features": {"amount": }\n}'

    page.get_by_label("Query 1 as JSON").fill(text)
    expect(page.get_by_text(re.compile("^Line 2:"))).to_be_visible()
    page.get_by_role("button", name="Run test queries").first.click()

    expect(page.get_by_text("The query is not JSON: line 2")).to_be_visible()
    expect(page.get_by_label("Query 1 as JSON")).to_have_value(text)


def test_a_value_of_another_type_than_the_endpoint_takes_is_told_while_one_types(
    site: Site, watched: Watched
) -> None:
    url, page = site.service("typed"), watched.page
    page.goto(f"{url}/endpoints/predict/test-queries")

    page.get_by_label("Query 1 as JSON").fill('{"features": {"amount": "much", "age": 3}}')

    expect(page.get_by_text("Line 1: amount is to be a number")).to_be_visible()


def test_a_deleted_query_comes_back(site: Site, watched: Watched) -> None:
    url, page = site.service("undone"), watched.page
    page.goto(f"{url}/endpoints/predict/test-queries")

    page.get_by_label("More for First").click()
    page.get_by_role("button", name="Delete", exact=True).click()
    expect(page.get_by_text("First is deleted.")).to_be_visible()
    page.get_by_role("button", name="Undo").click()

    expect(page.get_by_label("Query 1 as JSON")).to_be_visible()
    (endpoint,) = site.definition("undone")["endpoints"]  # type: ignore[misc]
    assert endpoint["test_queries"][0]["name"] == "First"


def test_the_second_of_two_sees_what_the_first_changed_beside_what_he_typed(
    site: Site, chromium: Browser
) -> None:
    url = site.service("shared") + "/endpoints/predict/settings"
    with context(chromium) as one, context(chromium) as other:
        first, second = one.new_page(), other.new_page()
        first.goto(url)
        second.goto(url)
        first.get_by_label("Description").fill("Of the first")
        first.get_by_role("button", name="Save").click()
        expect(first.get_by_text("Saved.", exact=True)).to_be_visible()

        second.get_by_label("Description").fill("Of the second")
        second.get_by_role("button", name="Save").click()

        expect(second.get_by_role("alert")).to_contain_text("Of the first")
        expect(second.get_by_label("Description")).to_have_value("Of the second")
        assert _description(site) == "Of the first"
        second.get_by_role("button", name="Save").click()
        expect(second.get_by_text("Saved.", exact=True)).to_be_visible()
        assert _description(site) == "Of the second"


def test_two_who_change_different_parts_do_not_disturb_each_other(site: Site, chromium: Browser) -> None:
    url = site.service("parted")
    with context(chromium) as one, context(chromium) as other:
        first, second = one.new_page(), other.new_page()
        first.goto(f"{url}/endpoints/predict/settings")
        second.goto(f"{url}/endpoints/predict/advanced")
        first.get_by_label("Description").fill("Of the first")
        first.get_by_role("button", name="Save").click()
        expect(first.get_by_text("Saved.", exact=True)).to_be_visible()

        second.get_by_label("Return the record after the enrichments").check()
        second.get_by_role("button", name="Save").click()
        expect(second.get_by_text("Saved.", exact=True)).to_be_visible()

    (endpoint,) = site.definition("parted")["endpoints"]  # type: ignore[misc]
    assert (endpoint["description"], endpoint["return_post_enrichment"]) == ("Of the first", True)


def test_a_draft_that_comes_back_is_not_saved_over_what_somebody_changed(
    site: Site, watched: Watched
) -> None:
    url, page = site.service("drafted") + "/endpoints/predict/settings", watched.page
    page.goto(url)
    page.get_by_label("Description").fill("Typed before the cut")
    definition = site.definition("drafted")
    definition["endpoints"][0]["description"] = "Of somebody else"  # type: ignore[index]
    site.api.put(f"{BASE}/drafted", json=definition).raise_for_status()

    page.reload()
    expect(page.get_by_label("Description")).to_have_value("Typed before the cut")
    page.get_by_role("button", name="Save").click()

    expect(page.get_by_role("alert")).to_contain_text("Of somebody else")
    page.get_by_role("link", name="take theirs").click()
    expect(page.get_by_label("Description")).to_have_value("Of somebody else")


def test_what_has_changed_is_shown_before_it_is_published(site: Site, watched: Watched) -> None:
    url, page = site.service("differs"), watched.page
    job = site.api.post(f"{BASE}/differs/versions", json={"publish_as": "differs"}).json()["id"]
    wait_until(lambda: site.api.get(f"/projects/cards/jobs/{job}").json()["finished_at"], "it is made")
    definition = site.definition("differs")
    definition["endpoints"].append(  # type: ignore[attr-defined]
        {
            "kind": "lookup",
            "id": "find",
            "lookups": [{"dataset": "merchants", "keys": [{"column": "merchant_id"}]}],
        }
    )
    site.api.put(f"{BASE}/differs", json=definition).raise_for_status()
    page.goto(f"{url}/publish")

    form = page.locator("#publish-form")
    expect(form).to_contain_text("endpoint find")
    expect(form).to_contain_text("rows of merchants")
    expect(page.get_by_label("Version id")).to_have_value("v2")
    page.get_by_label("Version id").fill("v1")
    page.get_by_role("button", name="Make and publish").click()
    expect(page.locator("#publish-id-error")).to_contain_text("already")


def test_a_key_is_shown_once_and_the_service_answers_only_those_who_have_it(
    site: Site, watched: Watched
) -> None:
    url, page = site.service("closed"), watched.page
    page.goto(f"{url}/authorization")

    page.get_by_label("Whom it is for").fill("till")
    page.get_by_role("button", name="Make a key").click()

    expect(page.locator("#made-key")).to_contain_text("slk_")
    page.reload()
    expect(page.locator("#made-key")).to_have_count(0)
    assert site.definition("closed")["authorization"] == "api_keys"


def test_an_endpoint_is_renamed_edited_as_code_and_deleted_by_keyboard(site: Site, watched: Watched) -> None:
    url, page = site.service("keyed"), watched.page
    page.goto(f"{url}/endpoints/predict/settings")

    field = page.get_by_label("Endpoint id")
    field.focus()
    field.press("Control+a")
    page.keyboard.type("a b")
    page.keyboard.press("Enter")
    expect(page.locator("#field-id-error")).to_contain_text("letters, digits")
    field.focus()
    field.press("Control+a")
    page.keyboard.type("renamed")
    page.keyboard.press("Enter")
    page.wait_for_url(f"{url}/endpoints/renamed/settings")
    page.get_by_role("link", name="Code").press("Enter")
    page.get_by_label("Definition").fill('{"kind": "prediction", "id": "renamed", "modell": "fraud"}')
    page.get_by_role("button", name="Save").press("Enter")
    expect(page.locator("#endpoint-text-error")).to_contain_text("model")
    page.goto(f"{url}/endpoints/renamed/settings")
    page.get_by_role("button", name="Delete", exact=True).press("Enter")
    page.get_by_role("button", name="Delete renamed").press("Enter")
    page.wait_for_url(f"{url}/endpoints/new")
    assert site.definition("keyed")["endpoints"] == []


def test_names_and_values_are_shown_as_text_whatever_they_hold(site: Site, watched: Watched) -> None:
    quoted = "'" + HOSTILE.replace("'", "''") + "'"
    text = SERVICE.replace("name: First", f"name: {quoted}") + f"name: {quoted}\n"
    url, page = site.service("hostile", text), watched.page

    page.goto(f"{url}/endpoints/predict/test-queries")
    page.get_by_role("button", name="Run test queries").first.click()
    expect(page.get_by_text("1 of 1 answered")).to_be_visible()

    assert page.locator("img").count() == 0
    assert watched.wrong == []


def test_rows_3_to_5_are_done_by_keyboard_alone(site: Site, watched: Watched) -> None:
    page = watched.page
    page.goto(f"{site.url}{BASE}/new?model=fraud")

    page.keyboard.type("typed_api")  # the first field has the focus
    _tab_to(page, "Endpoint id")
    page.keyboard.type("score")
    page.keyboard.press("Enter")
    page.wait_for_url("**/endpoints/score/settings")
    _tab_to(page, "Test queries")
    page.keyboard.press("Enter")
    page.wait_for_url("**/test-queries")
    _tab_to(page, "Add queries")
    page.keyboard.press("Enter")
    _tab_to(page, "Add them")
    page.keyboard.press("Enter")
    expect(page.get_by_text(re.compile("^5 added from"))).to_be_visible()
    _tab_to(page, "Query 1 as JSON")
    page.keyboard.press("Control+Enter")
    expect(page.get_by_text("5 of 5 answered")).to_be_visible()
    _tab_to(page, "Details of")
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Escape")
    _tab_to(page, "Publish on Deployer")
    page.keyboard.press("Enter")
    expect(page.get_by_label("Version id")).to_be_focused()
    page.keyboard.press("Enter")
    page.wait_for_url("**/versions")
    row = page.get_by_role("row").filter(has=page.get_by_role("rowheader", name="v1"))
    expect(row.get_by_text("published", exact=True)).to_be_visible(timeout=60_000)
    assert watched.wrong == []


def test_rows_10_and_11_are_done_by_keyboard_alone(site: Site, watched: Watched) -> None:
    url, page = site.service("keyed"), watched.page
    page.goto(f"{url}/endpoints/predict/enrichments")

    _tab_to(page, "Add enrichment")
    page.keyboard.press("Enter")
    expect(page.get_by_label("Dataset", exact=True)).to_be_visible()
    _tab_to(page, "Dataset")
    _choose(page, "cards")
    expect(page.get_by_label("Column of cards")).to_be_visible()
    _tab_to(page, "Column of cards")
    _choose(page, "card")
    _tab_to(page, "Name in the query")
    page.keyboard.type("card_id")
    _tab_to(page, "age")
    page.keyboard.press("Space")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Saved.", exact=True)).to_be_visible()
    _tab_to(page, "Advanced")
    page.keyboard.press("Enter")
    page.wait_for_url("**/advanced")
    _tab_to(page, "Return the record")
    page.keyboard.press("Space")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Saved.", exact=True)).to_be_visible()
    _tab_to(page, "Test queries")
    page.keyboard.press("Enter")
    page.wait_for_url("**/test-queries")
    _tab_to(page, "Write one more")
    page.keyboard.press("Enter")
    expect(page.get_by_label("Query 2 as JSON")).to_be_focused()
    page.keyboard.press("Control+A")
    page.keyboard.type('{"features": {"card_id": "C_7", "amount": 20}}')
    page.keyboard.press("Control+Enter")

    expect(page.get_by_text("2 of 2 answered")).to_be_visible()
    expect(page.locator(".query").last).to_contain_text("+1 enriched")
    assert watched.wrong == []


def test_row_13_is_done_by_keyboard_alone(site: Site, watched: Watched) -> None:
    url, page = site.service("keyed_lookup"), watched.page
    page.goto(f"{url}/endpoints/new")

    _tab_to(page, "Prediction")
    page.keyboard.press("ArrowDown")
    expect(page.get_by_label("Dataset", exact=True)).to_be_visible()
    _tab_to(page, "Endpoint id")
    page.keyboard.type("merchant_lookup")
    _tab_to(page, "Dataset")
    _choose(page, "merchants")
    expect(page.get_by_label("Key column").locator("option", has_text="merchant_id")).to_be_attached()
    _tab_to(page, "Key column")
    _choose(page, "merchant_id")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_url("**/endpoints/merchant_lookup/**")
    _tab_to(page, "Test queries")
    page.keyboard.press("Enter")
    page.wait_for_url("**/test-queries")
    _tab_to(page, "Add queries")
    page.keyboard.press("Enter")
    _tab_to(page, "Write one by hand")
    page.keyboard.press("Enter")
    expect(page.get_by_label("Query 1 as JSON")).to_be_focused()
    page.keyboard.press("Control+A")
    page.keyboard.type('{"data": {"merchant_id": "M_1"}}')
    page.keyboard.press("Control+Enter")

    expect(page.locator(".query")).to_contain_text("Wyoming")
    assert watched.wrong == []


def test_what_is_typed_into_a_query_is_there_after_a_reload(site: Site, watched: Watched) -> None:
    url, page = site.service("reloaded"), watched.page
    page.goto(f"{url}/endpoints/predict/test-queries")
    typed = '{"features": {"amount": 1}}'

    page.get_by_label("Query 1 as JSON").fill(typed)
    page.reload()

    expect(page.get_by_label("Query 1 as JSON")).to_have_value(typed)
    page.get_by_role("button", name="Run test queries").first.click()
    expect(page.get_by_text("1 of 1 answered")).to_be_visible()
    (endpoint,) = site.definition("reloaded")["endpoints"]  # type: ignore[misc]
    assert endpoint["test_queries"][0]["query"] == {"features": {"amount": 1}}


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_answers_of_test_queries_are_accessible(site: Site, chromium: Browser, dark: bool) -> None:
    with context(chromium, dark=dark) as reader:
        page = reader.new_page()
        page.goto(f"{site.service(f'seen_{dark}')}/endpoints/predict/test-queries")
        page.get_by_role("button", name="Run test queries").first.click()
        page.get_by_text("1 of 1 answered").wait_for()
        page.get_by_role("button", name="Details of First").click()

        assert _violations(page) == []


def _violations(page: Page) -> list[str]:
    if not page.evaluate("typeof axe !== 'undefined'"):
        page.evaluate(AXE.read_text())
    found: list[str] = page.evaluate(
        "async () => (await axe.run()).violations.map((one) =>"
        " `${one.id}: ${one.nodes.slice(0, 3).map((node) => node.target.join(' ')).join(' | ')}`)"
    )
    return found


def _description(site: Site) -> object:
    (endpoint,) = site.definition("shared")["endpoints"]  # type: ignore[misc]
    return endpoint["description"]  # type: ignore[index]


def _tab_to(page: Page, name: str) -> None:
    """Press Tab until what has this name has the focus."""
    for _ in range(80):
        page.keyboard.press("Tab")
        focused = page.evaluate(
            "() => { const one = document.activeElement; const label = one.labels?.[0]?.textContent;"
            " return one.getAttribute('aria-label') ?? label ?? one.textContent; }"
        )
        if focused.strip().startswith(name):
            return
    raise AssertionError(f"Tab does not lead to {name!r}")


def _choose(page: Page, option: str) -> None:
    """Press the arrow key until the list that has the focus shows this."""
    for _ in range(20):
        if page.evaluate("document.activeElement.selectedOptions[0].text") == option:
            return
        page.keyboard.press("ArrowDown")
        page.wait_for_timeout(300)  # a choice may bring other fields
    raise AssertionError(f"there is no {option!r}")
