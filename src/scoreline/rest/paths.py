"""Paths as callers write them: repeated slashes count as one."""

from __future__ import annotations

import re

from starlette.types import ASGIApp, Receive, Scope, Send

from scoreline.wire.dataiku_control import PREFIXES

_SLASHES = re.compile(r"//+")


class Paths:
    """ASGI middleware: `//api` is `/api`; under Dataiku's prefixes a slash at the end does not count."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on under its plain path."""
        if scope["type"] == "http":
            path = _SLASHES.sub("/", scope["path"])
            if path.endswith("/") and path.startswith(PREFIXES):
                path = path[:-1]
            if path != scope["path"]:
                scope = {**scope, "path": path, "raw_path": path.encode()}
        await self._app(scope, receive, send)
