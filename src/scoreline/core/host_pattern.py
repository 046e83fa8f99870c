"""Patterns of hosts: which hosts messages may go to."""

from __future__ import annotations

import re
from collections.abc import Sequence
from fnmatch import fnmatchcase

from scoreline.core.names import shortened
from scoreline.errors import Invalid

_PATTERN = re.compile(r"[a-z0-9.*:_-]{1,253}")


def host_patterns(text: str | None) -> tuple[str, ...]:
    """The patterns of a list with commas: names or addresses, where `*` stands for anything.

    Raises Invalid for what is no pattern.
    """
    patterns = tuple(one.strip().lower() for one in (text or "").split(",") if one.strip())
    for pattern in patterns:
        if not _PATTERN.fullmatch(pattern):
            raise Invalid(
                f"setting 'message_hosts': {shortened(pattern)} is no pattern of hosts; "
                "write it like hooks.slack.com, *.example.com",
                code="bad-setting",
            )
    return patterns


def is_allowed(host: str, patterns: Sequence[str]) -> bool:
    """Whether a host is like one of the patterns. Without any, every host is."""
    plain = host.lower().rstrip(".")
    return not patterns or any(fnmatchcase(plain, pattern) for pattern in patterns)
