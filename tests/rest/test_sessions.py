"""Sessions of browsers: who signs in comes with a cookie, and changes things from our own pages only."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from tests.deployer.processes import ControlPlane

from scoreline.core.session import CSRF_HEADER, SESSION_COOKIE, csrf_of
from scoreline.deployer.sessions import Sessions
from scoreline.errors import NotAllowed
from scoreline.storage.catalog import Catalog

GOOD = "correct horse battery"
BETTER = "staple of another horse"
GROUP = {"name": "team"}


@pytest.fixture(scope="module")
def control_plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    running = ControlPlane(tmp_path_factory.mktemp("sessions") / "home")
    running.start()
    yield running
    running.clear()


@pytest.fixture(scope="module")
def admin(control_plane: ControlPlane) -> Iterator[httpx.Client]:
    with browser(control_plane) as client:
        client.headers["Authorization"] = f"Bearer {control_plane.server.key}"
        yield client


def browser(running: ControlPlane) -> httpx.Client:
    """Somebody who keeps cookies, and says nothing else of himself."""
    base = f"{running.server.url}/api/v1"
    return httpx.Client(base_url=base, timeout=60, trust_env=False)


def a_user(admin: httpx.Client, control_plane: ControlPlane, name: str) -> None:
    """A user with a password of his own."""
    once = admin.post("/users", json={"name": name}).json()["one_time_password"]
    with browser(control_plane) as client:
        changed = client.put("/me/password", json={"old": once, "new": GOOD}, auth=(name, once))
        assert changed.status_code == 200, changed.text


def sign_in(client: httpx.Client, name: str, password: str = GOOD) -> httpx.Response:
    """Sign in, and come with the token of the session from then on."""
    response = client.post("/session", json={"name": name, "password": password})
    if response.status_code == 201:
        client.headers[CSRF_HEADER] = response.json()["csrf"]
    return response


def refusal(response: httpx.Response) -> tuple[int, str]:
    return response.status_code, response.json()["code"]


def test_whoever_signs_in_is_known_by_his_cookie(control_plane: ControlPlane, admin: httpx.Client) -> None:
    a_user(admin, control_plane, "ada")
    with browser(control_plane) as ada:
        begun = sign_in(ada, "ada")

        assert begun.status_code == 201
        assert begun.json()["user"] == "ada"
        assert begun.headers["cache-control"] == "no-store"
        cookie = begun.headers["set-cookie"].lower()
        assert all(part in cookie for part in ("httponly", "samesite=lax", "path=/", "max-age=604800"))
        assert "secure" not in cookie
        admin.put("/roles/infrastructure:local/user:ada", json={"role": "view"})
        admin.put("/roles/control-plane/user:ada", json={"role": "deploy"})
        me = ada.get("/me").json()
        assert (me["user"], me["key"]) == ("ada", "")
        assert me["roles"] == {"control-plane": "deploy", "infrastructure:local": "view"}


def test_behind_tls_the_cookie_is_sent_over_tls_only(
    control_plane: ControlPlane, admin: httpx.Client
) -> None:
    a_user(admin, control_plane, "tara")
    with browser(control_plane) as tara:
        tara.headers["X-Forwarded-Proto"] = "https"

        assert "secure" in sign_in(tara, "tara").headers["set-cookie"].lower()


def test_only_a_request_with_the_token_of_its_session_changes_something(
    control_plane: ControlPlane, admin: httpx.Client
) -> None:
    a_user(admin, control_plane, "carl")
    admin.put("/roles/control-plane/user:carl", json={"role": "admin"})
    with browser(control_plane) as carl:
        sign_in(carl, "carl")
        token = carl.headers.pop(CSRF_HEADER)

        assert refusal(carl.post("/groups", json=GROUP)) == (403, "csrf")
        wrong = carl.post("/groups", json=GROUP, headers={CSRF_HEADER: csrf_of("another")})
        assert refusal(wrong) == (403, "csrf")
        assert carl.get("/groups").json()["items"] == []
        assert carl.post("/groups", json=GROUP, headers={CSRF_HEADER: token}).status_code == 201

    newest = admin.get("/audit?on=group:team").json()["items"][0]
    assert newest["who"] == "carl"


def test_a_wrong_password_begins_no_session_and_many_have_to_wait(tmp_path: Path) -> None:
    running = ControlPlane(tmp_path / "home")
    running.start()
    try:
        with browser(running) as guessing:
            answers = [sign_in(guessing, "admin", f"guess {n} of them") for n in range(8)]

            assert refusal(answers[0]) == (401, "wrong-password")
            assert (429, "too-many-attempts") in [refusal(one) for one in answers]
            assert not [one for one in answers if "set-cookie" in one.headers]
            assert refusal(guessing.get("/me")) == (401, "unauthenticated")
    finally:
        running.clear()


def test_a_page_of_somewhere_else_signs_nobody_in(control_plane: ControlPlane, admin: httpx.Client) -> None:
    a_user(admin, control_plane, "eve")
    with browser(control_plane) as eve:
        for headers in ({"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
            answer = eve.post("/session", json={"name": "eve", "password": GOOD}, headers=headers)
            assert refusal(answer) == (403, "cross-site")
        eve.headers["Origin"] = control_plane.server.url
        assert sign_in(eve, "eve").status_code == 201


def test_who_signs_out_is_not_known_any_more(control_plane: ControlPlane, admin: httpx.Client) -> None:
    a_user(admin, control_plane, "olga")
    with browser(control_plane) as olga:
        sign_in(olga, "olga")
        token = olga.cookies[SESSION_COOKIE]

        ended = olga.delete("/session")

        assert ended.json() == {"ended": True}
        assert SESSION_COOKIE not in olga.cookies
        olga.cookies.set(SESSION_COOKIE, token)
        assert refusal(olga.get("/me")) == (401, "session-ended")


def test_sessions_end_with_the_password_but_the_one_that_changed_it_goes_on(
    control_plane: ControlPlane, admin: httpx.Client
) -> None:
    a_user(admin, control_plane, "pam")
    with browser(control_plane) as here, browser(control_plane) as elsewhere:
        sign_in(here, "pam")
        sign_in(elsewhere, "pam")
        before = here.cookies[SESSION_COOKIE]

        changed = here.put("/me/password", json={"old": GOOD, "new": BETTER})

        assert changed.status_code == 200, changed.text
        assert here.cookies[SESSION_COOKIE] != before
        assert here.get("/me").json()["user"] == "pam"
        assert refusal(elsewhere.get("/me")) == (401, "session-ended")


def test_a_browser_that_begins_another_session_ends_the_one_before(
    control_plane: ControlPlane, admin: httpx.Client
) -> None:
    a_user(admin, control_plane, "bea")
    with browser(control_plane) as bea:
        sign_in(bea, "bea")
        before = bea.cookies[SESSION_COOKIE]
        sign_in(bea, "bea")

        assert bea.get("/me").json()["user"] == "bea"
        bea.cookies.clear()
        bea.cookies.set(SESSION_COOKIE, before)
        assert refusal(bea.get("/me")) == (401, "session-ended")


def test_a_one_time_password_begins_a_session_that_changes_it_only(
    control_plane: ControlPlane, admin: httpx.Client
) -> None:
    once = admin.post("/users", json={"name": "nina"}).json()["one_time_password"]
    with browser(control_plane) as nina:
        assert sign_in(nina, "nina", once).json()["must_change"] is True
        assert refusal(nina.get("/me")) == (403, "password-change-needed")

        nina.put("/me/password", json={"old": once, "new": GOOD})

        assert nina.get("/me").json()["user"] == "nina"


def test_a_disabled_user_is_out_at_once_and_stays_out(
    control_plane: ControlPlane, admin: httpx.Client
) -> None:
    a_user(admin, control_plane, "dora")
    with browser(control_plane) as dora:
        sign_in(dora, "dora")

        admin.patch("/users/dora", json={"enabled": False})
        assert refusal(dora.get("/me")) == (401, "session-ended")

        admin.patch("/users/dora", json={"enabled": True})
        assert refusal(dora.get("/me")) == (401, "session-ended")


def test_the_catalog_holds_no_token_that_opens_something(
    control_plane: ControlPlane, admin: httpx.Client
) -> None:
    a_user(admin, control_plane, "hana")
    with browser(control_plane) as hana:
        sign_in(hana, "hana")
        token = hana.cookies[SESSION_COOKIE]

    for path in control_plane.home.rglob("*"):
        if path.is_file():
            assert token.encode() not in path.read_bytes(), path.name


def test_the_open_mode_needs_no_session_but_knows_one(tmp_path: Path) -> None:
    running = ControlPlane(tmp_path / "home", open=True)
    running.start()
    try:
        with browser(running) as anyone, browser(running) as admin:
            a_user(anyone, running, "ada")
            assert anyone.get("/me").json()["user"] is None

            sign_in(admin, "ada")
            assert admin.get("/me").json()["user"] == "ada"
            assert refusal(admin.post("/groups", json=GROUP)) == (403, "no-right")

            admin.cookies.clear()
            admin.cookies.set(SESSION_COOKIE, "one that is over")
            assert admin.get("/me").json()["user"] is None
    finally:
        running.clear()


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.time = datetime(2030, 1, 1, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.time

    def go(self, **by: float) -> None:
        self.time += timedelta(**by)


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[Catalog]:
    opened = Catalog.open(tmp_path / "catalog.sqlite")
    opened.users.add("ada", "hash", "2030-01-01T00:00:00.000+00:00")
    yield opened
    opened.close()


def test_a_session_is_over_after_twelve_hours_without_use(catalog: Catalog) -> None:
    clock = Clock()
    sessions = Sessions(catalog.sessions, clock)
    _, token = sessions.begin("ada", "")

    clock.go(hours=11)
    assert sessions.caller(token).user == "ada"
    clock.go(hours=11)
    assert sessions.caller(token, uses=False).user == "ada"
    clock.go(hours=1, minutes=1)
    with pytest.raises(NotAllowed, match="sign in again"):
        sessions.caller(token)


def test_a_session_is_over_after_seven_days_of_use_and_then_forgotten(
    catalog: Catalog, tmp_path: Path
) -> None:
    clock = Clock()
    sessions = Sessions(catalog.sessions, clock)
    _, token = sessions.begin("ada", "")

    for _ in range(14):
        assert sessions.caller(token).user == "ada"
        clock.go(hours=11.9)
    clock.go(hours=1.5)
    with pytest.raises(NotAllowed, match="sign in again"):
        sessions.caller(token)
    sessions.begin("ada", "")

    with sqlite3.connect(tmp_path / "catalog.sqlite") as raw:
        assert raw.execute("SELECT count(*) FROM sessions").fetchone() == (1,)
