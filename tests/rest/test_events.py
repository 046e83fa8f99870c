"""Server-sent events reach everyone who may see the change, in order, and a slow reader holds up nobody."""

from __future__ import annotations

import contextlib
import hashlib
import json
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn
from fastapi import FastAPI
from tests.deployer.processes import ControlPlane, wait_until
from tests.rest.test_control_api import assert_problem

from scoreline.core.user import PersonalKey
from scoreline.deployer.events import MOST_READERS, Events
from scoreline.deployer.guesses import Guesses
from scoreline.deployer.keys import Keys
from scoreline.deployer.passwords import Passwords
from scoreline.deployer.sessions import Sessions
from scoreline.deployer.users import Users
from scoreline.errors import Unavailable
from scoreline.rest import events as event_routes
from scoreline.rest import problems
from scoreline.rest.access import Access
from scoreline.rest.sign_in import SignIn
from scoreline.rest.targets import Targets
from scoreline.storage import catalog_tables as tables
from scoreline.storage.catalog import Catalog

AT = "2030-01-01T00:00:00.000+00:00"
_DEPLOYMENT = {"service": "fraud", "infrastructure": "local", "revision": 7}


class Server:
    """The events of a catalog over HTTP: `ada` may see everything, `bob` the service `fraud` and `local`."""

    def __init__(self, catalog: Catalog, **waits: float) -> None:
        self.catalog = catalog
        self.events = Events(catalog)
        users = Users(catalog.users, catalog.keys, Passwords(), Guesses())
        sign_in = SignIn(Keys(catalog.keys), users, Sessions(catalog.sessions))
        app = FastAPI()
        problems.register(app)
        app.add_middleware(Access, sign_in=sign_in, targets=Targets(catalog.targets, lambda: ["cards"]))
        app.include_router(event_routes.routes(self.events, sign_in, **waits))
        config = uvicorn.Config(app, log_config=None, timeout_graceful_shutdown=1)
        self.server = uvicorn.Server(config)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self.server.run, kwargs={"sockets": [self._listener]})
        self._thread.start()

    def stop(self) -> None:
        self.events.close()
        self.server.should_exit = True
        self._thread.join()
        self._listener.close()

    def change(self, what: str, on: str, **more: Any) -> None:
        self.catalog.audit.record(what, on, **more)

    @contextlib.contextmanager
    def stream(self, who: str = "ada", after: int | None = None) -> Iterator[Iterator[dict[str, Any]]]:
        headers = {"Authorization": f"Bearer sk-{who}"}
        if after is not None:
            headers["Last-Event-ID"] = str(after)
        url = f"http://127.0.0.1:{self.port}/events"
        with httpx.stream("GET", url, headers=headers, timeout=20, trust_env=False, verify=False) as response:
            assert response.status_code == 200
            assert response.headers["content-type"].startswith("text/event-stream")
            lines = response.iter_lines()
            assert next(lines) == "retry: 1000"
            yield (json.loads(line[6:]) for line in lines if line.startswith("data: "))


@pytest.fixture
def start_server(tmp_path: Path) -> Iterator[Callable[..., Server]]:
    catalog = Catalog.open(tmp_path / "catalog.sqlite")
    _people(catalog)
    started: list[Server] = []

    def start(heartbeat: float = 60.0, taken_within: float = 10.0) -> Server:
        started.append(Server(catalog, heartbeat=heartbeat, taken_within=taken_within))
        return started[-1]

    yield start
    for server in started:
        server.stop()
    catalog.close()


@pytest.fixture
def server(start_server: Callable[..., Server]) -> Server:
    return start_server()


def _people(catalog: Catalog) -> None:
    roles = [("ada", "control-plane", "", "admin"), ("bob", "service", "fraud", "view")]
    roles.append(("bob", "infrastructure", "local", "view"))
    with catalog.transactions.writing() as connection:
        connection.execute(tables.services.insert(), [{"id": "fraud"}, {"id": "churn"}])
        for name in ("ada", "bob"):
            user = {"name": name, "must_change": False, "enabled": True, "created_at": AT}
            connection.execute(tables.users.insert().values(user))
        for name, kind, on, role in roles:
            grant = {"kind": kind, "object": on, "subject_kind": "user", "subject": name, "role": role}
            connection.execute(tables.grants.insert().values(grant))
    for name in ("ada", "bob"):
        key_hash = hashlib.sha256(f"sk-{name}".encode()).hexdigest()
        catalog.keys.add(key_hash, PersonalKey(id=0, label="own", user=name, created_at=AT))


def test_a_change_arrives_with_who_what_and_revision(server: Server) -> None:
    with server.stream() as events:
        server.change("save", "deployment:fraud-on-local", after=_DEPLOYMENT)
        event = next(events)

    assert event.pop("at") > AT[:4] or event
    assert isinstance(event.pop("id"), int)
    assert event == {
        "who": "scoreline",
        "what": "save",
        "kind": "deployment",
        "object": "fraud-on-local",
        "revision": 7,
    }


def test_a_reader_who_comes_back_goes_on_where_he_was(server: Server) -> None:
    with server.stream() as events:
        server.change("first", "stage:Test")
        seen = next(events)["id"]
    for number in range(450):  # more than are sent at once
        server.change(f"missed {number}", "stage:Test")

    with server.stream(after=seen) as events:
        missed = [next(events)["what"] for _ in range(450)]

    assert missed == [f"missed {number}" for number in range(450)]


