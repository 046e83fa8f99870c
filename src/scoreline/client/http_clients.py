"""HTTP clients, for servers near and far, with and without certificates."""

from __future__ import annotations

import threading
from urllib.parse import urlsplit

import httpx

CONNECT_WITHIN = 5.0  # seconds


class HttpClients:
    """HTTP clients for whatever server is asked, made when the first one of its kind is. For any thread."""

    def __init__(self, timeout: float) -> None:
        self._timeout = timeout
        self._made: dict[tuple[str, bool], httpx.Client] = {}
        self._making = threading.Lock()

    def of(self, url: str) -> httpx.Client:
        """The client for servers like `url`."""
        with self._making:
            kind = _kind(url)
            if kind not in self._made:
                self._made[kind] = http_client(url, self._timeout)
            return self._made[kind]

    def close(self) -> None:
        """Close the connections."""
        with self._making:
            for made in self._made.values():
                made.close()


def http_client(url: str, timeout: float) -> httpx.Client:
    """A client for servers like `url`."""
    scheme, near = _kind(url)
    return httpx.Client(
        timeout=httpx.Timeout(timeout, connect=CONNECT_WITHIN),
        trust_env=not near,  # on this machine, no proxy of the environment stands between
        verify=scheme != "http",  # reading certificates takes longer than a call, and http needs none
    )


def _kind(url: str) -> tuple[str, bool]:
    """The scheme, and whether the server is on this machine."""
    parts = urlsplit(url)
    return parts.scheme, parts.hostname in ("127.0.0.1", "::1", "localhost")
