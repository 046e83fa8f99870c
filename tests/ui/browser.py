"""A real browser before a real control plane."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

_NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
"""The shell first: it draws no window around each page, which takes as long as the page."""

WIDE = {"width": 1440, "height": 900}
NARROW = {"width": 390, "height": 844}


@contextmanager
def browser() -> Iterator[Browser]:
    """The system's Chromium; the test is skipped where there is none."""
    found = next((path for name in _NAMES if (path := shutil.which(name))), None)
    if found is None:
        pytest.skip("there is no Chromium here; install Debian's package chromium-headless-shell")
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(
            executable_path=found, args=["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"]
        )
        yield running
        running.close()


class Watched:
    """A page, and what went wrong on it: errors in the console, requests that failed, answers from 400 on."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.wrong: list[str] = []
        page.on("console", lambda said: self.wrong.append(said.text) if said.type == "error" else None)
        page.on("pageerror", lambda error: self.wrong.append(str(error)))
        page.on("requestfailed", lambda request: self._failed(request.url, str(request.failure)))
        page.on(
            "response",
            lambda answer: (
                self.wrong.append(f"{answer.status} {answer.url}") if answer.status >= 400 else None
            ),
        )

    def _failed(self, url: str, why: str) -> None:
        # A stream of events, and what is asked for when a page is left, ends so.
        if "ERR_ABORTED" not in why:
            self.wrong.append(f"{url}: {why}")


def context(running: Browser, *, dark: bool = False, narrow: bool = False) -> BrowserContext:
    """A reader with his own cookies: of light or dark colours, before a desk's or a phone's screen."""
    return running.new_context(
        viewport=NARROW if narrow else WIDE,  # type: ignore[arg-type]
        color_scheme="dark" if dark else "light",
        locale="en-GB",
        reduced_motion="reduce",  # without it each badge that pulses takes a core to draw
        timezone_id="Europe/Berlin",
        permissions=["clipboard-read", "clipboard-write"],
    )


def picture(page: Page, path: Path) -> None:
    """The whole page as a PNG."""
    path.parent.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=str(path), full_page=True)
