"""A node's processes carry nothing of the studio's libraries: seen in the memory of real ones."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.node.card_packages import make_package
from tests.node.processes import NodeProcess, mapped_files

FORBIDDEN = (
    "numpy", "pandas", "sklearn", "scipy", "pyarrow", "duckdb", "sqlalchemy", "lightgbm", "xgboost", "skops",
    "pydantic", "fastapi", "dbos", "onnxruntime",
)  # fmt: skip


@pytest.fixture
def node(tmp_path: Path) -> Iterator[NodeProcess]:
    running = NodeProcess(tmp_path / "data", workers=2).start()
    yield running
    running.clear()


def test_no_process_of_a_node_that_answers_has_a_heavy_library_loaded(
    node: NodeProcess, tmp_path: Path
) -> None:
    node.install(make_package(tmp_path, trees=10))
    assert node.ask("cards/predict/predict", {"features": {"card_id": "C_1"}})["result"]["ignored"] is False
    assert node.ask("cards/value/predict", {"features": {"amount": 1}})["result"]["prediction"]

    processes = [node.pid, node.nursery, *node.worker_pids()]

    assert len(set(processes)) == 4
    for pid in processes:
        libraries = [name for name in mapped_files(pid) if ".so" in name]
        assert any("msgspec" in name for name in libraries)
        assert [name for name in libraries if any(f"/{one}" in name for one in FORBIDDEN)] == []
