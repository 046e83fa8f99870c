"""A small proxy before a node, which may stand under a path, change what passes, or answer by itself."""

from __future__ import annotations

import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any

import httpx

_OWN = frozenset({"host", "content-length", "connection", "transfer-encoding", "date", "server"})


class Proxy:
    """Passes requests on to `upstream`; those outside `path` get 404."""

    def __init__(
        self,
        upstream: str,
        *,
        path: str = "",
        change: Callable[[str, bytes], bytes] = lambda _, body: body,
        answer: bytes | None = None,
    ) -> None:
        """`change`: from method and body of a request to the body that goes on. `answer`: to everything."""
        self._client = httpx.Client(base_url=upstream, timeout=30, trust_env=False, verify=False)
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _pass_on(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                if answer is not None:
                    self._reply(200, answer, {})
                elif self.path.startswith(path + "/"):
                    self._ask(change(self.command, body))
                else:
                    self._reply(404, b"", {})

            def _ask(self, content: bytes) -> None:
                headers = {name: value for name, value in self.headers.items() if name.lower() not in _OWN}
                url = self.path.removeprefix(path)
                passed = proxy._client.request(self.command, url, content=content, headers=headers)
                self._reply(passed.status_code, passed.content, dict(passed.headers))

            def _reply(self, status: int, body: bytes, headers: dict[str, str]) -> None:
                self.send_response(status)
                for name, value in headers.items():
                    if name.lower() not in _OWN:
                        self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            do_GET = do_POST = do_PUT = do_DELETE = _pass_on  # noqa: N815

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever)

    def __enter__(self) -> Proxy:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
        self._client.close()
