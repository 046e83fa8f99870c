"""Ports: the one that was asked for, or the next free one."""

from __future__ import annotations

import socket

from scoreline.errors import Conflict

_TRIES = 200


def choose_port(host: str, wanted: int | None, first: int) -> int:
    """`wanted` if it is free (0: any free one); when nothing was wanted, the first free one from `first` on.

    Raises Conflict when the wanted port is in use, or 200 ports in a row are.
    """
    if wanted is not None:
        port = _free(host, wanted)
        if port is None:
            raise Conflict(f"port {wanted} of {host} is in use; choose another one", code="port-in-use")
        return port
    for candidate in range(first, min(first + _TRIES, 65536)):
        if _free(host, candidate) is not None:
            return candidate
    raise Conflict(f"no free port on {host} from {first} on; ask for one", code="port-in-use")


def _free(host: str, port: int) -> int | None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
            probe.listen(1)
        except OSError:
            return None
        return int(probe.getsockname()[1])
