"""Pictures of every page, light, dark and on a phone: `make screenshots` writes them into build/screenshots.

They are not committed; look at them after a change of what pages look like.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path

from tests.acceptance.running import CommandLine
from tests.ui.browser import browser, context, picture
from tests.ui.site import every_page, file_name, furnished

TARGET = Path("build/screenshots")


def main(only: str = "") -> None:
    """Write the pictures of the pages whose address holds a text."""
    shutil.rmtree(TARGET, ignore_errors=True)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        CommandLine(folder, folder / "no-home").run("init", "built", "--template", "real-time-apis")
        CommandLine(folder / "built", folder / "no-home").run("build", "--all")
        running = furnished(folder / "built", folder)
        try:
            _take(running.server.url, only)
        finally:
            running.clear()


def _take(url: str, only: str) -> None:
    pages = every_page(url, most=1)
    addresses = [one for found in pages.values() for one in found if only in one]
    with browser() as running:
        for kind, dark, narrow in (("light", False, False), ("dark", True, False), ("phone", False, True)):
            with context(running, dark=dark, narrow=narrow) as reader:
                page = reader.new_page()
                for address in addresses:
                    page.goto(url + address, wait_until="load")
                    page.wait_for_timeout(200)
                    picture(page, TARGET / kind / f"{file_name(address)}.png")
                    sys.stdout.write(f"{TARGET / kind / file_name(address)}.png\n")


if __name__ == "__main__":
    main(*sys.argv[1:2])
