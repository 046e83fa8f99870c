"""Sessions of browsers: begun with a password, carried by a cookie, kept as hashes in the catalog."""

from __future__ import annotations

import hashlib
import secrets
import threading
from collections import OrderedDict
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from scoreline.core.access import Caller
from scoreline.core.session import Session
from scoreline.errors import NotAllowed
from scoreline.storage.catalog_sessions import CatalogSessions

IDLE = timedelta(hours=12)
WHOLE = timedelta(days=7)
"""How long a session is good without being used, and at all."""

_MOST_NOTED = 10_000


def _utc_now() -> datetime:
    return datetime.now(UTC)


class Sessions:
    """Who has signed in, by the wall clock. It may be used from any thread."""

    def __init__(self, sessions: CatalogSessions, clock: Callable[[], datetime] = _utc_now) -> None:
        self._sessions = sessions
        self._clock = clock
        self._noted: OrderedDict[str, str] = OrderedDict()
        self._guard = threading.Lock()

    def begin(self, user: str, address: str) -> tuple[Session, str]:
        """Begin a session of somebody who has proved who he is; gives it, and the token that carries it."""
        now = self._clock()
        token = secrets.token_urlsafe(32)  # 256 random bits need no slow hash: nobody can try them
        session = Session(user=user, created_at=_iso(now), last_used_at=_iso(now))
        self._sessions.add(
            _hash(token), session, address, made_before=_iso(now - WHOLE), used_before=_iso(now - IDLE)
        )
        return session, token

    def caller(self, token: str, *, uses: bool = True) -> Caller:
        """Who comes with a session. Raises NotAllowed when nobody does; `uses`: it is used by that."""
        found = self._sessions.caller(_hash(token))
        now = self._clock()
        if found is None or _is_over(found[1], now):
            raise NotAllowed("the session is over; sign in again", code="session-ended")
        if uses:
            self._note_use(_hash(token), found[1], now)
        return found[0]

    def end(self, token: str) -> None:
        """End a session; one that is over already is no error."""
        self._sessions.remove(_hash(token))

    def _note_use(self, session_hash: str, session: Session, now: datetime) -> None:
        """Once a minute: a write for each request would be slow."""
        minute = _iso(now.replace(second=0, microsecond=0))
        with self._guard:
            if max(self._noted.get(session_hash, ""), session.last_used_at) >= minute:
                return
            self._noted[session_hash] = minute
            while len(self._noted) > _MOST_NOTED:
                self._noted.popitem(last=False)
        self._sessions.used(session_hash, minute)


def ends_at(session: Session) -> str:
    """When it is over at the latest."""
    return _iso(datetime.fromisoformat(session.created_at) + WHOLE)


def _is_over(session: Session, now: datetime) -> bool:
    made, used = datetime.fromisoformat(session.created_at), datetime.fromisoformat(session.last_used_at)
    return now - made >= WHOLE or now - used >= IDLE


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).hexdigest()


def _iso(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds")