def test_without_an_id_only_what_comes_is_told(server: Server) -> None:
    server.change("before", "stage:Test")

    with server.stream() as events:
        server.change("after", "stage:Test")
        assert next(events)["what"] == "after"


def test_everyone_sees_the_changes_of_what_he_may_see_and_no_others(server: Server) -> None:
    changes = [
        ("deployment:fraud-on-local", {"after": _DEPLOYMENT}),
        ("deployment:fraud-gone", {"before": _DEPLOYMENT}),
        ("deployment:churn-on-local", {"before": {**_DEPLOYMENT, "service": "churn"}}),
        ("deployment:fraud-elsewhere", {"before": {**_DEPLOYMENT, "infrastructure": "other"}}),
        ("deployment:unknown", {}),
        ("service:fraud", {}),
        ("service:churn", {}),
        ("infrastructure:local", {}),
        ("infrastructure:other", {}),
        ("project:cards", {}),
        ("user:ada", {}),
        ("key:1", {}),
        ("group:all", {}),
        ("control-plane", {}),
        ("stage:Test", {}),
    ]
    with server.stream("ada") as of_ada, server.stream("bob") as of_bob:
        for on, more in changes:
            server.change("touch", on, **more)

        every = [f"{event['kind']}:{event['object']}" for event in _take(of_ada, len(changes))]
        some = [f"{event['kind']}:{event['object']}" for event in _take(of_bob, 5)]

    assert every == [on if ":" in on else f"{on}:" for on, _ in changes]
    assert some == [
        "deployment:fraud-on-local",
        "deployment:fraud-gone",
        "service:fraud",
        "infrastructure:local",
        "stage:Test",
    ]


def test_a_quiet_stream_beats(start_server: Callable[..., Server]) -> None:
    server = start_server(heartbeat=0.1)
    headers = {"Authorization": "Bearer sk-ada"}
    url = f"http://127.0.0.1:{server.port}/events"
    with httpx.stream("GET", url, headers=headers, timeout=10, trust_env=False) as response:
        lines = response.iter_lines()
        beats = 0
        while beats < 3:
            beats += next(lines) == ":"


def test_a_key_that_is_revoked_ends_its_stream(start_server: Callable[..., Server]) -> None:
    server = start_server(heartbeat=0.2)
    with server.stream("bob") as events:
        with server.catalog.transactions.writing() as connection:
            connection.execute(tables.keys.delete().where(tables.keys.c.user == "bob"))

        assert list(events) == []


@pytest.mark.slow
def test_a_reader_who_takes_nothing_is_sent_away_and_holds_up_nobody(
    start_server: Callable[..., Server],
) -> None:
    server = start_server(taken_within=3.0)
    head = "GET /events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer sk-ada\r\nLast-Event-ID: 0\r\n\r\n"
    with socket.socket() as lazy:
        lazy.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        lazy.connect(("127.0.0.1", server.port))
        lazy.sendall(head.encode())
        with server.stream("ada") as events:
            for _ in range(10):  # 6 MB: more than the buffers of a connection hold
                for _ in range(30):
                    server.change("touch", "stage:" + "x" * 20_000)
                assert len(_take(events, 30)) == 30

        wait_until(lambda: server.events.readers == 0, "the lazy reader is gone", 30)


def test_streams_end_with_the_control_plane(tmp_path: Path) -> None:
    control_plane = ControlPlane(tmp_path / "home")
    control_plane.start()
    try:
        server = control_plane.server
        headers = {"Authorization": f"Bearer {server.key}"}
        with httpx.stream("GET", f"{server.url}/api/v1/events", headers=headers, timeout=30) as response:
            lines = response.iter_lines()
            assert next(lines) == "retry: 1000"
            assert control_plane.end() == 0
            assert list(lines) == [""]  # and no error: it is not cut off
        assert "graceful shutdown exceeded" not in control_plane.log
        assert "Traceback" not in control_plane.log
    finally:
        control_plane.clear()


@pytest.mark.parametrize("last", ["x", "-1", "1.5", "9" * 30])
def test_an_id_that_is_none_is_refused(server: Server, last: str) -> None:
    headers = {"Authorization": "Bearer sk-ada", "Last-Event-ID": last}

    response = httpx.get(
        f"http://127.0.0.1:{server.port}/events", headers=headers, trust_env=False, timeout=60
    )

    assert_problem(response, 400, "bad-parameter")


def test_too_many_readers_are_refused(server: Server) -> None:
    with contextlib.ExitStack() as readers:
        wakes = [lambda number=number: None for number in range(MOST_READERS)]
        for wake in wakes:
            readers.enter_context(server.events.reader(wake))

        with pytest.raises(Unavailable), server.events.reader(lambda: None):
            pass
        headers = {"Authorization": "Bearer sk-ada"}
        response = httpx.get(
            f"http://127.0.0.1:{server.port}/events", headers=headers, trust_env=False, timeout=60
        )
        assert_problem(response, 503, "too-many-readers")


def _take(events: Iterator[dict[str, Any]], count: int) -> list[dict[str, Any]]:
    return [next(events) for _ in range(count)]
