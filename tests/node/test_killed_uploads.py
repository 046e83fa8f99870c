"""An upload ends with the worker that takes it in."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable

from tests.node.processes import NodeProcess, wait_until


def test_an_upload_whose_worker_is_killed_leaves_nothing(start_node: Callable[..., NodeProcess]) -> None:
    node = start_node()
    uploads = node.data / "uploads"
    head = (
        f"PUT /admin/api/services/cards/generations/v1 HTTP/1.1\r\nAuthorization: Bearer {node.key}\r\n"
        "Content-Length: 1000000\r\n\r\n"
    )

    with node.connect() as client:
        client.sendall(head.encode() + bytes(500_000))
        wait_until(lambda: [file for file in uploads.iterdir() if file.stat().st_size], "it comes in")
        (worker,) = node.worker_pids()
        os.kill(worker, signal.SIGKILL)

    wait_until(lambda: set(node.worker_pids()) - {worker}, "another worker is ready")
    assert list(uploads.iterdir()) == []
