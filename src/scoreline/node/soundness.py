"""Soundness: whether the packages on the node's disk are still those that were installed."""

from __future__ import annotations

import os
from pathlib import Path

from scoreline.errors import ScorelineError
from scoreline.node.data_folder import DataFolder
from scoreline.node.state import NodeState
from scoreline.storage.archives import verify_folder

Damages = dict[tuple[str, str], str]
"""(service, generation) -> what is wrong with its files."""
_Looks = tuple[tuple[str, int, int, int], ...]


class Soundness:
    """Reads every file of a package once, and again when a file was touched since."""

    def __init__(self, data: DataFolder) -> None:
        self._data = data
        self._sound: dict[Path, tuple[str, _Looks]] = {}

    def check(self, state: NodeState) -> Damages:
        """What is wrong with the files of the generations that are to be loaded, where something is."""
        found = {}
        for service_id, service in state.services.items():
            for one in service.loaded:
                wrong = self._what_is_wrong(self._data.generation(service_id, one.id), one.digest)
                if wrong is not None:
                    found[service_id, one.id] = wrong
        return found

    def _what_is_wrong(self, folder: Path, digest: str) -> str | None:
        try:
            looks = _looks(folder)
            if self._sound.get(folder) == (digest, looks):
                return None
            if verify_folder(folder).digest != digest:
                return "the package on the node's disk is not the one that was installed; install it again"
        except ScorelineError as error:
            return error.message
        except OSError as error:
            return f"the package on the node's disk cannot be read: {error.strerror}"
        self._sound[folder] = (digest, looks)
        return None


def _looks(folder: Path) -> _Looks:
    """What tells of a file that it was touched, for every file of a folder."""
    found = []
    for root, _, names in os.walk(folder):
        for name in names:
            path = Path(root) / name
            status = path.stat()
            found.append((str(path.relative_to(folder)), status.st_size, status.st_mtime_ns, status.st_ino))
    return tuple(sorted(found))
