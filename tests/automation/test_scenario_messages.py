"""A scenario of a real control plane sends its messages; the secrets in them stay where they were put."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.automation.mail_servers import Mailbox, mail_server
from tests.automation.web_servers import Web, web_server
from tests.deployer.processes import ControlPlane, wait_until

HOOK, TOKEN = "services/T0AAAAAAA/B0BBBBBBB/s3cr3t", "t0ken-of-the-bank"
SCENARIO = """
name: Nightly
variables: {greeting: hello}
steps:
  - kind: message
    id: tell
    message:
      kind: webhook
      url: "URL/${run.id}/${greeting}"
      headers: {Authorization: "Bearer ${secret:token}"}
      body: {said: "${greeting}", step: "${scenario.name}"}
  - kind: python
    id: compute
    code: |
      def run(variables):
          raise ValueError("no <rows>\\nBcc: all@bank.example $" + "{secret:token}")
reporters:
  - at: start
    message: {kind: slack, url: "${secret:slack}"}
  - at: end
    when: outcome == "FAILED"
    message: {kind: mail, to: [risk@bank.example], subject: "Look: ${steps.compute.message}"}
  - at: end
    when: outcome == "SUCCESS"
    message: {kind: mail, to: [nobody@bank.example]}
  - at: end
    message: {kind: webhook, url: "http://elsewhere.example/", body: 1}
"""


@pytest.fixture
def web() -> Iterator[Web]:
    with web_server() as web:
        yield web


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    with mail_server() as mailbox:
        yield mailbox


@pytest.fixture
def control_plane(tmp_path: Path, web: Web, mailbox: Mailbox) -> Iterator[ControlPlane]:
    project, secrets = tmp_path / "cards", tmp_path / "home" / "message-secrets"
    for path, text in {
        project / "project.yaml": "id: cards\n",
        project / "scenarios" / "nightly.yaml": SCENARIO.replace("URL", web.url),
        secrets / "slack": f"{web.url}/{HOOK}\n",
        secrets / "token": TOKEN,
    }.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    plane = ControlPlane(
        tmp_path / "home",
        smtp_url=f"smtp://127.0.0.1:{mailbox.port}",
        smtp_from="scoreline@bank.example",
        message_hosts="127.0.0.1",
    )
    plane.start()
    yield plane
    plane.clear()


def test_a_scenario_tells_that_it_begins_what_it_does_and_how_it_ended(
    control_plane: ControlPlane, web: Web, mailbox: Mailbox, tmp_path: Path
) -> None:
    with _caller(control_plane) as caller:
        caller.post("/projects", json={"folder": str(tmp_path / "cards")}).raise_for_status()
        begun = caller.post("/projects/cards/scenarios/nightly/runs", json={}).raise_for_status().json()
        run = wait_until(lambda: _ended(caller, begun["id"]), "the run has ended", 120)
        log = caller.get(f"/runs/{run['id']}/log").raise_for_status().text

    started, told = web.taken
    (mail,) = mailbox.mails
    assert run["outcome"] == "FAILED"
    assert started.path == f"/{HOOK}"
    assert started.json["text"].startswith("*Nightly has begun*")
    assert told.path == f"/{run['id']}/hello"
    assert told.headers["authorization"] == f"Bearer {TOKEN}"
    assert told.json == {"said": "hello", "step": "Nightly"}
    assert mail["Subject"].startswith("Look: ")
    assert "no <rows> Bcc: all@bank.example ${secret:token}" in mail["Subject"]
    assert mail["Bcc"] is None
    assert "Scenario Nightly of project cards has failed" in mail.get_content()
    assert f"reporter 1: Slack: {web.host} answered 200" in log
    assert "messages may not go to elsewhere.example" in log
    control_plane.end()
    _nothing_was_written_of((HOOK, TOKEN), tmp_path)


def _caller(plane: ControlPlane) -> httpx.Client:
    headers = {"Authorization": f"Bearer {plane.server.key}"}
    return httpx.Client(base_url=f"{plane.server.url}/api/v1", headers=headers, timeout=60, trust_env=False)


def _ended(caller: httpx.Client, run: int) -> dict[str, Any] | None:
    found: dict[str, Any] = caller.get(f"/runs/{run}").raise_for_status().json()
    return found if found["finished_at"] else None


def _nothing_was_written_of(secrets: tuple[str, ...], folder: Path) -> None:
    for path in folder.rglob("*"):
        if path.is_file() and path.parent.name != "message-secrets":
            content = path.read_bytes()
            for secret in secrets:
                assert secret.encode() not in content, path
