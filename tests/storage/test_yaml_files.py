"""YAML is read as others read it, or refused with a line; no text makes the reader fall over."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML
from ruamel.yaml.constructor import ConstructorError

from scoreline.core.service import Service
from scoreline.storage.definitions import read_definition
from scoreline.storage.yaml_files import Entries, Items, Node, parse

SOUND = """\
# One endpoint.
name: "Cards"
endpoints:
  - kind: prediction
    id: predict
    model: refusal   # its active version
    test_queries:
      - query: {features: {amount: 3704.17, day: 2020-01-01, on: yes}}
"""
PIECES = [
    *"-:?[]{},#&*!|>'\"%@`\n \t~=1a",
    "\n  ",
    "\n- ",
    "key: ",
    "<<",
    "---\n",
    "...\n",
    "%YAML 1.1\n",
    "\ufeff",
    "\x85",
    "\u2028",
    "null",
    ".nan",
    "1e999",
    "0o17",
    "0b1",
    "1_000",
    "!!str",
    "kind: prediction",
    "endpoints:",
]
texts = st.lists(st.sampled_from(PIECES), max_size=40).map("".join)


def plain(node: Node) -> Any:
    if isinstance(node, Items):
        return [plain(value) for value in node.values]
    if isinstance(node, Entries):
        return {key: plain(value) for key, value in node.values.items()}
    return node.value


@settings(max_examples=300, suppress_health_check=list(HealthCheck))
@given(texts, st.integers(0, len(SOUND)), st.booleans())
def test_any_text_is_sound_or_has_faults_with_lines(text: str, at: int, inside: bool) -> None:
    text = SOUND[:at] + text + SOUND[at:] if inside else text

    definition = read_definition(text, Service)

    assert (definition.value is None) == bool(definition.faults)
    lines = text.count("\n") + text.count("\x85") + text.count("\u2028") + 2
    assert all(1 <= fault.line <= lines for fault in definition.faults)


@settings(max_examples=300, suppress_health_check=list(HealthCheck))
@given(texts)
def test_what_is_read_without_fault_is_what_others_read(text: str) -> None:
    node, faults = parse(text)

    if node is not None and not faults:
        try:
            expected = YAML(typ="safe", pure=True).load(text)
        except ConstructorError:  # a lone '=' or '<<' is text to us
            return
        assert repr(plain(node)) == repr(expected)
