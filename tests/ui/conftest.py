"""What the tests of pages share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect
from tests.ui.browser import browser

expect.set_options(timeout=30_000)  # milliseconds; the machine may have much to do


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """One browser for all tests of a file; each takes a context of its own.

    Not one for the whole run: while Playwright is there, its event loop counts as running in this thread, and
    tests of other folders could not start theirs.
    """
    with browser() as running:
        yield running
