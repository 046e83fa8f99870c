"""The languages of sample code, each with a template and its way of writing texts and JSON.

In a template `{{url}}`, `{{query}}` and `{{result}}` are filled in; a line that begins with `key>` is there
only when the service wants a key.
"""

from __future__ import annotations

import json
import pprint
import re
from collections.abc import Callable
from importlib import resources
from typing import Any, NamedTuple

from msgspec import Struct

from scoreline.core.names import did_you_mean
from scoreline.errors import NotFound


class SampleQuery(Struct, frozen=True, kw_only=True):
    """What a sample asks."""

    url: str
    """Whole, with the action."""
    query: dict[str, Any]
    """The body."""
    several: bool
    """Whether the answer is a list under `results`, not an object under `result`."""
    needs_key: bool


class _Language(NamedTuple):
    text: Callable[[str], str]
    """A text as a literal."""
    query: Callable[[dict[str, Any]], str]
    """A query as an expression."""
    first_result: str
    """How the result is reached in an answer that holds several."""
    only_result: str


def sample_code(language: str, sample: SampleQuery) -> str:
    """The program in a language. Raises NotFound, naming the nearest one."""
    if language not in LANGUAGES:
        raise NotFound(
            f"there is no sample code in {language[:40]!r}; {did_you_mean(language, LANGUAGES)}",
            code="no-such-language",
        )
    how = _LANGUAGES[language]
    filled = {
        "url": how.text(sample.url),
        "query": how.query(sample.query),
        "result": how.first_result if sample.several else how.only_result,
    }
    template = resources.files(__package__).joinpath("templates", f"{language}.txt").read_text("utf-8")
    lines = [line for line in template.splitlines() if sample.needs_key or not line.startswith("key>")]
    text = "\n".join(re.sub(r"^key> ?", "", line) for line in lines)
    return re.sub(r"\{\{(\w+)\}\}", lambda found: filled[found[1]], text) + "\n"


def _json(query: dict[str, Any]) -> str:
    return json.dumps(query, indent=2, ensure_ascii=True, default=str)


def _quoted(text: str) -> str:
    """As JSON writes it: Python, R, Java and JavaScript read the same."""
    return json.dumps(text, ensure_ascii=True)


def _shell(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"


def _r_raw(query: dict[str, Any]) -> str:
    """A raw text of R, with as many dashes as the content needs."""
    text, dashes = _json(query), ""
    while f'){dashes}"' in text:
        dashes += "-"
    return f'r"{dashes}({text}){dashes}"'


def _java_lines(query: dict[str, Any]) -> str:
    return "\n            + ".join(_quoted(line.lstrip() + " ") for line in _json(query).splitlines())


def _python(query: dict[str, Any]) -> str:
    return pprint.pformat(query, width=100, sort_dicts=False)


_LANGUAGES = {
    "shell": _Language(_shell, lambda query: _shell(_json(query)), "", ""),
    "python": _Language(_quoted, _python, '["results"][0]', '["result"]'),
    "r": _Language(_quoted, _r_raw, "$results[[1]]", "$result"),
    "java": _Language(_quoted, _java_lines, "", ""),
    "javascript": _Language(_quoted, _json, ".results[0]", ".result"),
}

LANGUAGES = tuple(_LANGUAGES)
"""Their names, in the order in which they are offered."""
