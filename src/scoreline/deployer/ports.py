"""Ports: the one that was asked for, or the next free one."""

from __future__ import annotations

import socket
import threading
from collections.abc import Collection, Hashable

from scoreline.errors import Conflict, Invalid

_TRIES = 200


class Ports:
    """Ports for servers beside one another: none is given to two of them, also while one of them is down."""

    def __init__(self, host: str, first: int) -> None:
        self._host = host
        self._first = first
        self._owned: dict[Hashable, int] = {}
        self._choosing = threading.Lock()

    def choose(self, owner: Hashable, wanted: int | None) -> int:
        """The port that `listen` finds, free again for the owner, who gives back the one that he had."""
        with self._choosing:
            others = {port for one, port in self._owned.items() if one != owner}
            with listen(self._host, wanted, self._first, but=others) as found:
                self._owned[owner] = int(found.getsockname()[1])
            return self._owned[owner]

    def give_back(self, owner: Hashable) -> None:
        """Let others have the owner's port."""
        with self._choosing:
            self._owned.pop(owner, None)


def listen(host: str, wanted: int | None, first: int, *, but: Collection[int] = ()) -> socket.socket:
    """A listening socket on `wanted` (0: any free port), or without one on the first free port from `first`.

    Ports of `but` count as being in use.
    Raises Conflict when the wanted port is in use, or 200 ports in a row are; Invalid for a wrong host.
    """
    candidates = range(first, min(first + _TRIES, 65536)) if wanted is None else (wanted,)
    for candidate in candidates:
        found = None if candidate in but else _listening(host, candidate)
        if found is not None:
            return found
    asked = (
        f"no free port on {host} from {first} on" if wanted is None else f"port {wanted} of {host} is in use"
    )
    raise Conflict(f"{asked}; choose another one", code="port-in-use")


def url_of(host: str, port: int) -> str:
    """Where programs on this machine reach a server that listens on `host`."""
    reached = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}.get(host, host)  # noqa: S104
    return f"http://[{reached}]:{port}" if ":" in reached else f"http://{reached}:{port}"


def _listening(host: str, port: int) -> socket.socket | None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(128)
    except socket.gaierror as error:
        listener.close()
        raise Invalid(f"cannot listen on {host!r}: it is no address of this machine") from error
    except PermissionError as error:
        listener.close()
        raise Conflict(f"port {port} needs rights that this process does not have") from error
    except OSError:
        listener.close()
        return None
    return listener
