"""Managed datasets are replaced whole, while readers read on."""

from __future__ import annotations

import threading
from pathlib import Path

import pyarrow as pa
import pytest

from scoreline.core.dataset import Dataset, FilesDataset, ManagedDataset
from scoreline.core.project import Project, ProjectSettings
from scoreline.core.schema import Column, ColumnType
from scoreline.errors import Invalid, NotFound
from scoreline.storage.tables import Tables, open_tables


def tables(folder: Path, dataset: Dataset | None = None) -> Tables:
    datasets = {"d": dataset or ManagedDataset()}
    return open_tables(Project(settings=ProjectSettings(id="p"), datasets=datasets), folder, {})


def test_rows_are_read_as_they_were_written(tmp_path: Path) -> None:
    table = pa.table({"a": [1, None], "s": ["x", ""], "d": [1.5, float("nan")], "b": [True, None]})

    written = tables(tmp_path).write("d", table)

    assert written.rows == 2
    assert tables(tmp_path).read("d").to_pylist() == [
        {"a": 1, "s": "x", "d": 1.5, "b": True},
        {"a": None, "s": "", "d": None, "b": None},
    ]
    assert [c.type.value for c in tables(tmp_path).schema("d")] == ["int", "string", "double", "boolean"]


def test_equal_rows_have_equal_digests(tmp_path: Path) -> None:
    chunks = [pa.table({"a": [1, 2]}), pa.table({"a": [3]})]
    first = tables(tmp_path).write("d", pa.table({"a": [1, 2, 3]})).digest
    again = tables(tmp_path).write("d", pa.concat_tables(chunks)).digest
    other = tables(tmp_path).write("d", pa.table({"a": [1, 3, 2]})).digest

    assert first == again
    assert first != other


def test_what_was_never_built_says_how_to_build_it(tmp_path: Path) -> None:
    for act in (tables(tmp_path).read, tables(tmp_path).digest):
        with pytest.raises(NotFound, match="scoreline build d") as caught:
            act("d")
        assert caught.value.code == "not-built"


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ((Column("b", ColumnType.INT),), "no column 'b'"),
        ((Column("a", ColumnType.STRING),), "column a is int, declared as string"),
    ],
)
def test_rows_that_do_not_fit_the_declared_columns_change_nothing(
    tmp_path: Path, columns: tuple[Column, ...], words: str
) -> None:
    tables(tmp_path).write("d", pa.table({"a": [1]}))

    with pytest.raises(Invalid, match=words):
        tables(tmp_path, ManagedDataset(columns=columns)).write("d", pa.table({"a": [2]}))

    assert tables(tmp_path).read("d").to_pylist() == [{"a": 1}]


def test_only_managed_datasets_can_be_written(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="not managed"):
        tables(tmp_path, FilesDataset(path="a.csv")).write("d", pa.table({"a": [1]}))


def test_a_reader_sees_one_writing_or_the_other_and_never_a_mixture(tmp_path: Path) -> None:
    store = tables(tmp_path)
    store.write("d", pa.table({"a": [0] * 1000}))
    over = threading.Event()
    wrong: list[object] = []

    def read_on() -> None:
        while not over.is_set():
            try:
                values = set(tables(tmp_path).read("d").column("a").to_pylist())
            except Exception as error:
                wrong.append(error)
                return
            if len(values) != 1:
                wrong.append(values)

    readers = [threading.Thread(target=read_on) for _ in range(2)]
    for reader in readers:
        reader.start()
    for number in range(1, 60):
        store.write("d", pa.table({"a": [number] * 1000}))
    over.set()
    for reader in readers:
        reader.join()

    assert wrong == []
    assert len(list((tmp_path / ".scoreline/datasets/d").iterdir())) == 2


def test_leftovers_of_a_killed_writer_are_swept_by_the_next(tmp_path: Path) -> None:
    store = tables(tmp_path)
    store.write("d", pa.table({"a": [1]}))
    folder = tmp_path / ".scoreline/datasets/d"
    (folder / ".unfinished-abc").mkdir()
    (folder / ".unfinished-abc" / "part-0.parquet").write_bytes(b"PAR1")
    (folder / "neverpointedat").mkdir()
    (folder / ".unfinished-json").write_bytes(b"{")

    assert store.read("d").to_pylist() == [{"a": 1}]
    store.write("d", pa.table({"a": [2]}))

    assert len(list(folder.iterdir())) == 2
    assert store.read("d").to_pylist() == [{"a": 2}]


def test_a_damaged_pointer_or_file_says_what_to_do(tmp_path: Path) -> None:
    store = tables(tmp_path)
    store.write("d", pa.table({"a": [1]}))
    folder = tmp_path / ".scoreline/datasets/d"
    part = next(folder.glob("*/part-0.parquet"))

    part.write_bytes(part.read_bytes()[:-7])
    with pytest.raises(Invalid, match="build it again"):
        store.read("d")
    (folder / "current.json").write_text("{")
    with pytest.raises(Invalid, match="build the dataset again"):
        store.read("d")
