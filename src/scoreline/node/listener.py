"""The listening socket of a node."""

from __future__ import annotations

import os
import socket

from scoreline.errors import Unavailable


def listen(host: str, port: int) -> socket.socket:
    """A listening socket that all workers share, so that none of them takes clients along when it dies.

    Port 0: any. Raises Unavailable when the address cannot be used.
    """
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0][0]
        return socket.create_server((host, port), family=family, backlog=2_048)
    except (OSError, OverflowError) as error:
        why = os.strerror(error.errno) if isinstance(error, OSError) and error.errno else str(error)
        raise Unavailable(f"cannot listen on {host}:{port}: {why}", code="port-in-use") from error
