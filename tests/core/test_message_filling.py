"""Messages are filled in with what a run says, and what it says breaks out of nothing."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from tests.core.scenario_runs import made_run

from scoreline.core.message import Mail, Message, SlackMessage, TeamsMessage, Webhook
from scoreline.core.message_filling import filled
from scoreline.core.scenario_run import StepRun, StepRunOutcome
from scoreline.errors import Invalid

LINK = "https://scoreline.bank.example/runs/7"
NAMES: dict[str, Any] = {
    "plain": "all well",
    "number": 7,
    "list": ["a", "<b>"],
    "hostile": "x\r\nBcc: all@bank.example <!channel> [click](http://evil.example) & \x00\x1b",
    "path": "a/../b?c=d#e&f @h",
    "token": "${env:TOKEN}",
    "dollar": "$",
    "rest": "nv:TOKEN}",
}


def _filled(message: Message) -> Any:
    return filled(message, made_run(), NAMES, link=LINK)


def test_what_is_named_stands_in_every_text_of_a_message() -> None:
    mail = _filled(Mail(to=("${plain}@x",), from_="${plain}", subject="${plain}!", text="${plain} ${number}"))
    hook = _filled(
        Webhook(url="http://x/${number}", headers={"X-A": "${plain}"}, body={"a": ["${number}", "${plain}!"]})
    )
    teams = _filled(TeamsMessage(url="http://x/${number}", title="${number}", text="${list}"))

    assert mail == Mail(to=("all well@x",), from_="all well", subject="all well!", text="all well 7")
    assert hook == Webhook(url="http://x/7", headers={"X-A": "all well"}, body={"a": [7, "all well!"]})
    assert teams == TeamsMessage(url="http://x/7", title="7", text='["a","<b>"]')


def test_a_message_without_texts_gets_those_of_the_run() -> None:
    mail = _filled(Mail(to=("a@bank.example",)))
    slack = _filled(SlackMessage(url="http://x"))
    teams = _filled(TeamsMessage(url="http://x"))
    hook = _filled(Webhook(url="http://x"))

    assert mail.subject == "Scoreline: Retrain Model has failed"
    assert mail.text.endswith(f"- deploy: SKIPPED: drift has failed\n\n{LINK}")
    assert slack.text.startswith("*Retrain Model has failed*\nScenario Retrain Model of project fraud")
    assert slack.text.endswith(LINK)
    assert teams.title == "Retrain Model has failed"
    assert teams.text.endswith(f"[See the run]({LINK})")
    assert (hook.body["id"], hook.body["outcome"], hook.body["link"]) == (7, "FAILED", LINK)
    assert hook.body["steps"][1]["message"] == "amount has drifted: p-value 0.001"


def test_a_link_that_is_not_known_is_left_out() -> None:
    mail = filled(Mail(to=("a@bank.example",)), made_run(), NAMES)

    assert isinstance(mail, Mail)
    assert mail.text.endswith("- deploy: SKIPPED: drift has failed")


def test_what_is_filled_in_adds_no_line_to_a_subject_or_a_header() -> None:
    mail = _filled(Mail(to=("a@bank.example",), subject="Drift: ${hostile}", text="${hostile}"))
    hook = _filled(Webhook(url="http://x", headers={"X-A": "${hostile} ä${plain}"}))
    teams = _filled(TeamsMessage(url="http://x", title="${hostile}"))

    for text in (mail.subject, hook.headers["X-A"], teams.title):
        assert text.isprintable()
        assert "Bcc: all@bank.example" in text
    assert mail.text.isprintable() is False
    assert "\x00" not in mail.text
    assert "\x1b" not in mail.text


def test_what_is_filled_in_calls_nobody_in_slack() -> None:
    slack = _filled(SlackMessage(url="http://x", text="<http://good.example|see> ${hostile} ${list}"))

    assert slack.text.startswith("<http://good.example|see> x")
    assert "&lt;!channel&gt;" in slack.text
    assert "<!channel>" not in slack.text
    assert '["a","&lt;b&gt;"]' in slack.text


def test_what_is_filled_in_opens_no_link_in_teams() -> None:
    teams = _filled(TeamsMessage(url="http://x", title="${hostile}", text="[good](http://g) ${hostile}"))

    assert teams.text.startswith("[good](http://g) x")
    assert r"\[click\](http://evil.example)" in teams.text
    assert r"\[click\](http://evil.example)" in teams.title


def test_what_a_run_says_calls_nobody_and_opens_no_link_either() -> None:
    step = StepRun(
        position=0, step="s", kind="sql", outcome=StepRunOutcome.FAILED, message=str(NAMES["hostile"])
    )
    run = made_run(steps=(step,), message=str(NAMES["hostile"]))

    slack = filled(SlackMessage(url="http://x"), run, NAMES)
    teams = filled(TeamsMessage(url="http://x"), run, NAMES)

    assert isinstance(slack, SlackMessage)
    assert isinstance(teams, TeamsMessage)
    assert "<!channel>" not in slack.text
    assert "&lt;!channel&gt;" in slack.text
    assert "[click]" not in teams.text


def test_what_is_filled_in_leads_a_url_nowhere_else() -> None:
    hook = _filled(Webhook(url="https://ci.bank.example/jobs/${path}?q=${path}#${plain}"))

    piece = "a%2F..%2Fb%3Fc%3Dd%23e%26f%20%40h"
    assert hook.url == f"https://ci.bank.example/jobs/{piece}?q={piece}#all%20well"


def test_references_to_secrets_stay_as_they_are() -> None:
    message = Webhook(
        url="${secret:hook}/${number}",
        headers={"Authorization": "Bearer ${env:TOKEN}"},
        secret="${env:SIGN}",
        body=1,
    )

    hook = _filled(message)

    assert hook == msgspec.structs.replace(message, url="${secret:hook}/7")


@pytest.mark.parametrize(
    "value",
    [
        "Bearer ${token}",
        "Bearer $${env:TOKEN} ${token}",
        "${dollar}{env:TOKEN}",
        "$${e${rest}",
        "${env:TOKEN}${token}",
    ],
)
def test_what_is_filled_in_never_becomes_a_reference(value: str) -> None:
    with pytest.raises(Invalid, match="refers to a secret, and may not"):
        _filled(Webhook(url="http://x", headers={"X-A": value}))


def test_a_reference_that_is_filled_into_a_url_is_no_reference() -> None:
    hook = _filled(Webhook(url="http://x/${token}", body=1))

    assert hook.url == "http://x/%24%7Benv%3ATOKEN%7D"


def test_a_reference_in_a_text_is_refused() -> None:
    with pytest.raises(Invalid, match="env:TOKEN"):
        _filled(SlackMessage(url="http://x", text="the token is ${env:TOKEN}"))


def test_a_name_that_is_not_there_is_told() -> None:
    with pytest.raises(Invalid, match="there is no 'plane'; did you mean 'plain'"):
        _filled(Mail(to=("a@bank.example",), text="${plane}"))


def test_of_a_run_that_is_too_long_the_outputs_are_left_out() -> None:
    step = StepRun(
        position=0, step="s", kind="sql", outcome=StepRunOutcome.SUCCESS, outputs={"rows": "x" * 500_000}
    )

    hook = filled(Webhook(url="http://x"), made_run(steps=(step,)), NAMES)

    assert isinstance(hook, Webhook)
    assert hook.body["steps"][0]["step"] == "s"
    assert hook.body["steps"][0]["outputs"] == {}
