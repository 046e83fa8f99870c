"""The way to a control plane: where it is, which key opens it, and what its refusals mean."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote, urlencode, urlsplit

import httpx
import msgspec

from scoreline import settings
from scoreline.client.http_clients import CONNECT_WITHIN, http_client
from scoreline.errors import Invalid, NotAllowed, Unavailable
from scoreline.wire.control import LAST_HOME, SERVER_FILE, ServerFile
from scoreline.wire.paging import MOST_ITEMS, Page
from scoreline.wire.problems import Problem, raise_problem

T = TypeVar("T")


class Connection:
    """Calls to one control plane. Refusals are raised as the errors they were made of."""

    def __init__(self, url: str, key: str, timeout: float, *, user: str | None = None) -> None:
        """`key` is a key, or the password of `user`."""
        self.url = url.rstrip("/")
        self._base = f"{self.url}/api/v1"
        self._http = http_client(self.url, timeout)
        if user is None:
            self._http.headers["Authorization"] = f"Bearer {key}"
        else:
            self._http.auth = httpx.BasicAuth(user, key)

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def call(
        self,
        method: str,
        path: str,
        kind: type[T],
        *,
        body: Any = None,
        revision: int | str | None = None,
    ) -> T:
        """Send a value, if there is one, and give the answer. `revision`: what must stand for it to be done.

        A POST that is broken off is sent once more; the control plane does it once all the same.
        """
        content = None if body is None else msgspec.json.encode(body)
        headers = {} if revision is None else {"If-Match": f'"{revision}"'}
        if method == "POST":
            headers["Idempotency-Key"] = secrets.token_hex(16)
        url = self._base + path
        try:
            return received(self._http, method, url, kind, content=content, headers=headers)
        except BrokenOff:
            if method not in ("GET", "POST"):
                raise
            return received(self._http, method, url, kind, content=content, headers=headers)

    def each(self, path: str, kind: type[T], *, at_once: int = MOST_ITEMS, **query: object) -> Iterator[T]:
        """The items of a list, of which a page is asked for when the one before is used up."""
        after: str | None = None
        while True:
            page = self.call("GET", f"{path}{query_of(**query, limit=at_once, after=after)}", Page[kind])  # type: ignore[valid-type]
            yield from page.items
            after = page.next
            if after is None:
                return

    def all(self, path: str, kind: type[T], *, most: int | None = None, **query: object) -> tuple[T, ...]:
        """A whole list, or its first `most` items."""
        at_once = MOST_ITEMS if most is None else max(1, min(most, MOST_ITEMS))
        return tuple(islice(self.each(path, kind, at_once=at_once, **query), most))

    def text(self, path: str) -> str:
        """An answer that is plain text."""
        with _translated(self.url):
            answer = self._http.get(self._base + path)
        if answer.status_code >= 400:
            _value(answer, self.url, object)
        return answer.text

    def lines(self, path: str, headers: Mapping[str, str], *, idle: float) -> Iterator[str]:
        """The lines of an answer as they come. Raises Unavailable when nothing comes for `idle` seconds."""
        timeout = httpx.Timeout(idle, connect=CONNECT_WITHIN)
        sent = self._http.stream("GET", self._base + path, headers=headers, timeout=timeout)
        with _translated(self.url), sent as answer:
            if answer.status_code >= 400:
                answer.read()
                _value(answer, self.url, object)
            yield from answer.iter_lines()

    def upload(self, path: str, archive: Path, kind: type[T]) -> T:
        """Send a file, and give the answer. However long it takes, as long as it moves."""
        with archive.open("rb") as file:
            length = str(archive.stat().st_size)
            headers = {"Content-Type": "application/zip", "Content-Length": length}
            patient = httpx.Timeout(600.0, connect=CONNECT_WITHIN)
            url = self._base + path
            return received(self._http, "POST", url, kind, content=file, headers=headers, timeout=patient)

    def download(self, path: str, target: Path) -> None:
        """Write an answer into a file, which is there whole or not at all. Raises Invalid when it cannot."""
        patient = httpx.Timeout(600.0, connect=CONNECT_WITHIN)
        part = target.with_name(f".{target.name}.{secrets.token_hex(4)}.part")
        try:
            with (
                _translated(self.url),
                self._http.stream("GET", self._base + path, timeout=patient) as answer,
            ):
                if answer.status_code >= 400:
                    answer.read()
                    _value(answer, self.url, object)
                with part.open("wb") as file:
                    for chunk in answer.iter_bytes(1 << 20):
                        file.write(chunk)
            part.replace(target)
        except OSError as error:
            raise Invalid(f"{str(target)!r} cannot be written: {error.strerror}") from error
        finally:
            part.unlink(missing_ok=True)


def path_to(*parts: object, **query: object) -> str:
    """The path to something, whatever the names in it hold, with the parameters that are not None."""
    return "".join("/" + _segment(str(part)) for part in parts) + query_of(**query)


def _segment(name: str) -> str:
    # An empty one, or one of dots, would make another path.
    if name in (".", ".."):
        return name.replace(".", "%2E")
    return quote(name, safe="") or "%20"


def query_of(**query: object) -> str:
    """Parameters as the end of a path; those that are None are left out."""
    given = {name: value for name, value in query.items() if value is not None}
    return f"?{urlencode(given)}" if given else ""


class BrokenOff(Unavailable):
    """A connection ended before the answer was whole."""


def received(http: httpx.Client, method: str, url: str, kind: type[T], **options: Any) -> T:
    """Send a request and give its answer as a value.

    Raises the error that the server answers with, or Unavailable (code `no-answer`) when it does not answer.
    """
    place = "{0.scheme}://{0.netloc}".format(urlsplit(url))
    with _translated(place):
        response = http.request(method, url, **options)
    return _value(response, place, kind)


@contextlib.contextmanager
def _translated(place: str) -> Iterator[None]:
    """Errors on the way to a server as Unavailable."""
    try:
        yield
    except httpx.TimeoutException as error:
        raise Unavailable(f"{place} did not answer in time", code="no-answer") from error
    except (httpx.RemoteProtocolError, httpx.ReadError, httpx.WriteError) as error:
        raise BrokenOff(f"{place} broke off before it had answered", code="no-answer") from error
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise Unavailable(
            f"nothing answers at {place}; `scoreline up` starts a control plane and its node",
            code="no-answer",
        ) from error


def _value(response: httpx.Response, place: str, kind: type[T]) -> T:
    """An answer as a value. Raises the error that the server answers with."""
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
    user: str | None = None,
    environment: Mapping[str, str] | None = None,
) -> Connection:
    """Find the control plane: what is given, else the environment, else the one of the home folder.

    With `user`, `key` is his password, and no other key is looked for.

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
        return Connection(local.url, found.key or local.key, timeout, user=user)
    if found.key is None and local is not None and local.url == found.url.rstrip("/"):
        return Connection(local.url, local.key, timeout)
    if found.key is None:
        raise NotAllowed(f"{found.url} needs a key; give one with SCORELINE_KEY", code="unauthenticated")
    return Connection(found.url, found.key, timeout, user=user)


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
