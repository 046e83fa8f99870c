"""The bundled scripts, styles, fonts and icons, under names that change with their content."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
from starlette.staticfiles import StaticFiles
from starlette.types import Receive, Scope, Send

from scoreline.errors import Unavailable

FOLDER = Path(__file__).parent / "static"
PREFIX = "/assets"


class Assets:
    """What was bundled into a folder."""

    def __init__(self, folder: Path = FOLDER) -> None:
        """Raises Unavailable when nothing has been bundled."""
        try:
            found = msgspec.json.decode((folder / "manifest.json").read_bytes(), type=dict[str, Any])
        except (OSError, msgspec.DecodeError) as error:
            raise Unavailable(
                "the web pages have no scripts and styles yet; in a clone of the repository make them with: "
                "sh scripts/assets.sh",
                code="no-assets",
            ) from error
        self.icons = frozenset(found.pop("icons"))
        """Names of the icons in the sprite."""
        self.outlines: dict[str, str] = found.pop("outlines")
        """Each icon as the `d` of one SVG path of 24 by 24, to be stroked."""
        self._names = {name: file for name, file in found.items() if isinstance(file, str)}
        self.files = _Immutable(directory=folder)

    def url(self, name: str) -> str:
        """Where `app.js`, `theme.js`, `style.css` or `icons.svg` is. Raises KeyError for others."""
        return f"{PREFIX}/{self._names[name]}"


class _Immutable(StaticFiles):
    """Files whose names change with their content: a browser asks for each once."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_kept(message: Any) -> None:
            if message["type"] == "http.response.start" and message["status"] == 200:
                message["headers"] = [
                    *message["headers"],
                    (b"cache-control", b"public, max-age=31536000, immutable"),
                ]
            await send(message)

        await super().__call__(scope, receive, send_kept)
