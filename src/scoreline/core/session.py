"""Sessions of a browser: the cookie that carries one, and the token that proves a page of ours asks."""

from __future__ import annotations

import hashlib
import hmac

from msgspec import Struct

SESSION_COOKIE = "scoreline_session"
CSRF_HEADER = "x-csrf-token"
CSRF_FIELD = "csrf"
"""The same in a form, for a browser without scripts."""


class Session(Struct, frozen=True, kw_only=True):
    """What is known of a session; its token is in the cookie only."""

    user: str
    created_at: str
    last_used_at: str
    """To the minute."""


def csrf_of(session_token: str) -> str:
    """What a request that changes something carries beside the cookie: only a page of ours can read it."""
    return hashlib.sha256(b"csrf:" + session_token.encode()).hexdigest()


def is_csrf(session_token: str, given: str) -> bool:
    """Whether a request's token is the one of its session, in constant time."""
    return hmac.compare_digest(csrf_of(session_token).encode(), given.encode())
