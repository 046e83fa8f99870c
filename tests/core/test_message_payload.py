"""What Slack and Teams are sent keeps within what they take."""

from __future__ import annotations

import re

import msgspec
import pytest

from scoreline.core.message import SlackMessage, TeamsMessage
from scoreline.core.message_filling import for_slack
from scoreline.core.message_payload import SLACK_LONGEST, TEAMS_LONGEST, slack_payload, teams_payload


def _slack(text: str) -> str:
    found: str = slack_payload(SlackMessage(url="http://x", text=text))["text"]
    return found


def test_a_long_text_for_slack_is_cut() -> None:
    assert _slack("a" * SLACK_LONGEST) == "a" * SLACK_LONGEST
    assert len(_slack("a" * (SLACK_LONGEST + 1))) <= SLACK_LONGEST
    assert _slack("a" * 100_000).endswith("a\n… the rest is left out")


@pytest.mark.parametrize("piece", [for_slack("<&>"), "<http://a.example/x|here> "])
@pytest.mark.parametrize("shift", range(12))
def test_a_text_for_slack_is_not_cut_inside_of_a_link_or_of_a_character(piece: str, shift: int) -> None:
    kept = _slack("-" * shift + piece * 1_000).removesuffix("\n… the rest is left out")

    assert re.fullmatch(r"-*(&(lt|gt|amp);|<http://a\.example/x\|here> ?)*", kept)


def test_a_card_for_teams_is_one_block_a_line() -> None:
    payload = teams_payload(TeamsMessage(url="http://x", title="T", text="one\ntwo\n\n\n- three\n"))

    card = payload["attachments"][0]["content"]
    assert (payload["type"], card["type"], card["version"]) == ("message", "AdaptiveCard", "1.4")
    assert [(block["text"], block.get("spacing")) for block in card["body"]] == [
        ("T", None),
        ("one", "Default"),
        ("two", "None"),
        ("- three", "Default"),
    ]
    assert all(block["wrap"] for block in card["body"])


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("a" * 200_000, id="one long line"),
        pytest.param("a\n" * 100_000, id="many lines"),
        pytest.param("ä€𝄞" * 50_000, id="characters of several bytes"),
        pytest.param('"\\' * 50_000, id="characters that are escaped"),
        pytest.param("\n\n".join(["word " * 300] * 300), id="many paragraphs"),
    ],
)
def test_a_card_for_teams_is_cut_where_it_is_too_long(text: str) -> None:
    payload = teams_payload(TeamsMessage(url="http://x", title="T" * 1_000, text=text))

    size = len(msgspec.json.encode(payload))
    assert TEAMS_LONGEST * 0.9 < size <= TEAMS_LONGEST
    assert payload["attachments"][0]["content"]["body"][-1]["text"].endswith("… the rest is left out")
