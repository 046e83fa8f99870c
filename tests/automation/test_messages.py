"""Webhooks and messages to Slack and Teams reach a real server, or it is told why not. Secrets stay so."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import logging
import ssl
import subprocess
import sys
import time
import traceback
from pathlib import Path

import msgspec
import pytest
import trustme
from tests.automation.mail_servers import mail_server
from tests.automation.senders import sender
from tests.automation.web_servers import Taken, closed_port, dripping_server, web_server

from scoreline import settings
from scoreline.automation.message_step import send_message
from scoreline.automation.messages import MessageSettings, message_settings
from scoreline.automation.step_result import StepResult, Task
from scoreline.core.message import Mail, Message, SlackMessage, TeamsMessage, Webhook
from scoreline.core.scenario_step import MessageStep
from scoreline.errors import Invalid, NotAllowed, Unavailable

HOOK = "services/T0AAAAAAA/B0BBBBBBB/s3cr3t0fTh3Ch4nn3l"


def test_a_webhook_sends_json_with_its_headers() -> None:
    with web_server() as web:
        message = Webhook(
            url=f"{web.url}/jobs?from=scoreline",
            method="PUT",
            headers={"Authorization": "Bearer ${env:TOKEN}", "X-Team": "risk"},
            body={"text": "drift – again", "run": 7, "steps": ["a", None]},
        )

        told = sender(known={"env:TOKEN": "t0ken-of-the-bank"}).send(message)

        (taken,) = web.taken
        assert told == f"webhook: {web.host} answered 200"
        assert (taken.method, taken.path) == ("PUT", "/jobs?from=scoreline")
        assert taken.json == message.body
        assert taken.headers["authorization"] == "Bearer t0ken-of-the-bank"
        assert taken.headers["x-team"] == "risk"
        assert taken.headers["content-type"] == "application/json"


def test_a_webhook_is_signed_as_standard_webhooks_are() -> None:
    key = b"a key of thirty-two bytes or so."
    known = {"secret:hook": "whsec_" + base64.b64encode(key).decode()}
    with web_server() as web:
        sender(known=known).send(Webhook(url=web.url, body={"run": 7}, secret="${secret:hook}"))

        (taken,) = web.taken
    id_, moment = taken.headers["webhook-id"], taken.headers["webhook-timestamp"]
    signed = f"{id_}.{moment}.".encode() + taken.body
    right = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    assert taken.headers["webhook-signature"] == f"v1,{right}"
    assert abs(int(moment) - time.time()) < 300


def test_slack_gets_its_text() -> None:
    with web_server() as web:
        told = sender(known={"secret:slack": f"{web.url}/{HOOK}"}).send(
            SlackMessage(url="${secret:slack}", text="*Retrain Model* has failed")
        )

        assert told == f"Slack: {web.host} answered 200"
        assert web.taken[0].path == f"/{HOOK}"
        assert web.taken[0].json == {"text": "*Retrain Model* has failed"}


def test_teams_gets_a_card() -> None:
    with web_server(202, b"") as web:
        told = sender(known={"env:TEAMS": f"{web.url}/workflows/1?sig=abc"}).send(
            TeamsMessage(url="${env:TEAMS}", title="Retrain Model has failed", text="Look at it.\nSoon.")
        )

        (attachment,) = web.taken[0].json["attachments"]
        assert told == f"Teams: {web.host} answered 202"
        assert web.taken[0].path == "/workflows/1?sig=abc"
        assert attachment["contentType"] == "application/vnd.microsoft.card.adaptive"
        assert [block["text"] for block in attachment["content"]["body"]] == [
            "Retrain Model has failed",
            "Look at it.",
            "Soon.",
        ]


def test_https_goes_to_those_who_are_trusted_only() -> None:
    authority = trustme.CA()
    certified, trusting = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH), ssl.create_default_context()
    authority.issue_cert("127.0.0.1").configure_cert(certified)
    authority.configure_trust(trusting)
    with web_server(tls=certified) as web:
        message = Webhook(url=f"https://{web.host}/", body=1)

        assert sender(trusted=trusting).send(message) == f"webhook: {web.host} answered 200"
        with pytest.raises(Unavailable, match="certificate verify failed"):
            sender().send(message)

        assert len(web.taken) == 1


@pytest.mark.parametrize("status", [400, 404, 429, 500, 503])
def test_a_refusal_is_told_with_its_status_and_the_beginning_of_its_answer(status: int) -> None:
    with web_server(status, b"no_such_channel\n\x00<b>" + b"x" * 5_000) as web:
        with pytest.raises(Unavailable) as refused:
            sender().send(Webhook(url=f"{web.url}/a/path", body=1))

        told, _, answer = refused.value.message.partition(": no_such_channel <b>xxx")
        assert told == f"{web.host} answered {status}"
        assert answer.endswith("x…")
        assert len(answer) < 200


def test_a_redirect_is_not_followed() -> None:
    with web_server() as other, web_server(307, b"", {"Location": f"{other.url}/internal"}) as web:
        with pytest.raises(Unavailable, match=f"{web.host} answered 307: it sends elsewhere") as refused:
            sender().send(Webhook(url=web.url, body=1))

        assert other.host not in refused.value.message
        assert other.taken == []


def test_a_server_that_is_not_there_is_named() -> None:
    with closed_port() as port, pytest.raises(Unavailable, match=f"127.0.0.1:{port} cannot be reached"):
        sender().send(Webhook(url=f"http://127.0.0.1:{port}/x", body=1))


@pytest.mark.parametrize(
    "drip",
    [
        pytest.param(b"", id="silent"),
        pytest.param(b"H", id="no answer"),
        pytest.param(b"HTTP/1.1 100 Continue\r\n\r\n", id="for ever about to answer"),
        pytest.param(b"HTTP/1.1 500 No\r\nContent-Length: 100000000\r\n\r\n", id="slow to say why"),
    ],
)
def test_a_server_that_never_comes_to_the_point_is_given_up(drip: bytes) -> None:
    with dripping_server(drip) as port:
        begun = time.monotonic()

        with pytest.raises(Unavailable):
            sender(timeout=1.5).send(Webhook(url=f"http://127.0.0.1:{port}/x", body=1))

        assert time.monotonic() - begun < 30


@pytest.mark.parametrize("status", [200, 500])
def test_of_a_huge_answer_the_beginning_is_read(status: int) -> None:
    with web_server(status, b"y" * 50_000_000) as web:
        try:
            told = sender().send(Webhook(url=web.url, body=1))
        except Unavailable as error:
            told = error.message

        assert f"{web.host} answered {status}" in told
        assert len(told) < 300


def test_a_body_that_is_too_large_is_not_sent() -> None:
    with web_server() as web:
        with pytest.raises(Invalid, match="at most 1000000 bytes"):
            sender().send(Webhook(url=web.url, body="x" * 1_000_001))

        assert web.taken == []


@pytest.mark.parametrize(
    ("hosts", "url", "allowed"),
    [
        ((), "http://127.0.0.1:{port}/", True),
        (("127.0.0.*",), "http://127.0.0.1:{port}/", True),
        (("hooks.slack.com", "*.bank.example"), "http://127.0.0.1:{port}/", False),
        (("127.0.0.1",), "http://localhost:{port}/", False),
    ],
)
def test_messages_go_to_the_hosts_of_the_setting_only(
    hosts: tuple[str, ...], url: str, allowed: bool
) -> None:
    with web_server() as web:
        message = Webhook(url=url.format(port=web.port), body=1)

        if allowed:
            sender(hosts=hosts).send(message)
        else:
            with pytest.raises(NotAllowed, match="the setting message_hosts says where"):
                sender(hosts=hosts).send(message)

        assert len(web.taken) == int(allowed)


def test_the_setting_of_hosts_holds_for_urls_that_are_secrets() -> None:
    with web_server() as web:
        known = {"env:URL": f"{web.url}/{HOOK}"}

        with pytest.raises(NotAllowed, match=r"may not go to 127\.0\.0\.1;"):
            sender(known=known, hosts=("hooks.slack.com",)).send(SlackMessage(url="${env:URL}", text="x"))

        assert web.taken == []


@pytest.mark.parametrize(
    "url",
    [
        "ftp://127.0.0.1/x",
        "file:///etc/passwd",
        "http://hooks.slack.com@127.0.0.1/x",
        "http://user:word@127.0.0.1/x",
        "http://127.0.0.1/x\r\nHost: other",
        "http://127.0.0.1/x y\x00",
        "http://",
        "http://127.0.0.1:99999/",
        "",
        "/relative",
    ],
)
def test_a_url_that_is_none_is_refused_and_not_shown(url: str) -> None:
    with pytest.raises(Invalid, match="the URL of the message is none") as refused:
        sender().send(Webhook(url=url, body=1))

    assert not url.rpartition("//")[2] or url not in refused.value.message


@pytest.mark.parametrize(
    "headers",
    [
        {"X-A": "one\r\nX-B: two"},
        {"X-A\r\nX-B": "two"},
        {"X-A": "ä"},
        {"Host": "other.example"},
        {"Content-Length": "0"},
        {"Webhook-Signature": "v1,mine"},
        {"X-A": "${env:LINES}"},
    ],
)
def test_a_header_that_is_none_is_refused(headers: dict[str, str]) -> None:
    with web_server() as web:
        with pytest.raises(Invalid, match="header"):
            sender(known={"env:LINES": "one\r\nX-B: two"}).send(Webhook(url=web.url, headers=headers))

        assert web.taken == []


def _echo(taken: Taken) -> bytes:
    return f"no channel at {taken.path}, said {taken.headers}".encode()


@pytest.mark.parametrize(
    "message",
    [
        SlackMessage(url="${env:URL}", text="x"),
        TeamsMessage(url="${env:URL}", text="x"),
        Webhook(url="${env:URL}", body=1),
        Webhook(url="{url}/x", headers={"Authorization": "Bearer ${env:TOKEN}"}, body=1),
        Webhook(url="{url}/x?key=${env:TOKEN}", body=1),
        Webhook(url="{url}/${env:TOKEN}", secret="${env:TOKEN}", body=1),
    ],
)
@pytest.mark.parametrize(
    ("status", "headers"), [(404, {}), (500, {}), (302, {"Location": f"http://127.0.0.1/{HOOK}"})]
)
def test_no_secret_is_told_by_an_error_or_a_log(
    message: Message, status: int, headers: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with web_server(status, _echo, headers) as web:
        known = {"env:URL": f"{web.url}/{HOOK}", "env:TOKEN": HOOK.upper().replace("/", "-")}
        written = msgspec.structs.replace(message, url=message.url.replace("{url}", web.url))

        with pytest.raises(Unavailable) as refused:
            sender(known=known).send(written)

        assert len(web.taken) == 1
        assert web.host in refused.value.message
        trace = "".join(traceback.format_exception(refused.value))
        _holds_nothing_of(HOOK, refused.value.message, trace, caplog.text)


def test_a_reference_in_a_text_stays_a_text() -> None:
    known = {"env:TOKEN": "t0ken-of-the-bank"}
    hostile = "${env:TOKEN} ${secret:TOKEN}"
    with web_server() as web, mail_server() as mailbox:
        send = sender(known=known, smtp=f"smtp://127.0.0.1:{mailbox.port}").send
        send(Webhook(url=web.url, body={hostile: [hostile]}))
        send(SlackMessage(url=web.url, text=hostile))
        send(TeamsMessage(url=web.url, title=hostile, text=hostile))
        send(Mail(to=("a@bank.example",), subject=hostile, text=hostile))

        everything = b"".join(taken.body for taken in web.taken) + mailbox.mails[0].as_bytes()
        assert len(web.taken) == 3
        assert b"t0ken" not in everything
        assert everything.count(b"${env:TOKEN}") == 7


def test_the_settings_of_messages_are_read_when_the_control_plane_starts(tmp_path: Path) -> None:
    environment = {
        "SCORELINE_SMTP_URL": "smtps://bot:${env:SMTP_PASSWORD}@mail.bank.example",
        "SCORELINE_SMTP_FROM": "Scoreline <scoreline@bank.example>",
        "SCORELINE_MESSAGE_HOSTS": "hooks.slack.com, *.bank.example",
    }

    found = message_settings(settings.load({"home": tmp_path}, environment=environment), tmp_path / "s")

    assert found.mail_server is not None
    assert found.mail_server.place == "mail.bank.example:465"
    assert found.hosts == ("hooks.slack.com", "*.bank.example")
    assert msgspec.convert(found.to_json(), MessageSettings) == found


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SMTP_URL", "smtps://bot:word@mail"),
        ("SMTP_FROM", "me"),
        ("MESSAGE_HOSTS", "https://hooks.slack.com"),
    ],
)
def test_a_setting_that_cannot_be_is_named(name: str, value: str, tmp_path: Path) -> None:
    found = settings.load({"home": tmp_path}, environment={f"SCORELINE_{name}": value})

    with pytest.raises(Invalid, match=f"setting '{name.lower()}'"):
        message_settings(found, tmp_path)


def test_a_step_sends_its_message_in_a_process_of_its_own(tmp_path: Path) -> None:
    secrets = tmp_path / "message-secrets"
    secrets.mkdir()
    with web_server(403, _echo) as web:
        (secrets / "slack").write_text(f"{web.url}/{HOOK}\n")
        found = MessageSettings(secrets=str(secrets))

        result, log = _step(tmp_path, SlackMessage(url="${secret:slack}", text="x"), found)

        assert web.taken[0].json == {"text": "x"}
        assert result.outcome == "FAILED"
        assert result.message.startswith(f"{web.host} answered 403")
        _holds_nothing_of(HOOK, log, *(path.read_text() for path in tmp_path.glob("*.json")))


def test_a_step_whose_mail_has_reached_some_only_ends_with_a_warning() -> None:
    with mail_server(unknown=("gone@bank.example",)) as mailbox:
        found = sender(smtp=f"smtp://127.0.0.1:{mailbox.port}").settings
        mail = Mail(to=("risk@bank.example", "gone@bank.example"), subject="s", text="t")
        said: list[str] = []

        result = send_message(mail, json.loads(msgspec.json.encode(found)), said.append)

        assert result.outcome == "WARNING"
        assert "gone@bank.example: 550" in result.message
        assert len(mailbox.mails) == 1


def _step(folder: Path, message: Message, found: MessageSettings) -> tuple[StepResult, str]:
    work = MessageStep(id="tell", message=message)
    task = Task(project=str(folder), work=work, by="nobody", messages=found.to_json())
    (folder / "task.json").write_bytes(msgspec.json.encode(task))
    command = [sys.executable, "-m", "scoreline.automation.step_process", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    result = msgspec.json.decode((folder / "result.json").read_bytes(), type=StepResult)
    return result, done.stdout + done.stderr


def _holds_nothing_of(secret: str, *texts: str) -> None:
    """No text holds eight characters in a row of a secret."""
    for text in texts:
        for at in range(len(secret) - 7):
            for shape in (secret, secret.replace("/", "-")):
                assert shape[at : at + 8].casefold() not in text.casefold()
