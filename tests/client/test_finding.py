"""The SDK finds the control plane as the command line does, and says what is wrong when it cannot."""

from __future__ import annotations

import http.server
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from scoreline import Client, Invalid, NotAllowed, NotFound, Unavailable
from scoreline.client.connection import Connection, connect
from scoreline.wire.control import ServerFile


def write_server(folder: Path, url: str = "http://127.0.0.1:9") -> None:
    (folder / "server.json").write_bytes(msgspec.json.encode(ServerFile(url=url, pid=1, key="local")))


def find(folder: Path, url: str | None = None, **environment: str) -> Connection:
    return connect(url, None, folder, 5.0, environment=environment)


def test_without_any_control_plane_it_says_how_to_start_one(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="start one with `scoreline up`"):
        find(tmp_path)


def test_the_home_folder_tells_where_it_is(tmp_path: Path) -> None:
    write_server(tmp_path)

    assert find(tmp_path).url == "http://127.0.0.1:9"


def test_the_environment_goes_before_the_home_folder(tmp_path: Path) -> None:
    write_server(tmp_path)

    found = find(tmp_path, SCORELINE_URL="http://127.0.0.1:10", SCORELINE_KEY="other")

    assert found.url == "http://127.0.0.1:10"


def test_the_key_of_this_machine_is_not_sent_elsewhere(tmp_path: Path) -> None:
    write_server(tmp_path)

    with pytest.raises(NotAllowed, match="needs a key"):
        find(tmp_path, "http://127.0.0.1:10")
    assert find(tmp_path, "http://127.0.0.1:9/").url == "http://127.0.0.1:9"


def test_a_damaged_server_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "server.json").write_bytes(b"{")

    with pytest.raises(NotAllowed, match=r"server\.json"):
        find(tmp_path)


def test_where_nothing_answers_it_is_unavailable() -> None:
    with (
        Client("http://127.0.0.1:9", "key") as client,
        pytest.raises(Unavailable, match=r"nothing answers at http://127\.0\.0\.1:9"),
    ):
        client.status()


@pytest.mark.parametrize("url", ["nonsense", "ftp://x", "http://", "http://[", "http://:80"])
def test_a_url_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(Invalid, match="expected http://HOST:PORT"):
        Client(url, "key")


def test_a_proxy_of_the_environment_is_not_between_programs_of_one_machine(stranger: str) -> None:
    program = f"import scoreline; scoreline.Client({stranger!r}, 'key').status()"
    environment = {**os.environ, "HTTP_PROXY": "http://127.0.0.1:9", "http_proxy": "http://127.0.0.1:9"}

    ended = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True)

    assert "not as Scoreline does" in ended.stderr


def test_a_server_that_is_something_else_is_told_apart(stranger: str) -> None:
    with Client(stranger, "key") as client, pytest.raises(Unavailable, match="not as Scoreline does"):
        client.status()


def test_a_package_that_is_not_there_is_not_found(tmp_path: Path) -> None:
    with Client("http://127.0.0.1:9", "key") as client, pytest.raises(NotFound, match=r"no package 'x\.zip'"):
        client.publish(tmp_path / "x.zip")


@pytest.fixture
def stranger() -> Iterator[str]:
    """The URL of a web server that is no control plane."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", "5")
            self.end_headers()
            self.wfile.write(b"hello")

        def log_message(self, *_arguments: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()
