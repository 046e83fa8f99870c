"""The way to a control plane: where it is, which key opens it, and what its refusals mean."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

import httpx
import msgspec

from scoreline import settings
from scoreline.errors import Invalid, NotAllowed, Unavailable
from scoreline.wire.control import LAST_HOME, SERVER_FILE, ServerFile
from scoreline.wire.problems import Problem, raise_problem

T = TypeVar("T")
_CONNECT_WITHIN = 5.0  # seconds


class Connection:
    """Calls to one control plane. Refusals are raised as the errors they were made of."""

    def __init__(self, url: str, key: str, timeout: float) -> None:
        self.url = url.rstrip("/")
        self._base = f"{self.url}/api/v1"
        self._http = http_client(self.url, timeout)
        self._http.headers["Authorization"] = f"Bearer {key}"

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def call(self, method: str, path: str, kind: type[T], *, body: Any = None) -> T:
        """Send a value, if there is one, and give the answer."""
        content = None if body is None else msgspec.json.encode(body)
        return received(self._http, method, self._base + path, kind, content=content)

    def upload(self, path: str, archive: Path, kind: type[T]) -> T:
        """Send a file, and give the answer. However long it takes, as long as it moves."""
        with archive.open("rb") as file:
            length = str(archive.stat().st_size)
            headers = {"Content-Type": "application/zip", "Content-Length": length}
            patient = httpx.Timeout(600.0, connect=_CONNECT_WITHIN)
            url = self._base + path
            return received(self._http, "POST", url, kind, content=file, headers=headers, timeout=patient)


def http_client(url: str, timeout: float) -> httpx.Client:
    """A client for servers like `url`: on this machine, no proxy of the environment stands between."""
    near = urlsplit(url).hostname in ("127.0.0.1", "::1", "localhost")
    return httpx.Client(timeout=httpx.Timeout(timeout, connect=_CONNECT_WITHIN), trust_env=not near)


def received(http: httpx.Client, method: str, url: str, kind: type[T], **options: Any) -> T:
    """Send a request and give its answer as a value.

    Raises the error that the server answers with, or Unavailable (code `no-answer`) when it does not answer.
    """
    place = "{0.scheme}://{0.netloc}".format(urlsplit(url))
    try:
        response = http.request(method, url, **options)
    except httpx.TimeoutException as error:
        raise Unavailable(f"{place} did not answer in time", code="no-answer") from error
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise Unavailable(
            f"nothing answers at {place}; `scoreline up` starts a control plane and its node",
            code="no-answer",
        ) from error
    try:
        if response.status_code >= 400:
            raise_problem(msgspec.json.decode(response.content, type=Problem))
        return msgspec.json.decode(response.content, type=kind)
    except msgspec.MsgspecError as error:
        raise Unavailable(
            f"{place} answers {response.status_code}, and not as Scoreline does", code="no-answer"
        ) from error


def connect(
    url: str | None,
    key: str | None,
    home: str | Path | None,
    timeout: float,
    *,
    environment: Mapping[str, str] | None = None,
) -> Connection:
    """Find the control plane: what is given, else the environment, else the one of the home folder.

    Raises Unavailable when none is known, NotAllowed when its key is not, Invalid when the URL is none.
    """
    found = settings.load({"url": url, "key": key, "home": home}, environment=environment)
    if found.url is not None and not _is_url(found.url):
        raise Invalid(f"{found.url[:100]!r} is no URL of a control plane; expected http://HOST:PORT")
    local = _local(found.home)
    if found.url is None:
        if local is None:
            raise Unavailable(
                f"no control plane is known in {found.home}; start one with `scoreline up`, or name one "
                "with SCORELINE_URL and SCORELINE_KEY",
                code="no-control-plane",
            )
        return Connection(local.url, found.key or local.key, timeout)
    if found.key is None and local is not None and local.url == found.url.rstrip("/"):
        return Connection(local.url, local.key, timeout)
    if found.key is None:
        raise NotAllowed(f"{found.url} needs a key; give one with SCORELINE_KEY", code="unauthenticated")
    return Connection(found.url, found.key, timeout)


def _is_url(text: str) -> bool:
    try:
        parsed = httpx.URL(text)
        return parsed.scheme in ("http", "https") and bool(urlsplit(text).hostname)
    except (httpx.InvalidURL, ValueError):
        return False


def _local(home: Path) -> ServerFile | None:
    """The control plane of a home folder, else of the one that it refers to."""
    found = _server_file(home)
    if found is None and (home / LAST_HOME).is_file():
        return _server_file(Path((home / LAST_HOME).read_text().strip()))
    return found


def _server_file(home: Path) -> ServerFile | None:
    path = home / SERVER_FILE
    try:
        return msgspec.json.decode(path.read_bytes(), type=ServerFile)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.MsgspecError) as error:
        raise NotAllowed(f"{path} cannot be read: it belongs to another user, or is damaged") from error
