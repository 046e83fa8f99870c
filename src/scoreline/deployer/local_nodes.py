"""The nodes beside the control plane: making those of an infrastructure, and clearing away those of none."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from scoreline.core.infrastructure import LOCAL, Infrastructure, local_node_ids
from scoreline.deployer.local_node import FIRST_PORT, LocalNode
from scoreline.deployer.node_files import NodeFiles, all_node_files, remove_node, stop_node
from scoreline.deployer.ports import Ports


class LocalNodes:
    """Makes local nodes, each with its own files below `folder` and a port that no other one has."""

    def __init__(self, folder: Path, *, host: str, port: int | None, workers: int) -> None:
        """`port`: of the first node of the built-in infrastructure; 0: any, for all; None: a free one."""
        self._folder = folder
        self._host = host
        self._port = port
        self._workers = workers
        self._ports = Ports(host, FIRST_PORT)

    def make(self, infrastructure: str, node: str) -> LocalNode:
        """One node, not started."""
        first = infrastructure == node == LOCAL
        return LocalNode(
            self._files(infrastructure, node),
            host=self._host,
            port=self._port if first or self._port == 0 else None,
            workers=self._workers,
            ports=self._ports,
        )

    def keep_only(self, infrastructures: Iterable[Infrastructure]) -> None:
        """End every other node and remove its files. Only call it while none of those is watched."""
        wanted = {
            self._files(found.id, node)
            for found in infrastructures
            if found.kind == LOCAL
            for node in local_node_ids(found)
        }
        self._remove([files for files in all_node_files(self._folder) if files not in wanted])

    def remove(self, nodes: Iterable[LocalNode]) -> None:
        """Remove what is left of nodes that were stopped."""
        self._remove([node.files for node in nodes])

    def _remove(self, doomed: list[NodeFiles]) -> None:
        if not doomed:
            return
        with ThreadPoolExecutor(len(doomed), thread_name_prefix="ending") as threads:
            list(threads.map(stop_node, doomed))
        for files in doomed:
            self._ports.give_back(files)
            remove_node(files)

    def _files(self, infrastructure: str, node: str) -> NodeFiles:
        return NodeFiles(self._folder / infrastructure, node)
