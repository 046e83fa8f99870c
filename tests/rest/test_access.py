"""The door of the control API: who is let in, and for what."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.deployer.processes import ControlPlane

GOOD = "correct horse battery"


@pytest.fixture(scope="module")
def control_plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    running = ControlPlane(tmp_path_factory.mktemp("access") / "home")
    running.start()
    yield running
    running.clear()


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    running = ControlPlane(tmp_path_factory.mktemp("open") / "home", open=True)
    running.start()
    yield running
    running.clear()


@pytest.fixture
def guessed_at(tmp_path: Path) -> Iterator[ControlPlane]:
    """One for a single test: after many guesses from one address all that come from there have to wait."""
    running = ControlPlane(tmp_path / "home")
    running.start()
    yield running
    running.clear()


@pytest.fixture
def admin(control_plane: ControlPlane) -> Iterator[httpx.Client]:
    with caller(control_plane, key=control_plane.server.key) as client:
        yield client


def caller(running: ControlPlane, *, key: str = "", auth: tuple[str, str] | None = None) -> httpx.Client:
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    base = f"{running.server.url}/api/v1"
    return httpx.Client(base_url=base, headers=headers, auth=auth, timeout=60, trust_env=False, verify=False)


def made(response: httpx.Response, status: int = 201) -> Any:
    assert response.status_code == status, response.text
    return response.json()


def refusal(response: httpx.Response) -> tuple[int, str]:
    return response.status_code, response.json()["code"]


def user_key(admin: httpx.Client, name: str, **scope: object) -> str:
    """A user who comes with keys only, and one of them."""
    if admin.get(f"/users/{name}").status_code == 404:
        made(admin.post("/users", json={"name": name, "password": False}))
    count = len(admin.get(f"/users/{name}/keys").json()["items"])
    wanted = {"label": f"key {count}", "user": name, **scope}
    return str(made(admin.post("/keys", json=wanted))["key"])


def test_the_first_password_is_told_once_to_the_owner_of_the_home_only(control_plane: ControlPlane) -> None:
    file = control_plane.home / "first-password"

    password = file.read_text()

    assert file.stat().st_mode & 0o777 == 0o600
    assert str(file) in control_plane.log
    for path in control_plane.home.rglob("*"):
        if path.is_file() and path != file:
            assert password.encode() not in path.read_bytes(), path.name


def test_a_one_time_password_opens_nothing_until_it_is_changed(
    control_plane: ControlPlane, admin: httpx.Client
) -> None:
    once = made(admin.post("/users", json={"name": "grace"}))["one_time_password"]

    with caller(control_plane, auth=("grace", once)) as grace:
        for method, path in (("GET", "/me"), ("GET", "/status"), ("POST", "/keys"), ("GET", "/nowhere")):
            assert refusal(grace.request(method, path)) == (403, "password-change-needed")
        weak = grace.put("/me/password", json={"old": once, "new": "short"})
        changed = grace.put("/me/password", json={"old": once, "new": GOOD})

    assert refusal(weak) == (400, "bad-password")
    assert made(changed, 200)["must_change"] is False
    with caller(control_plane, auth=("grace", GOOD)) as grace:
        assert made(grace.get("/me"), 200)["user"] == "grace"
    with caller(control_plane, auth=("grace", once)) as grace:
        assert refusal(grace.get("/me")) == (401, "wrong-password")


def test_a_wrong_old_password_changes_nothing(control_plane: ControlPlane, admin: httpx.Client) -> None:
    once = made(admin.post("/users", json={"name": "hedy"}))["one_time_password"]

    with caller(control_plane, auth=("hedy", once)) as hedy:
        refused = hedy.put("/me/password", json={"old": GOOD, "new": "another good one"})

    assert refusal(refused) == (403, "old-password")
    assert admin.get("/users/hedy").json()["must_change"] is True


def test_guesses_are_slowed_down_while_keys_and_other_users_go_on(guessed_at: ControlPlane) -> None:
    with caller(guessed_at, key=guessed_at.server.key) as admin:
        key = user_key(admin, "target")
    statuses = []
    for n in range(8):
        with caller(guessed_at, auth=("target", f"guess {n} of them")) as guessing:
            statuses.append(refusal(guessing.get("/me")))

    assert statuses[:5] == [(401, "wrong-password")] * 5
    assert (429, "too-many-attempts") in statuses[5:]
    with caller(guessed_at, key=key) as target:
        assert target.get("/me").status_code == 200


@pytest.mark.slow
def test_a_crowd_of_guesses_is_bounded_and_does_not_hold_up_the_others(guessed_at: ControlPlane) -> None:
    def guess(n: int) -> int:
        with caller(guessed_at, auth=(f"crowd{n}", "a guess at nobody")) as guessing:
            return guessing.get("/me").status_code

    begun = time.monotonic()
    guess(60)
    one_guess = time.monotonic() - begun
    with ThreadPoolExecutor(60) as pool:
        guesses = [pool.submit(guess, n) for n in range(60)]
        time.sleep(0.2)
        begun = time.monotonic()
        with caller(guessed_at, key=guessed_at.server.key) as owner:
            assert owner.get("/me").status_code == 200
        waited = time.monotonic() - begun
        statuses = {future.result() for future in guesses}

    assert statuses <= {401, 429, 503}
    assert waited < max(2, 20 * one_guess)


def test_a_disabled_user_and_his_keys_stop_at_once(control_plane: ControlPlane, admin: httpx.Client) -> None:
    key = user_key(admin, "leaver")
    with caller(control_plane, key=key) as leaver:
        assert leaver.get("/me").status_code == 200

        made(admin.patch("/users/leaver", json={"enabled": False}), 200)

        assert refusal(leaver.get("/me")) == (401, "unknown-key")
        made(admin.patch("/users/leaver", json={"enabled": True}), 200)
        assert leaver.get("/me").status_code == 200


def test_a_revoked_key_opens_nothing(control_plane: ControlPlane, admin: httpx.Client) -> None:
    key = user_key(admin, "loser")
    with caller(control_plane, key=key) as loser:
        number = loser.get("/keys").json()["items"][0]["id"]

        assert loser.delete(f"/keys/{number}").status_code == 200

        assert refusal(loser.get("/me")) == (401, "unknown-key")


def test_roles_count_from_the_next_request_on(control_plane: ControlPlane, admin: httpx.Client) -> None:
    with caller(control_plane, key=user_key(admin, "riser")) as riser:
        assert riser.get("/infrastructures/local").status_code == 404

        made(admin.put("/roles/infrastructure:local/user:riser", json={"role": "view"}), 200)
        assert riser.get("/infrastructures/local").status_code == 200
        assert refusal(riser.delete("/infrastructures/local")) == (403, "no-right")

        made(admin.delete("/roles/infrastructure:local/user:riser"), 200)
        assert riser.get("/infrastructures/local").status_code == 404


def test_an_admin_of_an_object_grants_roles_on_it_and_on_nothing_else(
    control_plane: ControlPlane, admin: httpx.Client
) -> None:
    user_key(admin, "friend")
    made(admin.put("/roles/project:hers/user:chief", json={"role": "admin"}), 404)
    with caller(control_plane, key=user_key(admin, "chief")) as chief:
        made(admin.put("/roles/project:hers/user:chief", json={"role": "admin"}), 200)
        made(admin.put("/roles/infrastructure:local/user:chief", json={"role": "deploy"}), 200)

        granted = chief.put("/roles/project:hers/user:friend", json={"role": "deploy"})
        others = chief.put("/roles/project:other/user:friend", json={"role": "view"})
        pool = chief.put("/roles/infrastructure:local/user:friend", json={"role": "view"})
        whole = chief.put("/roles/control-plane/user:chief", json={"role": "admin"})
        listed = chief.get("/roles").json()["items"]

    assert granted.json() == {"on": "project:hers", "to": "user:friend", "role": "deploy"}
    assert refusal(others) == (404, "no-such-project")
    assert refusal(pool) == (403, "no-right")
    assert refusal(whole) == (403, "no-right")
    assert {(one["on"], one["to"]) for one in listed} == {
        ("project:hers", "user:chief"),
        ("project:hers", "user:friend"),
        ("infrastructure:local", "user:chief"),
    }


def test_the_scope_of_a_key_takes_away_from_the_roles_of_its_owner(
    control_plane: ControlPlane, admin: httpx.Client
) -> None:
    user_key(admin, "boss")
    made(admin.put("/roles/control-plane/user:boss", json={"role": "admin"}), 200)
    reading, narrow = user_key(admin, "boss", most="view"), user_key(admin, "boss", services=["fraud"])

    with caller(control_plane, key=reading) as boss:
        assert boss.get("/infrastructures/local").status_code == 200
        assert refusal(boss.get("/users")) == (403, "out-of-scope")
        assert refusal(boss.post("/keys", json={"label": "more"})) == (403, "out-of-scope")
        assert refusal(boss.post("/deployments", json={})) == (403, "out-of-scope")
    with caller(control_plane, key=narrow) as boss:
        assert boss.get("/infrastructures/local").status_code == 200
        assert refusal(boss.put("/infrastructures/local", json={})) == (403, "out-of-scope")
        assert refusal(boss.post("/keys", json={"label": "more"})) == (403, "out-of-scope")
        assert boss.get("/services/other").status_code == 404


def test_a_key_is_shown_once_and_kept_by_nobody_on_its_way(
    control_plane: ControlPlane, admin: httpx.Client
) -> None:
    first = admin.post("/keys", json={"label": "once"}, headers={"Idempotency-Key": "one"})
    again = admin.post("/keys", json={"label": "once"}, headers={"Idempotency-Key": "one"})

    key = made(first)["key"]
    assert first.headers["cache-control"] == "no-store"
    assert refusal(again) == (409, "answer-not-kept")
    for path in ("/keys", "/audit", "/users/admin/keys"):
        assert key not in admin.get(path).text
    for path in control_plane.home.rglob("*"):
        if path.is_file():
            assert key.encode() not in path.read_bytes(), path.name


def test_the_audit_says_who_and_from_where_whatever_a_header_claims(
    control_plane: ControlPlane, admin: httpx.Client
) -> None:
    headers = {"X-Forwarded-For": "8.8.8.8", "Forwarded": "for=8.8.8.8"}

    made(admin.post("/groups", json={"name": "claimed"}, headers=headers))

    change = admin.get("/audit", params={"on": "group:claimed"}).json()["items"][0]
    assert (change["what"], change["address"], change["key"]) == ("create", "127.0.0.1", "machine")


def test_the_audit_holds_no_password_and_no_hash(control_plane: ControlPlane, admin: httpx.Client) -> None:
    once = made(admin.post("/users", json={"name": "audited"}))["one_time_password"]
    again = made(admin.post("/users/audited/password"))["one_time_password"]

    told = admin.get("/audit", params={"on": "user:audited"}).text

    assert [one["what"] for one in admin.get("/audit?on=user:audited").json()["items"]] == [
        "set password",
        "create",
    ]
    assert once not in told
    assert again not in told
    assert "argon2" not in told


def test_the_audit_comes_in_pages(admin: httpx.Client) -> None:
    for n in range(5):
        admin.post("/groups", json={"name": f"paged{n}"})

    seen, after = [], None
    while True:
        page = admin.get("/audit", params={"limit": 2, **({"after": after} if after else {})}).json()
        seen += [change["id"] for change in page["items"]]
        after = page["next"]
        if after is None:
            break

    assert seen == sorted(set(seen), reverse=True)
    assert len(seen) >= 5


@pytest.mark.parametrize(
    "header",
    [
        "Basic",
        "Basic !!!",
        "Basic Og==",
        "Bearer",
        "Digest x",
        "bearer \xff\xfe",
        "Basic " + "A" * 9000,
    ],
)
def test_headers_that_name_nobody_are_refused(control_plane: ControlPlane, header: str) -> None:
    with caller(control_plane) as nobody:
        response = nobody.get("/me", headers={"Authorization": header.encode("latin-1")})

    assert response.status_code == 401
    assert response.headers["www-authenticate"] == "Bearer"


def test_an_open_control_plane_lets_anyone_in_who_has_no_key_and_nobody_with_a_wrong_one(
    opened: ControlPlane,
) -> None:
    with caller(opened) as anyone:
        me = made(anyone.get("/me"), 200)
        wrong = anyone.get("/me", headers={"Authorization": "Bearer sk-wrong"})
        grouped = anyone.post("/groups", json={"name": "g"})
        audit = anyone.get("/audit").json()["items"][0]

    assert (me["name"], me["roles"]) == ("anyone", {"control-plane": "admin"})
    assert refusal(wrong) == (401, "unknown-key")
    assert grouped.status_code == 201
    assert (audit["who"], audit["on"]) == ("anyone", "group:g")
    assert not (opened.home / "first-password").exists()


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:1"},
        {"Host": "evil.example"},
        {"Host": "evil.example:8460", "Origin": "http://evil.example:8460"},
    ],
)
def test_a_page_of_somebody_else_cannot_use_an_open_control_plane(
    opened: ControlPlane, headers: dict[str, str]
) -> None:
    with caller(opened) as anyone:
        response = anyone.post("/groups", json={"name": "bad"}, headers=headers)
        own = anyone.get("/me", headers={"Origin": opened.server.url})

    assert refusal(response) == (403, "cross-site")
    assert own.status_code == 200


def test_a_control_plane_that_was_open_is_closed_again_by_the_next_start(tmp_path: Path) -> None:
    running = ControlPlane(tmp_path / "home", open=True)
    running.start()
    running.end()
    closed = ControlPlane(tmp_path / "home")
    closed.start()
    try:
        with caller(closed) as nobody:
            assert refusal(nobody.get("/me")) == (401, "unauthenticated")
        assert (closed.home / "first-password").exists()
    finally:
        closed.clear()


def test_the_admin_of_an_object_sees_what_was_changed_of_it_and_nothing_else(
    control_plane: ControlPlane, admin: httpx.Client
) -> None:
    made(admin.post("/services", json={"id": "owned"}))
    made(admin.post("/services", json={"id": "foreign"}))
    with caller(control_plane, key=user_key(admin, "owner")) as owner:
        made(admin.put("/roles/service:owned/user:owner", json={"role": "deploy"}), 200)
        assert refusal(owner.get("/audit?on=service:owned")) == (403, "no-right")

        made(admin.put("/roles/service:owned/user:owner", json={"role": "admin"}), 200)
        changes = made(owner.get("/audit?on=service:owned"), 200)["items"]

        assert [change["what"] for change in changes] == ["grant", "grant", "create"]
        assert refusal(owner.get("/audit?on=service:foreign")) == (404, "no-such-service")
        for query in ("", "?on=user:owner", "?who=owner"):
            assert refusal(owner.get(f"/audit{query}")) == (403, "no-right")
