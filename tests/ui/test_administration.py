"""Administration in a browser: who may do what, what everyone did, and secrets that are shown once."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect
from tests.deployer.processes import ControlPlane
from tests.ui.browser import Watched, context

from scoreline.ui.differences import deed
from scoreline.wire.access import Change

expect.set_options(timeout=30_000)
HOSTILE = "<img src=x onerror=alert(1)>"


@pytest.fixture(scope="module")
def control_plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    running = ControlPlane(tmp_path_factory.mktemp("administration") / "home", open=True)
    running.start()
    yield running
    running.clear()


@pytest.fixture(scope="module")
def api(control_plane: ControlPlane) -> Iterator[httpx.Client]:
    base = f"{control_plane.server.url}/api/v1"
    with httpx.Client(base_url=base, timeout=60, trust_env=False) as client:
        yield client


@pytest.fixture
def page(control_plane: ControlPlane, chromium: Browser) -> Iterator[Page]:
    """A page of an admin, on which nothing may go wrong."""
    with context(chromium) as reader:
        watched = Watched(reader.new_page())
        watched.page.set_default_timeout(30_000)
        yield watched.page
        # What a form is told, the browser notes as well.
        assert [one for one in watched.wrong if not one.startswith(("4", "Failed to load"))] == []


def go(page: Page, control_plane: ControlPlane, path: str) -> None:
    page.goto(f"{control_plane.server.url}/administration/{path}")


def test_a_new_user_gets_a_password_that_is_shown_once(
    page: Page, control_plane: ControlPlane, api: httpx.Client
) -> None:
    go(page, control_plane, "users")
    page.get_by_label("Name", exact=True).fill("grace")
    page.get_by_role("button", name="Make the user").click()

    secret = page.locator("#secret").inner_text()
    page.get_by_role("button", name="Copy it").click()
    page.get_by_role("link", name="I have it").click()

    expect(page.get_by_role("heading", name="grace enabled")).to_be_visible()
    assert secret not in page.content()
    assert page.evaluate("navigator.clipboard.readText()") == secret
    me = httpx.put(
        f"{api.base_url}me/password",
        json={"old": secret, "new": "correct horse battery"},
        auth=("grace", secret),
        timeout=60,
        trust_env=False,
    )
    assert me.status_code == 200


def test_a_name_that_is_taken_is_told_beside_its_field(
    page: Page, control_plane: ControlPlane, api: httpx.Client
) -> None:
    api.post("/users", json={"name": "taken", "password": False})
    go(page, control_plane, "users")
    page.get_by_label("Name", exact=True).fill("taken")
    with page.expect_response("**/administration/users") as answered:
        page.get_by_role("button", name="Make the user").click()

    assert answered.value.status == 409
    expect(page.get_by_role("alert")).to_have_text("there is a user 'taken' already")
    expect(page.get_by_label("Name", exact=True)).to_have_value("taken")


def test_a_group_is_made_filled_granted_a_role_and_deleted(
    page: Page, control_plane: ControlPlane, api: httpx.Client
) -> None:
    api.post("/users", json={"name": "hedy", "password": False})
    go(page, control_plane, "groups")
    page.get_by_label("Name", exact=True).fill("ops")
    page.get_by_role("button", name="Make the group").click()
    page.get_by_label("User to add to ops").select_option("hedy")
    page.get_by_role("button", name="Add", exact=True).click()
    expect(page.get_by_role("button", name="Take hedy out of ops")).to_be_visible()

    page.get_by_role("link", name="Grant one").click()
    expect(page.get_by_label("To", exact=True)).to_have_value("group:ops")
    page.get_by_label("On", exact=True).fill("infrastructure:nowhere")
    page.get_by_label("May", exact=True).select_option("deploy")
    page.get_by_role("button", name="Grant it").click()
    expect(page.get_by_role("alert")).to_contain_text("no infrastructure 'nowhere'")
    page.get_by_label("On", exact=True).fill("infrastructure:local")
    page.get_by_role("button", name="Grant it").click()
    expect(page.get_by_role("row", name="infrastructure local group ops deploy")).to_be_visible()

    go(page, control_plane, "groups")
    page.get_by_role("button", name="Delete").click()
    expect(page.get_by_role("dialog")).to_contain_text("without the 1 role that the group has")
    page.get_by_role("button", name="Delete it").click()
    expect(page.get_by_role("heading", name="No groups yet")).to_be_visible()
    assert api.get("/roles").json()["items"] == [{"on": "control-plane", "to": "user:admin", "role": "admin"}]


def test_the_last_admin_is_not_disabled_and_the_page_says_why(
    page: Page, control_plane: ControlPlane, api: httpx.Client
) -> None:
    go(page, control_plane, "users/admin")
    page.get_by_role("button", name="Disable").click()
    page.get_by_role("button", name="Disable him").click()

    expect(page.get_by_role("alert")).to_contain_text("nobody would be an admin")
    assert api.get("/users/admin").json()["enabled"] is True


def test_a_key_is_made_for_somebody_shown_once_and_revoked(
    page: Page, control_plane: ControlPlane, api: httpx.Client
) -> None:
    api.post("/users", json={"name": "nightly", "password": False})
    go(page, control_plane, "keys?user=nightly")
    page.get_by_label("Label").fill("retraining")
    page.get_by_label("At most it may").select_option("view")
    page.get_by_label("Good for days").fill("soon")
    page.get_by_role("button", name="Make the key").click()
    expect(page.get_by_role("alert")).to_have_text("the number of days is to be a number")
    page.get_by_label("Good for days").fill("30")
    page.get_by_role("button", name="Make the key").click()
    key = page.locator("#secret").inner_text()
    headers = {"Authorization": f"Bearer {key}"}
    me = httpx.get(f"{api.base_url}me", headers=headers, timeout=60, trust_env=False).json()
    assert (me["user"], me["key"], me["most"]) == ("nightly", "retraining", "view")

    page.get_by_role("link", name="I have it").click()
    row = page.get_by_role("row", name="retraining")
    expect(row).to_contain_text("in 30 days")
    row.get_by_role("button", name="Revoke").click()
    page.get_by_role("button", name="Revoke it").click()
    expect(page.get_by_role("row", name="retraining")).to_have_count(0)
    refused = httpx.get(f"{api.base_url}me", headers=headers, timeout=60, trust_env=False)
    assert refused.status_code == 401


def test_stages_are_added_described_moved_and_removed(
    page: Page, control_plane: ControlPlane, api: httpx.Client
) -> None:
    go(page, control_plane, "stages")
    page.get_by_label("Name", exact=True).fill("Shadow")
    page.get_by_role("button", name="Add it after the last one").click()
    page.get_by_role("button", name="Move Shadow earlier").click()
    expect(page.get_by_role("heading", name="3. Shadow")).to_be_visible()
    page.get_by_label("What Shadow is for").fill("Where answers are compared.")
    page.get_by_label("What Shadow is for").press("Enter")
    expect(page.get_by_text("The stage Shadow is described.")).to_be_visible()
    assert [one["id"] for one in api.get("/stages").json()] == ["Development", "Test", "Shadow", "Production"]

    page.get_by_role("listitem").filter(has_text="3. Shadow").get_by_role("button", name="Remove").click()
    page.get_by_role("button", name="Remove it").click()
    expect(page.get_by_role("heading", name="3. Production")).to_be_visible()


def test_a_connection_is_added_without_its_secret_being_shown_and_removed(
    page: Page, control_plane: ControlPlane, api: httpx.Client
) -> None:
    go(page, control_plane, "connections")
    page.get_by_label("Name", exact=True).fill("cards")
    page.get_by_label("URL, or where it is kept").fill("postgresql://reader:geheim@db/cards")
    page.get_by_role("button", name="Add or replace it").click()

    expect(page.get_by_role("row", name="cards secret:")).to_be_visible()
    assert "geheim" not in page.content()
    kept = api.get("/infrastructures/local").json()
    assert (list(kept["connections"]), len(kept["nodes"])) == (["cards"], 1)

    page.get_by_role("button", name="Remove", exact=True).click()
    page.get_by_role("button", name="Remove it").click()
    expect(page.get_by_role("row", name="cards secret:")).to_have_count(0)


def test_the_audit_says_what_was_before_and_after_and_is_filtered(
    page: Page, control_plane: ControlPlane, api: httpx.Client
) -> None:
    api.post("/users", json={"name": "audited", "password": False})
    api.patch("/users/audited", json={"enabled": False})
    go(page, control_plane, "audit?on=user:audited")

    change = page.get_by_role("listitem").filter(has_text="disabled")
    expect(change.get_by_role("row", name="enabled true false")).to_be_visible()
    expect(page.get_by_role("listitem").filter(has_text="created")).to_be_visible()
    page.get_by_label("On", exact=True).fill("user:nobody")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Nothing was changed")).to_be_visible()


def test_hostile_names_are_shown_as_they_are(
    page: Page, control_plane: ControlPlane, api: httpx.Client
) -> None:
    api.put("/stages/Test", json={"description": HOSTILE})
    made = api.post("/keys", json={"label": HOSTILE, "user": "admin"})
    assert made.status_code == 201
    page.on("dialog", lambda _: pytest.fail("a script of a name ran"))
    for path in ("stages", "keys", "audit", "users/admin", "roles?to=" + HOSTILE, "keys?user=" + HOSTILE):
        go(page, control_plane, path)
        assert page.locator("img").count() == 0, path
    expect(page.get_by_text(HOSTILE).first).to_be_visible()


def test_a_change_is_told_field_by_field() -> None:
    change = Change(
        id=1,
        at="2030-01-01T00:00:00.000+00:00",
        who="ada",
        key="",
        address="",
        what="save",
        on="deployment:fraud-on-local",
        before={"enabled": True, "tags": ["a"], "mapping": {"entries": [1], "kind": "single"}},
        after={"enabled": False, "tags": ["a"], "mapping": {"entries": [2], "kind": "single"}},
    )

    told = deed(change)

    assert [(one.name, one.before, one.after) for one in told.differences] == [
        ("enabled", "true", "false"),
        ("mapping.entries", "[1]", "[2]"),
    ]
    assert (told.verb, told.url) == ("saved", "/deployer/deployments/fraud-on-local/status")


@pytest.mark.parametrize(
    ("what", "past"),
    [
        ("sign in", "signed in"),
        ("create", "created"),
        ("set password", "set password"),
        ("be gone", "was gone"),
        ("delete version", "deleted version"),
        ("decide step", "decided step"),
    ],
)
def test_what_was_done_is_told_in_the_past(what: str, past: str) -> None:
    change = Change(
        id=1, at="", who="ada", key="", address="", what=what, on="user:ada", before=None, after=None
    )

    assert deed(change).verb == past
