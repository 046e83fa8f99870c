"""Patterns say which hosts messages may go to."""

from __future__ import annotations

import pytest

from scoreline.core.host_pattern import host_patterns, is_allowed
from scoreline.errors import Invalid


@pytest.mark.parametrize(
    "host", ["hooks.slack.com", "HOOKS.slack.com.", "a.bank.example", "a.b.bank.example"]
)
def test_a_host_like_a_pattern_is_allowed(host: str) -> None:
    assert is_allowed(host, host_patterns(" Hooks.Slack.com, *.bank.example ,"))


@pytest.mark.parametrize(
    "host", ["bank.example", "evilbank.example", "hooks.slack.com.evil.example", "x.hooks.slack.com", ""]
)
def test_any_other_host_is_not(host: str) -> None:
    assert not is_allowed(host, host_patterns("hooks.slack.com,*.bank.example"))


def test_without_patterns_every_host_is_allowed() -> None:
    assert is_allowed("anything", host_patterns(None))
    assert is_allowed("anything", host_patterns(" , "))


@pytest.mark.parametrize("text", ["https://hooks.slack.com", "a b", "a/b", "[abc].example", "ä.example"])
def test_what_is_no_pattern_is_refused(text: str) -> None:
    with pytest.raises(Invalid, match="is no pattern of hosts"):
        host_patterns(text)
