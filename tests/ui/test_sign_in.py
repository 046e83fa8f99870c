"""Signing in and out in a browser; a session that ends in the middle of something loses nothing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect
from tests.deployer.processes import ControlPlane
from tests.ui.browser import Watched, context

from scoreline.core.session import CSRF_HEADER, SESSION_COOKIE, csrf_of
from scoreline.ui.sign_in import own_path

GOOD = "correct horse battery"
expect.set_options(timeout=30_000)  # a password takes its time on a busy machine


@pytest.fixture(scope="module")
def control_plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    running = ControlPlane(tmp_path_factory.mktemp("sign-in") / "home")
    running.start()
    yield running
    running.clear()


@pytest.fixture(scope="module")
def api(control_plane: ControlPlane) -> Iterator[httpx.Client]:
    """The first admin's API, who has a password of his own by now."""
    server = control_plane.server
    headers = {"Authorization": f"Bearer {server.key}"}
    with httpx.Client(
        base_url=f"{server.url}/api/v1", headers=headers, timeout=60, trust_env=False
    ) as client:
        once = (control_plane.home / "first-password").read_text()
        change = {"old": once, "new": GOOD}
        assert client.put("/me/password", json=change, auth=("admin", once)).is_success
        yield client


@contextmanager
def reader(chromium: Browser, control_plane: ControlPlane, path: str) -> Iterator[Watched]:
    """Somebody who is not signed in, and goes to a page."""
    with context(chromium) as opened:
        watched = Watched(opened.new_page())
        watched.page.goto(control_plane.server.url + path)
        yield watched


def sign_in(page: Page, name: str = "admin", password: str = GOOD) -> None:
    page.get_by_label("User name").fill(name)
    page.get_by_label("Password", exact=True).fill(password)
    page.keyboard.press("Enter")


def end_session(page: Page, control_plane: ControlPlane) -> None:
    """End the session of a page behind its back."""
    cookies = {one["name"]: one["value"] for one in page.context.cookies()}  # type: ignore[typeddict-item]
    token = cookies[SESSION_COOKIE]
    ended = httpx.delete(
        f"{control_plane.server.url}/api/v1/session",
        cookies={SESSION_COOKIE: token},
        headers={CSRF_HEADER: csrf_of(token)},
        trust_env=False,
        timeout=60,
    )
    assert ended.json() == {"ended": True}


def test_who_signs_in_gets_to_where_he_wanted_and_out_again(
    control_plane: ControlPlane, api: httpx.Client, chromium: Browser
) -> None:
    with reader(chromium, control_plane, "/administration/audit?who=admin") as watched:
        page = watched.page
        expect(page.get_by_role("heading", name="Sign in")).to_be_visible()

        sign_in(page)

        expect(page).to_have_url(f"{control_plane.server.url}/administration/audit?who=admin")
        expect(page.get_by_text("signed in").first).to_be_visible()
        page.get_by_role("link", name="Your account, admin").click()
        page.get_by_role("button", name="Sign out").click()
        expect(page).to_have_url(f"{control_plane.server.url}/sign-in")
        page.goto(f"{control_plane.server.url}/me")
        expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
        assert watched.wrong == []


def test_a_wrong_password_is_told_beside_its_field_and_the_name_stays(
    control_plane: ControlPlane, api: httpx.Client, chromium: Browser
) -> None:
    with reader(chromium, control_plane, "/sign-in?next=/me") as watched:
        page = watched.page
        sign_in(page, password="a wrong password")

        expect(page.get_by_role("alert")).to_have_text("wrong user name or password")
        expect(page.get_by_label("Password", exact=True)).to_have_attribute("aria-invalid", "true")
        expect(page.get_by_label("User name")).to_have_value("admin")
        sign_in(page)
        expect(page).to_have_url(f"{control_plane.server.url}/me")


def test_a_one_time_password_leads_to_the_form_that_changes_it(
    control_plane: ControlPlane, api: httpx.Client, chromium: Browser
) -> None:
    once = api.post("/users", json={"name": "ada"}).json()["one_time_password"]
    with reader(chromium, control_plane, "/sign-in") as watched:
        page = watched.page
        sign_in(page, "ada", once)

        expect(page.get_by_role("heading", name="Change your password")).to_be_visible()
        page.get_by_label("One-time password").fill(once)
        page.get_by_label("New password", exact=True).fill(GOOD)
        page.get_by_label("New password again").fill("something else")
        page.keyboard.press("Enter")
        expect(page.get_by_role("alert")).to_have_text("this is not the same password as above")

        page.get_by_label("One-time password").fill(once)
        page.get_by_label("New password", exact=True).fill(GOOD)
        page.get_by_label("New password again").fill(GOOD)
        page.keyboard.press("Enter")
        expect(page).to_have_url(f"{control_plane.server.url}/projects")
        page.goto(f"{control_plane.server.url}/me")
        expect(page.get_by_role("heading", name="ada")).to_be_visible()


