"""The secrets of one message: looked up when it is sent, and never told again."""

from __future__ import annotations

from collections.abc import Callable

from scoreline.core.infrastructure import SecretReference
from scoreline.core.message import REFERENCE

Reveal = Callable[[SecretReference], str]
"""The secret of a reference; raises Unavailable, naming the reference, when it is not there."""

_PART = 8
"""So many characters of a secret, in a row, are as good as the secret."""


class MessageSecrets:
    """Puts secrets in the place of references, and knows afterwards what must not be shown."""

    def __init__(self, reveal: Reveal) -> None:
        self._reveal = reveal
        self._parts: set[str] = set()

    def put_in(self, text: str) -> str:
        """A text with its references replaced. Raises Unavailable when a secret is not there."""
        return REFERENCE.sub(lambda found: self._looked_up(SecretReference(found[1])), text)

    def guard(self, secret: str) -> None:
        """Let nothing be shown that holds a part of this."""
        plain = secret.casefold()
        if plain:
            self._parts.update(plain[at : at + _PART] for at in range(max(1, len(plain) - _PART + 1)))

    def guard_url(self, url: str) -> None:
        """Let nothing be shown of the path of a URL. Its host is told: it says where a message went."""
        self.guard(url.partition("://")[2].partition("/")[2] or url)

    def shown(self, text: str) -> str:
        """What somebody else said, as it can be told: nothing of it when it holds a part of a secret."""
        plain = text.casefold()
        for part in self._parts:
            if part in plain:
                return "what it said is left out: it holds a secret"
        return text

    def _looked_up(self, reference: SecretReference) -> str:
        secret = self._reveal(reference)
        self.guard_url(secret)
        return secret
