"""Nodes that the tests of this floor ask."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.node.card_packages import make_package
from tests.node.processes import NodeProcess


@pytest.fixture(scope="session")
def shared_node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NodeProcess]:
    """A node with two workers that answers for `cards`: v1 is active, v2 is loaded beside it. For questions
    that change nothing."""
    folder = tmp_path_factory.mktemp("shared")
    node = NodeProcess(folder / "data", workers=2).start()
    node.install(make_package(folder, "v1", bias=-1.0))
    node.install(make_package(folder, "v2", bias=1.0), switch=False)
    node.done("POST", "services/cards/generations/v2/preload")
    yield node
    node.clear()


@pytest.fixture
def start_node(tmp_path: Path) -> Iterator[Callable[..., NodeProcess]]:
    """`start_node(workers=1, **limits)`: a node of the test's own."""
    started: list[NodeProcess] = []

    def start(*, workers: int = 1, data: Path | None = None, port: int = 0, **limits: float) -> NodeProcess:
        node = NodeProcess(data or tmp_path / f"data{len(started)}", workers=workers, port=port, **limits)
        started.append(node)
        return node.start()

    yield start
    for node in started:
        node.clear()