def test_a_session_that_ends_in_the_middle_of_a_form_loses_nothing(
    control_plane: ControlPlane, api: httpx.Client, chromium: Browser
) -> None:
    with reader(chromium, control_plane, "/sign-in?next=/administration/stages") as watched:
        page = watched.page
        sign_in(page)
        page.get_by_label("Name", exact=True).fill("Shadow")
        form = page.locator("#new-stage")
        form.get_by_label("What it is for").fill("Where answers are compared.")
        end_session(page, control_plane)

        page.get_by_role("button", name="Add it after the last one").click()

        dialog = page.get_by_role("dialog", name="Your session has ended")
        expect(dialog.get_by_label("User name")).to_have_value("admin")
        dialog.get_by_label("Password").fill("a wrong password")
        page.keyboard.press("Enter")
        expect(dialog.get_by_role("alert")).to_have_text("wrong user name or password")
        dialog.get_by_label("Password").fill(GOOD)
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", name="4. Shadow")).to_be_visible()
    found = api.get("/stages").json()[-1]
    assert found == {"id": "Shadow", "description": "Where answers are compared."}


def test_who_does_not_sign_in_again_keeps_what_he_typed(
    control_plane: ControlPlane, api: httpx.Client, chromium: Browser
) -> None:
    with reader(chromium, control_plane, "/sign-in?next=/administration/stages") as watched:
        page = watched.page
        sign_in(page)
        page.get_by_label("Name", exact=True).fill("Never")
        end_session(page, control_plane)

        page.get_by_role("button", name="Add it after the last one").click()
        page.get_by_role("button", name="Not now").click()

        expect(page.get_by_label("Name", exact=True)).to_have_value("Never")
    assert "Never" not in [stage["id"] for stage in api.get("/stages").json()]


def test_a_session_that_another_tab_began_goes_on_in_this_one(
    control_plane: ControlPlane, api: httpx.Client, chromium: Browser
) -> None:
    with reader(chromium, control_plane, "/sign-in?next=/administration/groups") as watched:
        page = watched.page
        sign_in(page)
        page.get_by_label("Name", exact=True).fill("ops")
        other = page.context.new_page()
        end_session(page, control_plane)
        other.goto(f"{control_plane.server.url}/sign-in?next=/me")
        sign_in(other)
        expect(other).to_have_url(f"{control_plane.server.url}/me")

        page.get_by_role("button", name="Make the group").click()

        expect(page.get_by_role("heading", name="ops")).to_be_visible()


def test_without_scripts_signing_in_works_as_well(control_plane: ControlPlane, api: httpx.Client) -> None:
    url = control_plane.server.url
    with httpx.Client(base_url=url, trust_env=False, timeout=60) as client:
        sent = {"name": "admin", "password": GOOD, "next": "/me"}
        answer = client.post("/sign-in", data=sent, headers={"Origin": url})

        assert (answer.status_code, answer.headers["location"]) == (303, "/me")
        assert client.get("/me").status_code == 200
        left = client.post("/sign-out", headers={"Origin": url})
        assert left.headers["location"] == "/sign-in"
        assert client.get("/me").status_code == 303


@pytest.mark.parametrize(
    ("wanted", "given"),
    [
        ("/administration/users?x=1", "/administration/users?x=1"),
        ("", "/projects"),
        ("https://evil.example", "/projects"),
        ("//evil.example", "/projects"),
        ("/\\evil.example", "/projects"),
        ("/\t/evil.example", "/projects"),
        ("javascript:alert(1)", "/projects"),
    ],
)
def test_signing_in_leads_to_own_pages_only(wanted: str, given: str) -> None:
    assert own_path(wanted) == given


def test_a_part_that_looks_by_itself_stays_as_it_is_when_the_session_ends(
    control_plane: ControlPlane, api: httpx.Client, chromium: Browser
) -> None:
    with reader(chromium, control_plane, "/sign-in?next=/deployer/infrastructures/local") as watched:
        page = watched.page
        sign_in(page)
        part = page.locator("live-part").first
        expect(part).to_be_visible()
        text = part.inner_text()
        end_session(page, control_plane)

        part.evaluate("part => part.refresh()")

        expect(page.get_by_text("Your session has ended: this page stays as it is")).to_be_visible()
        assert part.inner_text() == text
        expect(page.get_by_role("dialog")).to_have_count(0)


def test_nobody_changes_a_password_before_he_signs_in(control_plane: ControlPlane) -> None:
    with httpx.Client(base_url=control_plane.server.url, trust_env=False, timeout=60) as client:
        answer = client.get("/me/password")

    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in?next=%2Fme%2Fpassword")
