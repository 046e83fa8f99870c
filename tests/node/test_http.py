"""HTTP as clients really speak it, and as they should not: byte by byte, over plain connections."""

from __future__ import annotations

import contextlib
import json
import select
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.node.card_packages import PLAIN, make_package
from tests.node.processes import NodeProcess, wait_until

PATH = b"/public/api/v1/cards/plain/predict"
BODY = b'{"features": {"amount": 10}}'
HEAD = b"POST %b HTTP/1.1\r\nHost: n\r\n" % PATH
QUERY = HEAD + b"Content-Length: %d\r\n\r\n%b" % (len(BODY), BODY)


class Answers:
    """Reads answers from a connection, one after the other."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self.rest = b""

    def next(self, *, body: bool = True) -> tuple[int, dict[str, str], bytes]:
        """The next answer: status, headers in lower case, body."""
        while b"\r\n\r\n" not in self.rest:
            self._receive()
        head, _, self.rest = self.rest.partition(b"\r\n\r\n")
        first, *lines = head.decode().split("\r\n")
        headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
        length = int(headers.get("content-length", "0")) if body else 0
        while len(self.rest) < length:
            self._receive()
        content, self.rest = self.rest[:length], self.rest[length:]
        return int(first.split()[1]), headers, content

    def at_end(self) -> bool:
        """Whether the other side has closed after its last answer."""
        return self.rest == b"" and self._connection.recv(1) == b""

    def _receive(self) -> None:
        data = self._connection.recv(65536)
        assert data, f"the connection was closed; received {self.rest!r}"
        self.rest += data


@pytest.fixture
def connection(shared_node: NodeProcess) -> Iterator[socket.socket]:
    with shared_node.connect() as opened:
        yield opened


@pytest.fixture(scope="module")
def strict_node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NodeProcess]:
    """A node with little patience."""
    folder = tmp_path_factory.mktemp("strict")
    limits = {"connections": 5, "idle": 1.5, "read": 1.0, "head": 4_096, "body": 65_536, "held": 150_000}
    limits["archive"] = 100_000
    node = NodeProcess(folder / "data", **limits).start()
    node.install(make_package(folder, endpoints=PLAIN))
    yield node
    node.clear()


def assert_still_answers(node: NodeProcess) -> None:
    assert node.post("cards/plain/predict", {"features": {}}).status_code == 200


def test_a_connection_is_kept_and_answers_in_order(connection: socket.socket) -> None:
    answers = Answers(connection)
    for _ in range(3):
        connection.sendall(QUERY)
        status, headers, body = answers.next()
        assert (status, headers["connection"]) == (200, "keep-alive")
        assert json.loads(body)["result"]["prediction"] == "no"


def test_requests_may_come_before_answers_have_left(connection: socket.socket) -> None:
    other = b"GET /isAlive/ HTTP/1.1\r\nHost: n\r\n\r\n"
    wrong = QUERY.replace(b"/plain/", b"/plian/")
    connection.sendall((QUERY + other + wrong + QUERY) * 20)

    answers = Answers(connection)
    seen = [answers.next() for _ in range(80)]
    assert [status for status, _, _ in seen] == [200, 200, 404, 200] * 20
    assert [body for _, _, body in seen][1::4] == [b'{"alive":true}'] * 20
    assert answers.rest == b""


def test_requests_that_wait_for_a_slow_one_are_answered_after_it(connection: socket.socket) -> None:
    metrics = b"GET /metrics HTTP/1.1\r\nHost: n\r\n\r\n"
    connection.sendall(metrics + QUERY + metrics + QUERY)
    answers = Answers(connection)
    kinds = [answers.next()[1]["content-type"].split(";")[0] for _ in range(4)]
    assert kinds == ["text/plain", "application/json"] * 2


@pytest.mark.parametrize("size", [1, 2, 7, 50])
def test_packets_may_be_split_anywhere(connection: socket.socket, size: int) -> None:
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for at in range(0, 2 * len(QUERY), size):
        connection.sendall((QUERY + QUERY)[at : at + size])
        time.sleep(0.0005)
    answers = Answers(connection)
    assert [answers.next()[0] for _ in range(2)] == [200, 200]


def test_a_body_may_come_in_chunks(connection: socket.socket) -> None:
    chunks = b"".join(b"%x;ext=1\r\n%b\r\n" % (len(part), part) for part in (BODY[:5], BODY[5:6], BODY[6:]))
    request = HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + chunks + b"0\r\nX-Trailer: 1\r\n\r\n"
    connection.sendall(request + QUERY)
    answers = Answers(connection)
    assert [answers.next()[0] for _ in range(2)] == [200, 200]


def test_a_client_that_waits_for_a_word_gets_it(connection: socket.socket) -> None:
    connection.sendall(HEAD + b"Expect: 100-continue\r\nContent-Length: %d\r\n\r\n" % len(BODY))
    answers = Answers(connection)
    assert answers.next(body=False)[0] == 100
    connection.sendall(BODY)
    assert answers.next()[0] == 200


def test_another_expectation_is_refused(connection: socket.socket) -> None:
    connection.sendall(HEAD + b"Expect: a-miracle\r\nContent-Length: %d\r\n\r\n" % len(BODY))
    status, headers, body = Answers(connection).next()
    assert (status, headers["connection"]) == (417, "close")
    assert json.loads(body)["code"] == "unsupported-expectation"


def test_http_1_0_is_answered_and_closed(connection: socket.socket) -> None:
    connection.sendall(QUERY.replace(b"HTTP/1.1", b"HTTP/1.0"))
    answers = Answers(connection)
    status, headers, _ = answers.next()
    assert (status, headers["connection"]) == (200, "close")
    assert answers.at_end()


def test_a_client_that_asks_for_the_end_gets_it(connection: socket.socket) -> None:
    connection.sendall(QUERY.replace(b"Host", b"Connection: close\r\nHost") + QUERY)
    answers = Answers(connection)
    assert answers.next()[1]["connection"] == "close"
    assert answers.at_end()


def test_head_has_the_head_of_get_and_no_body(connection: socket.socket) -> None:
    path = PATH + b"-simple?amount=3"
    connection.sendall(b"HEAD %b HTTP/1.1\r\nHost: n\r\n\r\n" % path)
    answers = Answers(connection)
    status, headers, _ = answers.next(body=False)
    assert status == 200
    assert int(headers["content-length"]) > 100
    connection.sendall(b"HEAD /isAlive/ HTTP/1.1\r\nHost: n\r\n\r\n" + QUERY)
    assert answers.next(body=False)[0] == 200
    assert answers.next()[0] == 200


def test_an_offered_upgrade_is_ignored_and_the_body_read(connection: socket.socket) -> None:
    offer = (
        b"Connection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAEAAEAAAAIAAAABAAMAAABkAAQBAAAAAAUAAEAA\r\n"
    )
    offer += b"Upgrade: h2c\r\nContent-Length: %d\r\n\r\n" % len(BODY)
    answers = Answers(connection)
    connection.sendall(HEAD + offer + BODY + QUERY)
    assert [answers.next()[0] for _ in range(2)] == [200, 200]
    connection.sendall(HEAD + offer[:60])
    time.sleep(0.05)
    connection.sendall(offer[60:] + BODY[:3])
    time.sleep(0.05)
    connection.sendall(BODY[3:])
    assert answers.next()[0] == 200


def test_very_many_offers_in_one_packet_are_ignored_one_by_one(shared_node: NodeProcess) -> None:
    offer = b"GET /isAlive/ HTTP/1.1\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n"
    query = HEAD + b"Connection: upgrade\r\nUpgrade: x\r\nContent-Length: %d\r\n\r\n%b" % (len(BODY), BODY)
    with shared_node.connect() as connection:
        connection.sendall(query * 1_500 + offer)
        answers = Answers(connection)
        assert {answers.next()[0] for _ in range(1_501)} == {200}


@pytest.mark.parametrize(
    "path",
    [
        b"//public/api/v1/cards/plain/predict",
        b"/public//api/v1//cards/plain///predict/",
        b"/public/api/v1/cards/%70lain/predict",
        b"/public/api/v1/cards/plain/predict?x=1",
        b"http://n:80/public/api/v1/cards/plain/predict",
    ],
)
def test_a_path_may_be_spelled_in_many_ways(connection: socket.socket, path: bytes) -> None:
    connection.sendall(QUERY.replace(PATH, path))
    assert Answers(connection).next()[0] == 200


@pytest.mark.parametrize(
    "path",
    [
        b"/",
        b"/public",
        b"/public/api/v1/cards%2Fplain/predict",
        b"/../etc/passwd",
        b"/isAlive/x",
        b"*",
        b"/public/api/v1/%ff/%00/predict",
        b"/public/api/v1/../v1/cards/plain/predict",
    ],
)
def test_any_other_path_is_not_found(connection: socket.socket, path: bytes) -> None:
    connection.sendall(QUERY.replace(PATH, path))
    status, _, body = Answers(connection).next()
    assert status == 404
    assert json.loads(body)["errorType"] == "NotFound"


@pytest.mark.parametrize(
    "garbage",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 100,
        b"hello\r\n\r\n",
        b"GET\r\n\r\n",
        b"POST / HTTP/9.9\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        HEAD + b"Content-Length: x\r\n\r\n",
        HEAD + b"Content-Length: -1\r\n\r\n",
        HEAD + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\n{}xxxx",
        HEAD + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
        HEAD + b"Bad Header: x\r\n\r\n",
        HEAD + b"X: a\x00b\r\n\r\n",
    ],
    ids=lambda garbage: repr(garbage[-30:]),
)
def test_what_is_not_http_is_refused_and_closed(shared_node: NodeProcess, garbage: bytes) -> None:
    with shared_node.connect() as connection:
        connection.sendall(garbage)
        connection.shutdown(socket.SHUT_WR)
        answers = Answers(connection)
        status, headers, body = answers.next()
        assert (status, headers["connection"]) == (400, "close")
        assert json.loads(body)["code"] == "bad-http"
        assert answers.at_end()
    assert_still_answers(shared_node)


def test_requests_before_garbage_are_answered(connection: socket.socket) -> None:
    connection.sendall(QUERY + b"garbage\r\n\r\n")
    answers = Answers(connection)
    assert [answers.next()[0] for _ in range(2)] == [200, 400]


def test_a_proxy_is_not_found_here(connection: socket.socket) -> None:
    connection.sendall(b"CONNECT elsewhere:443 HTTP/1.1\r\nHost: elsewhere:443\r\n\r\n")
    assert Answers(connection).next()[0] == 405


def test_a_head_beyond_the_limit_is_refused(strict_node: NodeProcess) -> None:
    for header in (b"X: " + b"a" * 10_000, b"\r\n".join(b"X%d: a" % n for n in range(1_000))):
        with strict_node.connect() as connection:
            connection.sendall(HEAD + header)
            status, _, body = Answers(connection).next()
            assert (status, json.loads(body)["code"]) == (431, "head-too-large")
    assert_still_answers(strict_node)


def test_a_whole_request_with_too_long_a_head_is_refused(strict_node: NodeProcess) -> None:
    with strict_node.connect() as connection:
        connection.sendall(HEAD + b"X: " + b"a" * 10_000 + b"\r\n\r\n")
        status, _, body = Answers(connection).next()
        assert (status, json.loads(body)["code"]) == (431, "head-too-large")


def test_bodies_that_are_too_much_together_are_turned_away_and_room_is_found_again(
    strict_node: NodeProcess,
) -> None:
    head = HEAD + b"Content-Length: 65000\r\n\r\n"
    with contextlib.ExitStack() as stack:
        connections = [stack.enter_context(strict_node.connect()) for _ in range(3)]
        for connection in connections:
            connection.sendall(head + b" " * 60_000)
        wait_until(lambda: len(select.select(connections, [], [], 0)[0]) == 1, "one to be turned away")
        (refused,) = select.select(connections, [], [], 0)[0]
        status, _, body = Answers(refused).next()
        assert (status, json.loads(body)["code"]) == (503, "too-much-at-once")
        others = [connection for connection in connections if connection is not refused]
        for connection in others:
            connection.sendall(b" " * (5_000 - len(BODY)) + BODY)
            assert Answers(connection).next()[0] == 200
    assert_still_answers(strict_node)


def test_a_body_beyond_the_limit_is_refused_before_it_comes(strict_node: NodeProcess) -> None:
    for length in (70_000, 10**12, 10**30):
        with strict_node.connect() as connection:
            connection.sendall(HEAD + b"Expect: 100-continue\r\nContent-Length: %d\r\n\r\n" % length)
            status, _, body = Answers(connection).next()
            if length < 2**63:
                assert (status, json.loads(body)["code"]) == (413, "body-too-large")
            else:
                assert status in (400, 413)


@pytest.mark.parametrize("chunked", [False, True])
def test_a_client_that_sends_too_much_reads_why(strict_node: NodeProcess, chunked: bool) -> None:
    with strict_node.connect() as connection:
        if chunked:
            connection.sendall(HEAD + b"Transfer-Encoding: chunked\r\n\r\n")
            for _ in range(500):
                connection.sendall(b"1000\r\n" + b" " * 4096 + b"\r\n")
        else:
            connection.sendall(HEAD + b"Content-Length: 2000000\r\n\r\n" + b" " * 2_000_000)
        status, _, body = Answers(connection).next()
        assert (status, json.loads(body)["code"]) == (413, "body-too-large")


def test_a_body_at_the_limit_is_taken(strict_node: NodeProcess) -> None:
    body = BODY + b" " * (65_536 - len(BODY))
    assert strict_node.post("cards/plain/predict", body).status_code == 200


@pytest.mark.parametrize("start", [b"POST /", HEAD, HEAD + b"Content-Length: 90\r\n\r\n{"], ids=len)
def test_a_request_that_drips_is_cut_off_in_time(strict_node: NodeProcess, start: bytes) -> None:
    with strict_node.connect() as connection:
        began = time.monotonic()
        connection.sendall(start)
        answers = Answers(connection)
        connection.settimeout(0.2)
        answer = None
        while answer is None and time.monotonic() - began < 15:
            try:
                connection.sendall(b" " if b"{" in start else b"a")
                answer = answers.next()
            except TimeoutError:
                continue
        assert answer is not None
        assert (answer[0], json.loads(answer[2])["code"]) == (408, "request-timeout")
        assert 0.5 < time.monotonic() - began < 15  # the usual limit is 20


def test_an_idle_connection_is_closed_in_time_without_a_word(strict_node: NodeProcess) -> None:
    with strict_node.connect() as connection:
        connection.sendall(QUERY)
        answers = Answers(connection)
        answers.next()
        began = time.monotonic()
        assert answers.at_end()
        assert 0.5 < time.monotonic() - began < 15  # the usual limit is 75


def test_one_connection_too_many_is_told_so_and_the_others_go_on(strict_node: NodeProcess) -> None:
    wait_until(lambda: _open_connections(strict_node) <= 1, "earlier connections are gone")
    with contextlib.ExitStack() as stack:
        held = [stack.enter_context(strict_node.connect()) for _ in range(5)]
        for connection in held:
            connection.sendall(QUERY)
            assert Answers(connection).next()[0] == 200
        for _ in range(10):
            with strict_node.connect() as refused:
                status, headers, body = Answers(refused).next()
                assert (status, headers["connection"]) == (503, "close")
                assert json.loads(body)["code"] == "too-many-connections"
        for connection in held:
            connection.sendall(QUERY)
            assert Answers(connection).next()[0] == 200
    wait_until(lambda: _open_connections(strict_node) <= 1, "they are gone")
    assert "scoreline_connections_refused_total 10" in strict_node.send("GET", "/metrics").text


def _open_connections(node: NodeProcess) -> int:
    answer = node.send("GET", "/metrics")
    if answer.status_code != 200:
        return 99
    return int(answer.text.split("\nscoreline_connections ")[1].split()[0])


@pytest.mark.slow
def test_a_large_answer_reaches_a_slow_reader_whole(shared_node: NodeProcess) -> None:
    items = [{"features": {"note": "n" * 900}}] * 7_000
    body = json.dumps({"items": items}).encode()
    path = PATH.replace(b"plain", b"predict")
    request = b"POST %b-multi HTTP/1.1\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % (path, len(body))
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 200_000)
        connection.connect(("127.0.0.1", shared_node.port))
        connection.sendall(request + body)
        received = []
        began = time.monotonic()
        while data := connection.recv(100_000):
            received.append(data)
            time.sleep(0.4 if time.monotonic() - began < 7 else 0)
    head, _, content = b"".join(received).partition(b"\r\n\r\n")
    assert b"200 OK" in head
    assert len(json.loads(content)["results"]) == 7_000


def test_a_client_that_goes_away_at_any_point_leaves_nothing(
    start_node: Callable[..., NodeProcess], tmp_path: Path
) -> None:
    node = start_node()
    node.install(make_package(tmp_path, endpoints=PLAIN))
    key = node.key.encode()
    switch = (
        b"POST /admin/api/services/cards/actions/switchTo/v1 HTTP/1.1\r\nAuthorization: Bearer %b\r\n" % key
    )
    upload = b"PUT /admin/api/services/cards/generations/v2 HTTP/1.1\r\nAuthorization: Bearer %b\r\n" % key
    pieces = (
        QUERY[:20],
        QUERY[:-3],
        QUERY,
        switch + b"Content-Length: 0\r\n\r\n",
        b"GET /metrics HTTP/1.1\r\n\r\n" * 3,
        upload + b"Content-Length: 50000\r\n\r\n" + b"x" * 20_000,
        upload + b"Content-Length: 20000\r\n\r\n" + b"x" * 20_000,
    )
    for _ in range(10):
        for piece in pieces:
            with node.connect() as connection:
                connection.sendall(piece)
    wait_until(lambda: _open_connections(node) <= 1, "all connections are gone")
    assert_still_answers(node)
    assert list((node.data / "uploads").iterdir()) == []
    assert "Traceback" not in node.log
    assert "rror" not in node.log


def test_a_request_that_is_known_by_its_head_is_answered_like_any_other(connection: socket.socket) -> None:
    answers = Answers(connection)
    bodies = [BODY, b'{"features": {"amount": 99}}', b'{"features": {"amount": "?"}}', BODY[:-1] + b" "]

    statuses = []
    for body in [*bodies, *bodies]:
        connection.sendall(HEAD + b"Content-Length: %d\r\n\r\n%b" % (len(body), body))
        status, _, content = answers.next()
        statuses.append((status, json.loads(content).get("result", {}).get("prediction")))

    assert statuses[:4] == statuses[4:]
    assert [status for status, _ in statuses[:4]] == [200, 200, 400, 400]


@pytest.mark.parametrize("size", [1, 7, len(QUERY) - 1, len(QUERY) + 1, 2 * len(QUERY) + 9])
def test_known_requests_may_come_in_any_pieces(connection: socket.socket, size: int) -> None:
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    answers = Answers(connection)
    connection.sendall(QUERY)
    usual = json.loads(answers.next()[2])["result"]

    stream = QUERY * 6
    for start in range(0, len(stream), size):
        connection.sendall(stream[start : start + size])
        time.sleep(0.001)

    assert [json.loads(answers.next()[2])["result"] for _ in range(6)] == [usual] * 6


def test_a_known_request_behind_the_beginning_of_another_is_not_taken_for_one(
    connection: socket.socket,
) -> None:
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    answers = Answers(connection)
    connection.sendall(QUERY)
    assert answers.next()[0] == 200

    connection.sendall(QUERY + b"GET")
    assert answers.next()[0] == 200
    connection.sendall(QUERY)

    assert answers.next()[0] == 400
    assert answers.at_end()


def test_a_request_before_a_half_close_is_answered(shared_node: NodeProcess) -> None:
    with shared_node.connect() as connection:
        connection.sendall(QUERY)
        connection.shutdown(socket.SHUT_WR)

        answers = Answers(connection)
        assert answers.next()[0] == 200
        assert answers.at_end()
