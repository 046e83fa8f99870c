"""What Slack and Teams are sent: the JSON that they read, within the sizes that they take."""

from __future__ import annotations

import re
from typing import Any

import msgspec

from scoreline.core.message import SlackMessage, TeamsMessage

SLACK_LONGEST = 4_000
"""Characters of a text that Slack shows as one message."""
TEAMS_LONGEST = 27_000
"""Bytes of a message: Teams says that it takes about 28 KB."""
_CUT_MARK = re.compile(r"(&[a-z]{0,4}|<[^<>]*)$")
_LEFT_OUT = "… the rest is left out"


def slack_payload(message: SlackMessage) -> dict[str, Any]:
    """The JSON for an incoming webhook of Slack. A long text is cut, but not inside of a link."""
    text = message.text
    if len(text) > SLACK_LONGEST:
        text = _CUT_MARK.sub("", text[: SLACK_LONGEST - len(_LEFT_OUT) - 1]) + "\n" + _LEFT_OUT
    return {"text": text}


def teams_payload(message: TeamsMessage) -> dict[str, Any]:
    """The JSON for a workflow of Teams: an adaptive card, one block a line, cut where it is too long."""
    title = message.title[:250]
    blocks: list[dict[str, Any]] = [{**_block(title), "weight": "Bolder", "size": "Medium"}]
    size = len(msgspec.json.encode(_card(blocks))) + len(msgspec.json.encode(_block(_LEFT_OUT)))
    room = TEAMS_LONGEST - size
    for paragraph in re.split(r"\n{2,}", message.text.strip()):
        for position, line in enumerate(paragraph.split("\n")):
            block = {**_block(line), "spacing": "None" if position else "Default"}
            needed = len(msgspec.json.encode(block)) + 1
            if needed > room:
                blocks.append(_block(_within(line, room) + _LEFT_OUT))
                return _card(blocks)
            room -= needed
            blocks.append(block)
    return _card(blocks)


def _block(text: str) -> dict[str, Any]:
    return {"type": "TextBlock", "text": text, "wrap": True}


def _card(blocks: list[dict[str, Any]]) -> dict[str, Any]:
    card = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "msteams": {"width": "Full"},
        "body": blocks,
    }
    attachment = {
        "contentType": "application/vnd.microsoft.card.adaptive",
        "contentUrl": None,
        "content": card,
    }
    return {"type": "message", "attachments": [attachment]}


def _within(line: str, room: int) -> str:
    """As much of a line as fits into so many bytes of JSON."""
    line = line[: max(0, room)]
    while line and (over := len(msgspec.json.encode(line)) - room) > 0:
        line = line[: -max(1, over // 6)]
    return line
