"""A control plane with something on every page: the tutorial done, more than one of most things."""

from __future__ import annotations

import csv
import json
import re
import shutil
from collections import deque
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import httpx
import msgspec
from starlette.routing import Match, Route
from tests.acceptance.running import CommandLine
from tests.deployer.processes import ControlPlane

from scoreline.studio.tutorial import enrich
from scoreline.ui.api import ApiCalls
from scoreline.ui.application import make_pages
from scoreline.ui.assets import Assets
from scoreline.ui.pages import Ui

PROJECT, SERVICE, ENDPOINT = "real-time-apis", "fraud_detection", "predict_fraud"
MODEL, STORE = "predict_authorized_flag", "evaluation_of_predict_authorized_flag"
DEPLOYMENT = f"{SERVICE}-on-local"


HOSTILE = """</script><script>window.pwned = 1</script><img src=x onerror="window.pwned=1">'"{{7*7}}${7*7}"""
"""What runs as a script, or is computed, where it is not taken as the text that it is."""


def furnished(built: Path, folder: Path, *, text: str = "") -> ControlPlane:
    """A control plane that runs, open to everyone, over a copy of the tutorial's built project.

    `text` stands wherever people may write what they like.
    """
    shutil.copytree(built, folder / "fraud")
    if text:
        _write_everywhere(folder / "fraud", text)
    typed = CommandLine(folder / "fraud", folder / "home")
    typed.run("test-queries", "add", SERVICE, ENDPOINT, "--from", "test_scored", "-n", "5")
    typed.run("version", "create", SERVICE, "--id", "v1", "--notes", "The model with its six features.")
    enrich(folder / "fraud")
    typed.run("version", "create", SERVICE, "--id", "v2", "--notes", text or "Looks up score and age.")
    running = ControlPlane(folder / "home", open=True)
    running.start()
    try:
        running.wait_for_node()
        _furnish(running, folder / "fraud", text or "Looked at.")
    except BaseException:
        running.clear()
        raise
    return running


def _write_everywhere(project: Path, text: str) -> None:
    """Into every file that holds names and descriptions, and into a dataset with its columns and values."""
    quoted = json.dumps(text)
    for kind in ("datasets", "recipes", "models", "evaluation-stores", "services", "scenarios"):
        for file in (project / kind).glob("*.yaml"):
            lines = file.read_text().splitlines(keepends=True)
            kept = [line for line in lines if not line.startswith(("description:", "name:"))]
            names = "" if kind in ("datasets", "recipes") else f"name: {quoted}\n"
            file.write_text("".join(kept).rstrip() + f"\n{names}description: {quoted}\n")
    with (project / "data" / "hostile.csv").open("w", newline="") as file:
        csv.writer(file).writerows([[text, "n"], [text, 1], ["=1+1", 2]])
    (project / "datasets" / "hostile.yaml").write_text(
        f"kind: files\npath: data/hostile.csv\ndescription: {quoted}\n"
    )


def _furnish(running: ControlPlane, project: Path, text: str) -> None:
    with running.client() as client:
        client.add_project(project)
        for version in ("v1", "v2"):
            client.publish(project / ".scoreline" / "versions" / SERVICE / f"{version}.zip")
        client.deploy(SERVICE, "v1")
        client.update(DEPLOYMENT, "v2")
        client.create_infrastructure("staging", stage="Test", kind="local")
        client.copy(DEPLOYMENT, "staging")
        client.create_infrastructure(
            "live", stage="Production", kind="static", nodes={"http://127.0.0.1:9": "env:NO_SUCH_KEY"}
        )
        client.create_user("grace")
        client.create_group("fraud-team")
        client.add_to_group("fraud-team", "grace")
        client.grant_role("deploy", f"service:{SERVICE}", "group:fraud-team")
        client.create_key(text[:60], user="grace")
        client.duplicate_scenario(PROJECT, "retrain_model", "retrain_model_again")
        client.run_scenario(PROJECT, "retrain_model")
        client.build(PROJECT)
        version = client.model(PROJECT, MODEL).versions[0]
        client.note_model_version(PROJECT, MODEL, version, name=text, description=text, labels={"seen": text})
        evaluation = next(iter(client.evaluations(PROJECT, STORE)))
        client.note_evaluation(PROJECT, STORE, evaluation.id, name=text, description=text)
        settings = client.project_settings(PROJECT)
        named = msgspec.structs.replace(settings.settings, name=text[:200], description=text)
        client.save_project_settings(PROJECT, named)


class _Links(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "a" and given.get("href") and "download" not in given:
            self.found.append(given["href"] or "")


def page_routes() -> list[Route]:
    """The routes of all pages, without those that only answer what htmx asks for."""

    async def nobody(*_: object) -> None:
        raise AssertionError

    pages = make_pages(Ui(ApiCalls(nobody), Assets(), "", longest_upload=1))
    return [one for one in pages.routes if isinstance(one, Route) and "GET" in (one.methods or ())]


def every_page(url: str, *, start: str = "/projects", most: int = 2) -> dict[str, list[str]]:
    """Route -> addresses of at most so many of its pages, all found by following links, as a reader does."""
    routes = page_routes()
    found: dict[str, list[str]] = {}
    waiting, known = deque([start]), {start}
    with httpx.Client(base_url=url, trust_env=False, timeout=60) as client:
        while waiting:
            address = waiting.popleft()
            route = _route_of(routes, urlsplit(address).path)
            if route is None or len(found.setdefault(route, [])) >= most:
                continue
            answer = client.get(address)
            if answer.is_redirect:
                waiting.append(_own(url, address, answer.headers["location"]) or start)
                continue
            if "text/html" not in answer.headers["content-type"]:
                continue
            assert answer.status_code == 200, f"{address}: {answer.status_code}"
            if "<!doctype html>" not in answer.text[:200]:
                continue
            found[route].append(address)
            links = _Links()
            links.feed(answer.text)
            for link in links.found:
                own = _own(url, address, link)
                if own and own not in known:
                    known.add(own)
                    waiting.append(own)
    return {route: addresses for route, addresses in found.items() if addresses}


def _route_of(routes: list[Route], path: str) -> str | None:
    for route in routes:
        match, _ = route.matches({"type": "http", "path": path, "method": "GET", "root_path": ""})
        if match is Match.FULL:
            return route.path
    return None


def _own(url: str, page: str, link: str) -> str | None:
    """The address on this site that a link leads to, without its fragment."""
    whole = urlsplit(urljoin(url + page, link))
    if f"{whole.scheme}://{whole.netloc}" != url:
        return None
    return whole.path + (f"?{whole.query}" if whole.query else "")


def file_name(address: str) -> str:
    """A picture's name for an address."""
    return re.sub(r"[^A-Za-z0-9_-]+", "-", address).strip("-") or "home"
