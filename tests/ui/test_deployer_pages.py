"""The pages of the deployer, by clicks and typing: deploying, updating, trying, dividing, going back."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect
from tests.deployer.packages import make_package
from tests.deployer.processes import ControlPlane, wait_until
from tests.node.card_packages import make_package as make_cards
from tests.ui.browser import Watched, context

pytestmark = pytest.mark.slow

HOSTILE = "<script>document.title = 'taken'</script><img src=x onerror=\"document.title = 'taken'\">"
DEPLOYMENT = "merchants-on-local"


@pytest.fixture(scope="module")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    folder = tmp_path_factory.mktemp("deployer")
    running = ControlPlane(folder / "home", open=True, traffic_seconds=0.3)
    running.start()
    running.wait_for_node()
    with running.client() as client:
        for version in ("v1", "v2", "v3"):
            client.publish(make_package(folder, version, release_notes=f"{version}: {HOSTILE}"))
        client.publish(make_cards(folder, "v1"))
        client.create_infrastructure("staging", stage="Test", local_nodes=2)
        client.deploy("merchants", "v1", tags=["shop"])
        client.deploy("cards", "v1")
    yield running
    running.clear()


@pytest.fixture
def watched(plane: ControlPlane, chromium: Browser) -> Iterator[Watched]:
    with context(chromium) as reader:
        seen = Watched(reader.new_page())
        seen.page.set_default_timeout(20_000)
        expect.set_options(timeout=20_000)
        yield seen


@pytest.fixture
def page(watched: Watched) -> Page:
    return watched.page


def at(plane: ControlPlane, *parts: str) -> str:
    return "/".join((f"{plane.server.url}/deployer", *parts))


def bring_live(plane: ControlPlane, version: str) -> None:
    with plane.client() as client:
        client.update(DEPLOYMENT, version)


def live(plane: ControlPlane, deployment: str = DEPLOYMENT) -> str:
    with plane.client() as client:
        return str(client.deployment(deployment).live)


def test_a_version_is_deployed_on_an_infrastructure_under_the_id_that_is_offered(
    plane: ControlPlane, watched: Watched
) -> None:
    page = watched.page
    page.goto(at(plane, "deployments"))
    page.get_by_role("link", name="Deploy a version").click()
    page.get_by_role("link", name="merchants").click()
    page.get_by_label("Version").select_option("v2")
    page.get_by_label("Infrastructure").select_option("local")
    expect(page.get_by_label("Id of the deployment")).to_have_value("merchants-on-local")
    page.get_by_label("Infrastructure").select_option("staging")
    expect(page.get_by_label("Id of the deployment")).to_have_value("merchants-on-staging")

    page.get_by_role("button", name="Deploy", exact=True).click()

    expect(page.get_by_role("heading", name=re.compile("Update .* success"))).to_be_visible()
    expect(page.get_by_text("is live").first).to_be_visible()
    page.get_by_role("link", name="Status").first.click()
    expect(page.get_by_text("healthy")).to_be_visible()
    expect(page.get_by_role("button", name="Copy the URL of merchant_lookup on node 2")).to_be_visible()
    page.goto(at(plane, "deployments"))
    stage = page.get_by_role("region", name="Test")
    expect(stage.get_by_role("link", name="merchants")).to_be_visible()
    assert live(plane, "merchants-on-staging") == "v2"
    assert watched.wrong == []


def test_what_cannot_be_deployed_is_refused_beside_its_field_and_stays_typed(
    plane: ControlPlane, page: Page
) -> None:
    page.goto(at(plane, "deploy?service=merchants&version=v3"))
    page.get_by_label("Tags").fill("kept")
    page.get_by_label("Id of the deployment").fill("not an id!")

    page.get_by_role("button", name="Deploy", exact=True).click()

    field = page.get_by_label("Id of the deployment")
    expect(field).to_have_attribute("aria-invalid", "true")
    expect(field).to_have_value("not an id!")
    expect(page.get_by_label("Tags")).to_have_value("kept")


def test_a_deployment_that_is_only_made_is_deployed_from_its_status_page(
    plane: ControlPlane, page: Page
) -> None:
    page.goto(at(plane, "deploy?service=cards&infrastructure=staging"))
    page.get_by_role("button", name="Only make it").click()
    expect(page.get_by_role("heading", name="It is not live yet")).to_be_visible()
    page.get_by_role("main").get_by_role("link", name="Deploy v1").click()

    page.get_by_role("button", name="Deploy", exact=True).click()

    expect(page.get_by_role("heading", name=re.compile("Update .* success"))).to_be_visible()
    assert live(plane, "cards-on-staging") == "v1"


def test_an_update_shows_first_what_will_be_live_and_then_its_log_and_history(
    plane: ControlPlane, watched: Watched
) -> None:
    bring_live(plane, "v1")
    page = watched.page
    page.goto(at(plane, "deployments", DEPLOYMENT, "status"))
    page.get_by_role("link", name="Update", exact=True).click()
    page.get_by_label("Bring live").select_option("v2")
    expect(page.get_by_role("heading", name="What changes from v1 to v2")).to_be_visible()
    expect(page.get_by_text("test queries changed")).to_be_visible()

    page.get_by_role("button", name="Update", exact=True).click()

    expect(page.get_by_role("heading", name=re.compile("Update .* success"))).to_be_visible()
    expect(page.locator("#update-log")).to_contain_text("v2 is live")
    page.get_by_role("link", name="Updates").click()
    newest = page.get_by_role("row").nth(1)
    expect(newest).to_contain_text("v1")
    expect(newest).to_contain_text("v2")
    expect(newest).to_contain_text("success")
    assert live(plane) == "v2"
    assert watched.wrong == []


def test_all_test_queries_are_run_on_every_node(plane: ControlPlane, watched: Watched) -> None:
    bring_live(plane, "v2")
    page = watched.page
    page.goto(at(plane, "deployments", DEPLOYMENT, "run-and-test"))

    page.get_by_role("button", name="Run all").click()

    expect(page.get_by_text("all passed")).to_be_visible()
    tried = page.get_by_role("region", name="merchant_lookup query 1 of v2")
    expect(tried).to_contain_text("State of v2")
    assert watched.wrong == []


def test_an_own_query_is_answered_or_refused_in_words(plane: ControlPlane, page: Page) -> None:
    page.goto(at(plane, "deployments", "cards-on-local", "run-and-test"))
    write_query(page, '{"features": {"amount": 10}}')
    page.get_by_role("button", name="Ask", exact=True).click()
    answers = page.locator("#own-answers")
    expect(answers).to_contain_text("proba")
    expect(answers).to_contain_text("v1")
    expect(answers).to_contain_text("in the node")

    write_query(page, '{"features": ')
    page.get_by_role("button", name="Ask", exact=True).click()

    expect(page.get_by_text("the query is to be a JSON object")).to_be_visible()
    expect(page.locator("code-editor")).to_contain_text("features")


def write_query(page: Page, text: str) -> None:
    editor = page.locator("code-editor .cm-content")
    editor.click()
    page.keyboard.press("Control+a")
    page.keyboard.insert_text(text)


@pytest.mark.parametrize(
    ("shares", "said"),
    [
        (("0.7", "0.4"), "the probabilities add up to 1.1, not 1"),
        (("much", "0.3"), "v1: 'much' is not a number"),
        (("1.3", "-0.3"), "the probability of 'v1' is not above 0 and at most 1"),
    ],
)
def test_shares_that_cannot_be_are_refused_at_save_with_the_reason(
    plane: ControlPlane, page: Page, shares: tuple[str, str], said: str
) -> None:
    page.goto(at(plane, "deployments", DEPLOYMENT, "settings"))
    divide(page, *shares)
    page.get_by_role("button", name="Save and update").click()

    expect(page.get_by_role("alert")).to_contain_text(said)
    expect(page.get_by_label("Probability").first).to_have_value(shares[0])
    expect(page.get_by_label("Multiple generations")).to_be_checked()


def test_queries_are_divided_as_the_shares_say(plane: ControlPlane, watched: Watched) -> None:
    bring_live(plane, "v1")
    page = watched.page
    page.goto(at(plane, "deployments", DEPLOYMENT, "settings"))
    divide(page, "0.7", "30 %")
    expect(page.get_by_text("Together 1.")).to_be_visible()
    page.get_by_role("button", name="Save and update").click()
    expect(page.get_by_role("heading", name=re.compile("Update .* success"))).to_be_visible()
    page.get_by_role("link", name="Run and test").first.click()

    page.get_by_label("How often").fill("3000")
    page.get_by_role("button", name="Ask", exact=True).click()

    shares = page.get_by_role("region", name="Who answered")
    expect(shares).to_be_visible(timeout=60_000)
    seen = shares.get_by_role("row", name="v1").get_by_role("cell").nth(1).inner_text()
    assert 65 < float(seen.split()[0]) < 75
    page.get_by_label("Generation").select_option("v2")
    page.get_by_label("How often").fill("50")
    page.get_by_role("button", name="Ask", exact=True).click()
    expect(shares.get_by_role("row", name="v2").get_by_role("cell").first).to_have_text("50")
    page.get_by_role("link", name="Status").click()
    table = page.get_by_role("region", name="Figures by generation")
    expect(table.get_by_role("row", name="v1")).to_contain_text("70 %")
    assert watched.wrong == []


def divide(page: Page, one: str, other: str) -> None:
    page.get_by_label("Multiple generations").check()
    for place, (version, share) in enumerate((("v1", one), ("v2", other))):
        page.locator("[name=generation]").nth(place).select_option(version)
        page.get_by_label("Probability").nth(place).fill(share)


def test_a_second_editor_sees_what_the_first_one_saved_and_loses_nothing(
    plane: ControlPlane, page: Page
) -> None:
    page.goto(at(plane, "deployments", DEPLOYMENT, "settings"))
    page.get_by_label("Tags").fill("mine")
    with plane.client() as client:
        client.save_settings(DEPLOYMENT, tags=["theirs"])

    page.get_by_role("button", name="Save", exact=True).click()

    expect(page.get_by_role("alert")).to_contain_text("Somebody else saved meanwhile")
    expect(page.get_by_role("alert")).to_contain_text("theirs")
    expect(page.get_by_label("Tags")).to_have_value("mine")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("Saved. An update brings it live.")).to_be_visible()
    with plane.client() as client:
        assert client.deployment(DEPLOYMENT).tags == ("mine",)


def test_rows_that_were_typed_are_there_again_after_a_reload(plane: ControlPlane, page: Page) -> None:
    bring_live(plane, "v1")
    page.goto(at(plane, "deployments", DEPLOYMENT, "settings"))
    divide(page, "0.5", "0.3")
    page.get_by_role("button", name="Add a row").click()
    page.locator("[name=generation]").nth(2).select_option("v3")
    page.get_by_label("Probability").nth(2).fill("0.2")

    page.reload()

    expect(page.get_by_text("What you typed before is here again")).to_be_visible()
    expect(page.locator("[name=generation]").nth(2)).to_have_value("v3")
    expect(page.get_by_label("Probability").nth(2)).to_have_value("0.2")
    expect(page.get_by_text("Together 1.")).to_be_visible()


def test_an_update_that_waits_for_a_node_is_cancelled_and_changes_nothing(
    plane: ControlPlane, page: Page
) -> None:
    with plane.client() as client:
        client.create_infrastructure(
            "away", stage="Production", kind="static", nodes={"http://127.0.0.1:9": "x"}
        )
    page.goto(at(plane, "deploy?service=merchants&version=v2&infrastructure=away"))
    page.get_by_role("button", name="Deploy", exact=True).click()
    expect(page.get_by_role("heading", name=re.compile("Update .* running"))).to_be_visible()

    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_role("dialog")).to_contain_text("What was live before stays live")
    page.get_by_role("button", name="Cancel the update").click()

    expect(page.get_by_role("heading", name=re.compile("Update .* cancelled"))).to_be_visible()
    assert live(plane, "merchants-on-away") == "None"
    with plane.client() as client:
        client.delete_deployment("merchants-on-away", ignore_errors=True)
        client.delete_infrastructure("away")


def test_a_deployment_is_rolled_back_disabled_enabled_copied_and_deleted_after_a_word(
    plane: ControlPlane, page: Page
) -> None:
    bring_live(plane, "v1")
    bring_live(plane, "v3")
    status = at(plane, "deployments", DEPLOYMENT, "status")
    done = page.get_by_role("heading", name=re.compile("Update .* success"))

    page.goto(status)
    act(page, "Roll back…")
    expect(page.get_by_text("Before it was v1")).to_be_visible()
    page.get_by_role("button", name="Roll back").click()
    expect(done).to_be_visible()
    assert live(plane) == "v1"

    act(page, "Disable…")
    expect(page.get_by_role("dialog")).to_contain_text("Every query is refused with 503 on 1 node")
    page.get_by_role("button", name="Disable it").click()
    expect(done).to_be_visible()
    page.get_by_role("link", name="Status").first.click()
    expect(page.get_by_text("it is disabled")).to_be_visible()
    act(page, "Enable…")
    page.get_by_role("dialog").get_by_role("button", name="Enable it").click()
    expect(done).to_be_visible()

    with plane.client() as client:
        client.create_infrastructure("spare", stage="Test", local_nodes=1)
    page.goto(status)
    act(page, "Copy this deployment…")
    page.get_by_label("To the infrastructure").select_option("spare")
    expect(page.get_by_label("Id of the deployment")).to_have_value("merchants-on-spare")
    page.get_by_role("button", name="Deploy the copy").click()
    expect(done).to_be_visible()
    assert live(plane, "merchants-on-spare") == "v1"

    act(page, "Delete…")
    expect(page.get_by_role("dialog")).to_contain_text("is removed from 1 node of spare")
    page.get_by_role("button", name="Delete it").click()
    expect(page.get_by_text("merchants-on-spare is deleted.")).to_be_visible()
    page.goto(at(plane, "infrastructures", "spare"))
    page.get_by_role("button", name="Delete…").click()
    page.get_by_role("button", name="Delete it").click()
    expect(page.get_by_role("heading", name="Infrastructures")).to_be_visible()


def act(page: Page, name: str) -> None:
    page.locator("summary", has_text="Actions").click()
    page.get_by_text(name, exact=True).click()


def test_versions_tell_what_changed_and_hostile_notes_stay_text(
    plane: ControlPlane, watched: Watched
) -> None:
    page = watched.page
    page.goto(at(plane, "services"))
    page.get_by_role("link", name="merchants").click()
    page.get_by_role("link", name="v2", exact=True).first.click()

    expect(page.get_by_text("From v1 to v2")).to_be_visible()
    expect(page.get_by_text(HOSTILE)).to_be_visible()
    assert "taken" not in page.title()
    page.get_by_label("since").select_option("v3")
    page.get_by_role("button", name="Compare").click()
    expect(page.get_by_text("From v3 to v2")).to_be_visible()
    assert watched.wrong == []


def test_pruning_names_the_versions_that_would_go(plane: ControlPlane, page: Page, tmp_path: Path) -> None:
    with plane.client() as client:
        for version in ("v1", "v2", "v3"):
            client.publish(make_package(tmp_path, version, service="unused"))
    page.goto(at(plane, "services", "unused", "prune?keep_last=1"))
    expect(page.get_by_text("2 versions would go")).to_be_visible()

    page.get_by_role("button", name="Delete 2 versions").click()

    expect(page.get_by_text("2 versions deleted.")).to_be_visible()
    expect(page.get_by_role("link", name="v3", exact=True)).to_be_visible()
    expect(page.get_by_role("link", name="v1", exact=True)).to_have_count(0)


def test_an_infrastructure_of_ones_own_nodes_is_made_and_changed(
    plane: ControlPlane, watched: Watched
) -> None:
    page = watched.page
    page.goto(at(plane, "new-infrastructure?stage=Production"))
    page.get_by_label("Id", exact=True).first.fill("eu-pool")
    page.get_by_label("You, elsewhere").check()
    page.get_by_label("URL", exact=True).fill("http://127.0.0.1:9")
    page.get_by_label("Admin key", exact=True).fill("a-key-of-a-node")
    page.get_by_role("button", name="Make it").click()
    expect(page.get_by_role("heading", name="eu-pool")).to_be_visible()
    expect(page.get_by_text("does not answer")).to_be_visible()
    assert "a-key-of-a-node" not in page.content()

    page.get_by_role("link", name="Settings").click()
    page.get_by_label("Public URL").fill("https://scores.example.com")
    page.get_by_role("button", name="Save").click()

    expect(page.get_by_text("https://scores.example.com")).to_be_visible()
    page.get_by_role("link", name="nginx before it").click()
    expect(page.locator("#nginx-config")).to_contain_text("upstream")
    with plane.client() as client:
        client.delete_infrastructure("eu-pool")
    assert watched.wrong == []


def test_the_deployment_page_is_used_by_keyboard_alone(plane: ControlPlane, page: Page) -> None:
    bring_live(plane, "v1")
    page.goto(at(plane, "deployments", DEPLOYMENT, "status"))
    tab_to(page, "Update")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name=f"Update {DEPLOYMENT}")).to_be_visible()
    tab_to(page, "Bring live")
    page.keyboard.type("v2")
    expect(page.get_by_role("heading", name="What changes from v1 to v2")).to_be_visible()
    tab_to(page, "Update")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name=re.compile("Update .* success"))).to_be_visible()

    tab_to(page, "Actions")
    page.keyboard.press("Enter")
    tab_to(page, "Roll back…")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name=f"Roll {DEPLOYMENT} back")).to_be_visible()
    tab_to(page, "Roll back")
    page.keyboard.press("Enter")

    wait_until(lambda: live(plane) == "v1", "v1 is live again")


_NAME = """() => {
  const here = document.activeElement;
  return (here.labels?.[0] ?? here).textContent.trim();
}"""


def tab_to(page: Page, name: str) -> None:
    """Press Tab until what is in focus has this name."""
    for _ in range(80):
        page.keyboard.press("Tab")
        if page.evaluate(_NAME) == name:
            return
    raise AssertionError(f"nothing called {name!r} is reached")
