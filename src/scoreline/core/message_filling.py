"""Filling in messages: `${…}` in their texts is replaced, and what is empty gets the words of the run.

What is filled in stays what it is: a text. It opens no link, calls nobody, ends no line of a header, leads
a URL nowhere else, and never becomes a reference to a secret.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote

import msgspec

from scoreline.core.message import REFERENCE, Mail, Message, SlackMessage, TeamsMessage, Webhook, references
from scoreline.core.names import shortened
from scoreline.core.placeholders import expand, expand_all
from scoreline.core.run_text import run_text
from scoreline.core.scenario_run import ScenarioRun, to_json
from scoreline.errors import Invalid

_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
_LONGEST_RUN = 256_000
"""Bytes of a run that is sent whole; of a longer one, what its steps were given and gave is left out."""


def filled(
    message: Message, run: ScenarioRun, names: Mapping[str, Any], *, link: str | None = None
) -> Message:
    """A message as it is sent, but for its secrets. `link`: where the run is seen.

    Raises Invalid for a name that is not there, and for what may not be filled in.
    """
    told = run_text(run)
    match message:
        case Mail():
            return msgspec.structs.replace(
                message,
                to=tuple(_line(address, names) for address in message.to),
                from_=_line(message.from_, names),
                subject=_line(message.subject, names) or one_line(f"Scoreline: {told.title}"),
                text=_text(message.text, names) or _clean(_followed(told.text, link)),
            )
        case Webhook():
            body = _clean_all(expand_all(message.body, names))
            return msgspec.structs.replace(
                message,
                url=_with_references(message.url, _escaped(names, _for_url)),
                headers={
                    name: _with_references(value, _escaped(names, _for_header))
                    for name, value in message.headers.items()
                },
                body=_whole(run, link) if message.body is None else body,
            )
        case SlackMessage():
            default = f"*{for_slack(told.title)}*\n{for_slack(_followed(told.text, link))}"
            return msgspec.structs.replace(
                message,
                url=_with_references(message.url, _escaped(names, _for_url)),
                text=_text(message.text, _escaped(names, for_slack)) or _clean(default),
            )
        case TeamsMessage():
            default = _followed(for_teams(told.text), f"[See the run]({link})" if link else None)
            shown = _escaped(names, for_teams)
            return msgspec.structs.replace(
                message,
                url=_with_references(message.url, _escaped(names, _for_url)),
                title=_line(message.title, shown) or one_line(for_teams(told.title)),
                text=_text(message.text, shown) or _clean(default),
            )


def one_line(text: str) -> str:
    """A text on one line, without control characters."""
    return " ".join(_clean(text).split())


def for_slack(text: str) -> str:
    """A text that shows in Slack as it is: it opens no link, and calls nobody."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def for_teams(text: str) -> str:
    """A text that opens no link in a card of Teams."""
    return re.sub(r"([\\\[\]])", r"\\\1", text)


def _for_url(text: str) -> str:
    return quote(_clean(text), safe="")


def _for_header(text: str) -> str:
    return one_line(text).encode("ascii", "replace").decode("ascii")


def _line(text: str, names: Mapping[str, Any]) -> str:
    return one_line(_text(text, names))


def _text(text: str, names: Mapping[str, Any]) -> str:
    found = expand(text, names)
    return _clean(found if isinstance(found, str) else msgspec.json.encode(found).decode())


def _with_references(text: str, names: Mapping[str, Any]) -> str:
    """A text filled in between its references to secrets; what is filled in can add none."""
    parts = REFERENCE.split(text)
    for position in range(0, len(parts), 2):
        parts[position] = _text(parts[position], names)
        if position + 1 < len(parts):
            parts[position + 1] = "${" + parts[position + 1] + "}"
    joined = "".join(parts)
    if references(joined) != references(text):
        raise Invalid(
            f"what is filled into {shortened(text)} refers to a secret, and may not", code="bad-message"
        )
    return joined


def _escaped(value: Any, escape: Callable[[str], str]) -> Any:
    """Plain JSON with each of its texts escaped."""
    if isinstance(value, str):
        return escape(value)
    if isinstance(value, Mapping):
        return {key: _escaped(one, escape) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_escaped(one, escape) for one in value]
    return value


def _clean(text: str) -> str:
    """Without what no text of a message needs, and what some programs stumble over."""
    return _CONTROL.sub(" ", text.replace("\r\n", "\n"))


def _clean_all(value: Any) -> Any:
    """Plain JSON whose texts can be encoded."""
    return _escaped(value, lambda text: text.encode("utf-8", "replace").decode("utf-8"))


def _followed(text: str, link: str | None) -> str:
    return f"{text}\n\n{link}" if link else text


def _whole(run: ScenarioRun, link: str | None) -> dict[str, Any]:
    plain: dict[str, Any] = _clean_all(to_json(run))
    if len(msgspec.json.encode(plain)) > _LONGEST_RUN:
        plain["steps"] = [{**step, "inputs": {}, "outputs": {}} for step in plain["steps"]]
    return plain | ({"link": link} if link else {})
