"""Secrets: kept as files of the control plane or by the environment; everybody else knows a reference."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Collection, Mapping
from pathlib import Path

from scoreline.core.infrastructure import SecretReference
from scoreline.core.names import is_id
from scoreline.errors import Invalid, Unavailable
from scoreline.storage.atomic import sweep, write_file

_LONGEST = 4_096  # bytes
_KEPT, _FILE, _VARIABLE = "secret:", "file:", "env:"


class Secrets:
    """What references stand for. A secret goes in once; it comes out only to be used."""

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self._folder = folder
        self._environment = environment

    def keep(self, given: str, owner: str) -> SecretReference:
        """The reference of what was given: a reference as it is, else the secret itself, which is kept.

        Raises Invalid when it is empty or too long, or when it refers to what was kept for another owner.
        """
        if is_kept(given):
            if not self._owned(given.removeprefix(_KEPT), owner):
                raise Invalid(f"there is no secret of that name for {owner!r}", code="bad-secret")
            return SecretReference(given)
        if is_reference(given):
            return SecretReference(given)
        if not given.strip() or len(given.encode()) > _LONGEST:
            raise Invalid(f"a secret has 1 to {_LONGEST} bytes", code="bad-secret")
        name = f"{owner}~{secrets.token_hex(8)}"
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        write_file(self._folder / name, given.encode(), mode=0o600)
        return SecretReference(_KEPT + name)

    def reveal(self, reference: SecretReference) -> str:
        """The secret. Raises Unavailable, naming the reference, when it is not there."""
        found = ""
        with contextlib.suppress(OSError, UnicodeDecodeError):
            found = self._found(reference)
        if not found:
            raise Unavailable(f"the secret {reference!r} is not there, or cannot be read", code="no-secret")
        return found

    def drop_others(self, needed: Collection[str]) -> None:
        """Remove every secret that was kept and is not needed. Only call it while nobody keeps one."""
        if not self._folder.is_dir():
            return
        sweep(self._folder)
        for path in self._folder.iterdir():
            if _KEPT + path.name not in needed:
                path.unlink(missing_ok=True)

    def _found(self, reference: SecretReference) -> str:
        if reference.startswith(_VARIABLE):
            return self._environment.get(reference.removeprefix(_VARIABLE), "").strip()
        if is_kept(reference):
            return (self._folder / reference.removeprefix(_KEPT)).read_text("utf-8").strip()
        with Path(reference.removeprefix(_FILE)).open("rb") as file:
            return file.read(_LONGEST).decode().strip()

    def _owned(self, name: str, owner: str) -> bool:
        begin, tilde, end = name.rpartition("~")
        return bool(tilde) and begin == owner and is_id(end) and (self._folder / name).is_file()


def is_kept(reference: str) -> bool:
    """Whether a reference is to what the control plane keeps itself."""
    return reference.startswith(_KEPT)


def is_reference(text: str) -> bool:
    """Whether a text says where a secret is kept, and is not the secret itself."""
    return text.startswith((_KEPT, _FILE, _VARIABLE))
