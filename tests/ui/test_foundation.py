"""What holds for every page: nothing from elsewhere, nothing for other sites, light to load."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser
from tests.deployer.processes import ControlPlane
from tests.ui.browser import Watched, context

import scoreline.ui

STATIC = Path(scoreline.ui.__file__).parent / "static"
MANIFEST = json.loads((STATIC / "manifest.json").read_text())


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    running = ControlPlane(tmp_path_factory.mktemp("ui") / "home", open=True)
    running.start()
    yield running
    running.clear()


@pytest.fixture
def site(opened: ControlPlane) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=opened.server.url, trust_env=False, timeout=60) as client:
        yield client


def test_scripts_and_styles_of_the_first_page_are_under_60_kilobytes_compressed() -> None:
    loaded = {MANIFEST[name] for name in ("app.js", "theme.js", "style.css", "icons.svg")}
    waiting = [name for name in loaded if name.endswith(".js")]
    while waiting:
        text = (STATIC / waiting.pop()).read_text()
        # What is imported at once; what `import()` loads comes when it is needed.
        found = set(re.findall(r"""(?:from|import)\s*["']\./([^"']+\.js)["']""", text)) - loaded
        loaded |= found
        waiting.extend(found)

    compressed = sum(len(gzip.compress((STATIC / name).read_bytes(), 9)) for name in loaded)

    assert compressed < 60_000, f"{compressed} bytes: {sorted(loaded)}"


def test_nothing_that_is_bundled_names_another_host() -> None:
    allowed = {"www.w3.org", "localhost", "127.0.0.1"}
    for file in STATIC.iterdir():
        if file.suffix in (".js", ".css", ".svg"):
            hosts = set(
                re.findall(
                    r"""(?:src|href|url\(|import|fetch\()\s*=?\s*["'(]*https?://([\w.-]+)""", file.read_text()
                )
            )
            assert hosts <= allowed, f"{file.name}: {hosts}"


def test_bundled_files_are_kept_by_the_browser_and_pages_are_not(site: httpx.Client) -> None:
    style = site.get(f"/assets/{MANIFEST['style.css']}")
    page = site.get("/no-such-page")

    assert style.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert style.headers["content-encoding"] == "gzip"
    assert page.status_code == 404
    assert page.headers["cache-control"] == "no-store"


def test_a_page_may_load_from_its_own_host_only_and_stand_in_no_frame(site: httpx.Client) -> None:
    policy = site.get("/no-such-page").headers["content-security-policy"]

    rules = {rule.split()[0]: rule.split()[1:] for rule in policy.split("; ")}
    assert rules["default-src"] == ["'none'"]
    assert rules["frame-ancestors"] == ["'none'"]
    assert rules["script-src"] == rules["style-src"] == rules["connect-src"] == ["'self'"]


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://elsewhere.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site", "Origin": "http://127.0.0.1:1"},
        {"Cookie": "scoreline_session=guessed"},
        {"Cookie": "scoreline_session=guessed", "X-CSRF-Token": "guessed"},
    ],
)
def test_a_change_that_no_page_of_ours_sent_is_refused(site: httpx.Client, headers: dict[str, str]) -> None:
    answer = site.post("/no-such-page", headers=headers, data={"name": "x"})

    assert answer.status_code == 403
    assert answer.text == "this request does not come from a page of Scoreline\n"


def test_a_lost_reader_is_told_in_a_page_that_works_in_both_colours(
    opened: ControlPlane, chromium: Browser
) -> None:
    for dark in (False, True):
        with context(chromium, dark=dark) as reader:
            watched = Watched(reader.new_page())
            watched.page.goto(f"{opened.server.url}/no-such-page?x=<script>alert(1)</script>")

            assert watched.page.get_by_role("heading", name="There is nothing here").is_visible()
            ground = watched.page.evaluate("getComputedStyle(document.body).backgroundColor")
            watched.page.get_by_role(
                "button", name="Use light colours" if dark else "Use dark colours"
            ).click()
            assert watched.page.evaluate("getComputedStyle(document.body).backgroundColor") != ground
            assert [wrong for wrong in watched.wrong if "404" not in wrong] == []


def test_the_control_api_answers_beside_the_pages(site: httpx.Client) -> None:
    assert site.get("/api/v1/status").json()["version"]
    assert site.get("/api/v1/nowhere").json()["errorType"] == "NotFound"
    assert site.get("/api").headers["content-type"] == "application/json"
    assert site.get("/isAlive/").json() == {"alive": True}


def test_a_form_is_read_within_its_bound_only(site: httpx.Client) -> None:
    def endless() -> Iterator[bytes]:
        yield b"name="
        for _ in range(40):
            yield b"x" * 2**20

    form = {"Content-Type": "application/x-www-form-urlencoded"}

    declared = site.post("/sign-in", headers=form, content=b"name=" + b"x" * 2**17)
    sent = site.post("/projects/new", headers=form, content=endless())

    for answer in (declared, sent):
        assert answer.status_code == 413
        assert "larger than" in answer.text


def test_nothing_that_a_stranger_sends_is_kept(tmp_path: Path) -> None:
    closed = ControlPlane(tmp_path / "home")
    closed.start()
    try:
        with httpx.Client(base_url=closed.server.url, trust_env=False, timeout=60) as stranger:
            for path in ("/projects/new", "/projects/new/import", "/projects/p/datasets/new/upload"):
                answer = stranger.post(path, files={"archive": b"x" * 2**20})

                assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in?next=%2F")
    finally:
        closed.clear()
