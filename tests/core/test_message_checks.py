"""What is wrong in the definition of a message is told before it is sent."""

from __future__ import annotations

import pytest

from scoreline.core.message import Mail, Message, SlackMessage, TeamsMessage, Webhook
from scoreline.core.message_checks import is_address, message_spots

CAPABILITY = (
    "whoever knows this URL can write, so it does not belong into a file; write ${env:NAME} or ${secret:NAME}"
)


@pytest.mark.parametrize(
    "message",
    [
        Mail(to=("risk@bank.example", "Risk team <r.t+x@bank.example>", "${variables.owner}")),
        Mail(to=("a@b",), from_="Scoreline <s@bank.example>", subject="${outcome}", text="a\n${run.message}"),
        Webhook(url="http://10.0.0.1:8080/x?y=${scenario.id}"),
        Webhook(
            url="https://ci.bank.example/${secret:hook.1}",
            headers={"Authorization": "Bearer ${env:TOKEN}", "X-Run": "${run.id}"},
            secret="${env:SIGN}",
            body={"a": ["${run.message}", "$${env:X} is a text", None]},
        ),
        SlackMessage(url="${env:SLACK_URL}"),
        SlackMessage(url="https://hooks.slack.com/services/${secret:slack}", text="<!channel> ${outcome}"),
        SlackMessage(url="http://chat.bank.example/hooks/risk"),
        TeamsMessage(url="${secret:teams}", title="${scenario.name}", text="a"),
    ],
)
def test_a_sound_message_has_no_complaints(message: Message) -> None:
    assert list(message_spots(message)) == []


@pytest.mark.parametrize(
    ("message", "at", "complaint"),
    [
        (Mail(to=()), ("to",), "must list at least one address"),
        (Mail(to=("a@b",) * 101), ("to",), "lists more than 100 addresses; use one that passes mails on"),
        (Mail(to=("a@b", "risk")), ("to", 1), "'risk' is no mail address, such as risk@example.com"),
        (
            Mail(to=("a@b",), from_="a@b, c@d"),
            ("from",),
            "'a@b, c@d' is no mail address, such as risk@example.com",
        ),
        (Mail(to=("a@b",), subject="a\nb"), ("subject",), "must be one line"),
        (
            Mail(to=("a@b",), text="it is ${env:TOKEN}"),
            ("text",),
            "a secret is for url, headers and secret only; it is looked up nowhere else",
        ),
        (
            Webhook(url="http://x", body={"a": [1, "${ ENV:TOKEN}"]}),
            ("body", "a", 1),
            "a secret is for url, headers and secret only; it is looked up nowhere else",
        ),
        (
            Webhook(url="ftp://x"),
            ("url",),
            "must begin with http:// or https://, and name a host; or be a reference",
        ),
        (
            Webhook(url="${variables.url}"),
            ("url",),
            "must begin with http:// or https://, and name a host; or be a reference",
        ),
        (
            Webhook(url="http://bot:word@x"),
            ("url",),
            "must not hold a user; use the header Authorization, with a reference",
        ),
        (
            Webhook(url="http://x/${env:a b}"),
            ("url",),
            "a reference cannot be understood; write ${env:NAME} or ${secret:NAME}",
        ),
        (
            Webhook(url="http://x/${secret:../../key}"),
            ("url",),
            "a reference cannot be understood; write ${env:NAME} or ${secret:NAME}",
        ),
        (
            Webhook(url="http://x/${file:/etc/passwd}"),
            ("url",),
            "a reference cannot be understood; write ${env:NAME} or ${secret:NAME}",
        ),
        (
            Webhook(url="http://x", secret="word"),
            ("secret",),
            "a secret does not belong into a file; write ${env:NAME} or ${secret:NAME} in its place",
        ),
        (
            Webhook(url="http://x", headers={"authorization": "Bearer word"}),
            ("headers", "authorization"),
            "a secret does not belong into a file; write ${env:NAME} or ${secret:NAME} in its place",
        ),
        (
            Webhook(url="http://x", headers={"X A": "b"}),
            ("headers", "X A"),
            "'X A' cannot be the name of a header",
        ),
        (
            Webhook(url="http://x", headers={"Host": "b"}),
            ("headers", "Host"),
            "'Host' is set by whoever sends the message",
        ),
        (
            Webhook(url="http://x", headers={"X": "b\nc"}),
            ("headers", "X"),
            "'X' is to be one line of ASCII characters",
        ),
        (
            Webhook(url="http://x", headers={f"X-{n}": "b" for n in range(51)}),
            ("headers",),
            "has more than 50",
        ),
        (
            SlackMessage(url="https://hooks.slack.com/services/T0/B0/word"),
            ("url",),
            CAPABILITY,
        ),
        (
            TeamsMessage(url="https://prod.westeurope.logic.azure.com/workflows/1?api-version=1&sig=word"),
            ("url",),
            CAPABILITY,
        ),
    ],
)
def test_what_is_wrong_is_told_with_where_and_without_secrets(
    message: Message, at: tuple[str | int, ...], complaint: str
) -> None:
    found = list(message_spots(message))

    assert found == [(at, complaint)]
    assert "word" not in complaint


@pytest.mark.parametrize(
    "text",
    [
        "a@b\n",
        "a @b",
        "a@b c@d",
        "<a@b>",
        "A <a@b",
        "A a@b>",
        "A\u2028 <a@b>",
        'A" <a@b>',
        "a@b;c@d",
        "@b",
        "a@",
    ],
)
def test_what_is_no_address_is_known(text: str) -> None:
    assert not is_address(text)
