"""The data folder of a node: its state and its packages.

lock                                held by the node that uses the folder
state.json                          NodeState, replaced whole; only its owner may read it
generations/<service>/<generation>/ package folders; they never change
uploads/                            archives that are coming in
apinode-not-alive.txt               if there: `/isAlive/` answers 503, so that a balancer sends no more
"""

from __future__ import annotations

import fcntl
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from msgspec.structs import replace

from scoreline.errors import Conflict, Invalid, Unavailable
from scoreline.node.state import NodeState, ServiceState
from scoreline.node.state_file import decode_state, encode_state
from scoreline.storage.atomic import sweep, write_file

NOT_ALIVE = "apinode-not-alive.txt"


@dataclass(frozen=True)
class DataFolder:
    """The folder of one node."""

    path: Path

    @property
    def uploads(self) -> Path:
        """Where archives come in."""
        return self.path / "uploads"

    @property
    def not_alive(self) -> Path:
        """The file that makes the node say it is not alive."""
        return self.path / NOT_ALIVE

    def service(self, service_id: str) -> Path:
        """Folder of all generations of a service."""
        return self.path / "generations" / service_id

    def generation(self, service_id: str, generation_id: str) -> Path:
        """The package folder of a generation."""
        return self.service(service_id) / generation_id

    def take(self) -> int:
        """Lock the folder for this process and give the lock's descriptor; it lasts as long as the process.

        Raises Conflict when another node uses the folder, Unavailable when it cannot be used.
        """
        try:
            self.uploads.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise Unavailable(f"the data folder {self.path} cannot be used: {error.strerror}") from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            os.close(descriptor)
            raise Conflict(f"another node uses the data folder {self.path}") from error
        return descriptor

    def read(self) -> NodeState:
        """What the node remembers. Raises Invalid when it cannot be read."""
        file = self.path / "state.json"
        try:
            return decode_state(file.read_bytes())
        except FileNotFoundError:
            return NodeState()
        except Invalid as error:
            raise Invalid(f"{file} cannot be used: {error.message}", code="bad-state") from error

    def write(self, state: NodeState) -> None:
        """Remember. Raises Unavailable when the disk is full; what was remembered stays then."""
        try:
            write_file(self.path / "state.json", encode_state(state), mode=0o600)
        except OSError as error:
            raise Unavailable(f"the node's data folder cannot be written: {error.strerror}") from error

    def tidy(self, state: NodeState) -> NodeState:
        """Remove what killed processes left, and give the state without what is no longer on disk."""
        shutil.rmtree(self.uploads, ignore_errors=True)
        self.uploads.mkdir(parents=True, exist_ok=True)
        known = {
            (service_id, one.id)
            for service_id, service in state.services.items()
            for one in service.generations
        }
        root = self.path / "generations"
        for folder in root.iterdir() if root.is_dir() else ():
            sweep(folder)
            for generation in folder.iterdir():
                if (folder.name, generation.name) not in known:
                    shutil.rmtree(generation, ignore_errors=True)
        return replace(
            state, services={name: self._present(name, service) for name, service in state.services.items()}
        )

    def drop_uploads(self, worker: int) -> None:
        """Delete what a worker that has ended was taking in."""
        for file in self.uploads.glob(f"{upload_prefix(worker)}*"):
            file.unlink(missing_ok=True)

    def remove(self, service_id: str, generation_id: str) -> None:
        """Delete the files of a generation that the state no longer names."""
        shutil.rmtree(self.generation(service_id, generation_id), ignore_errors=True)
        if (folder := self.service(service_id)).is_dir() and not any(folder.iterdir()):
            folder.rmdir()

    def _present(self, service_id: str, service: ServiceState) -> ServiceState:
        # What should be loaded stays, so that it is told that it cannot be.
        there = tuple(
            one
            for one in service.generations
            if one in service.loaded or self.generation(service_id, one.id).is_dir()
        )
        return replace(service, generations=there)


def upload_prefix(worker: int) -> str:
    """How the names of the archives begin that a worker takes in."""
    return f"worker{worker}-"
