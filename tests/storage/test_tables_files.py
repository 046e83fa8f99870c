"""Files as datasets: every format gives the same table; a wrong value is named by file, row and column."""

from __future__ import annotations

import datetime
import gzip
import json
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
import pyarrow as pa
import pyarrow.parquet
import pytest
from hypothesis import given, settings

from scoreline.core.dataset import FilesDataset
from scoreline.core.project import Project, ProjectSettings
from scoreline.core.schema import Column, ColumnType
from scoreline.errors import Invalid, NotFound
from scoreline.storage.tables import Tables, open_tables

ROWS: list[dict[str, Any]] = [
    {"id": 1, "amount": 12.5, "name": 'Zoë, "the" first\nof all', "ok": True, "day": "2017-01-05"},
    {"id": 2, "amount": None, "name": None, "ok": None, "day": None},
    {"id": 3, "amount": -0.25, "name": "b", "ok": False, "day": "2018-12-31"},
]
COLUMNS = (
    Column("id", ColumnType.INT),
    Column("amount", ColumnType.DOUBLE),
    Column("name", ColumnType.STRING),
    Column("ok", ColumnType.BOOLEAN),
    Column("day", ColumnType.DATE),
)
TEXT = tuple(Column(column.name, ColumnType.STRING) for column in COLUMNS)


def tables(folder: Path, **datasets: FilesDataset) -> Tables:
    return open_tables(Project(settings=ProjectSettings(id="p"), datasets=dict(datasets)), folder, {})


def read(folder: Path, dataset: FilesDataset) -> pa.Table:
    return tables(folder, d=dataset).read("d")


def csv_text(rows: list[dict[str, Any]], delimiter: str = ",") -> str:
    def cell(value: object) -> str:
        if value is None:
            return ""
        text = str(value).lower() if isinstance(value, bool) else str(value)
        quoted = text.replace('"', '""')
        return f'"{quoted}"' if any(mark in text for mark in (delimiter, '"', "\n", "\r")) else text

    lines = [delimiter.join(rows[0]), *(delimiter.join(cell(v) for v in row.values()) for row in rows)]
    return "\n".join(lines) + "\n"


def json_lines(rows: list[dict[str, Any]]) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)


def parquet(path: Path, rows: list[dict[str, Any]]) -> None:
    typed = [{**row, "day": row["day"] and datetime.date.fromisoformat(row["day"])} for row in rows]
    pyarrow.parquet.write_table(pa.Table.from_pylist(typed), path)


EXPECTED = [{**row, "day": row["day"] and datetime.date.fromisoformat(row["day"])} for row in ROWS]


@pytest.mark.parametrize("declared", [None, COLUMNS], ids=["sniffed", "declared"])
@pytest.mark.parametrize("form", ["csv", "csv.gz", "jsonl", "jsonl.gz", "parquet"])
def test_every_format_gives_the_same_rows(
    tmp_path: Path, form: str, declared: tuple[Column, ...] | None
) -> None:
    # A date in JSON is a text unless it is declared.
    expected = ROWS if form.startswith("jsonl") and declared is None else EXPECTED
    file = tmp_path / f"rows.{form}"
    if form == "parquet":
        parquet(file, ROWS)
    else:
        text = (csv_text if form.startswith("csv") else json_lines)(ROWS).encode()
        file.write_bytes(gzip.compress(text) if form.endswith(".gz") else text)

    found = read(tmp_path, FilesDataset(path=file.name, format=form.split(".")[0], columns=declared))

    assert found.to_pylist() == expected


@pytest.mark.parametrize("form", ["csv", "jsonl", "parquet"])
def test_a_folder_is_all_its_files_in_the_order_of_their_names(tmp_path: Path, form: str) -> None:
    folder = tmp_path / "rows"
    folder.mkdir()
    for name, part in (("b", ROWS[1:]), ("a", ROWS[:1])):
        file = folder / f"{name}.{form}"
        if form == "parquet":
            parquet(file, part)
        else:
            file.write_text((csv_text if form == "csv" else json_lines)(part))
    (folder / "_notes.txt").write_text("not data")
    (folder / f".{form}").write_text("hidden")

    found = read(tmp_path, FilesDataset(path="rows", format=form, columns=COLUMNS))

    assert found.to_pylist() == EXPECTED


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (["1", "", "-20"], ColumnType.INT),
        (["1", "2.5"], ColumnType.DOUBLE),
        (["1e5", "2"], ColumnType.DOUBLE),
        (["007", "12"], ColumnType.STRING),
        (["12345678901234567890"], ColumnType.STRING),
        (["true", "False"], ColumnType.BOOLEAN),
        (["2017-01-05", "2017-01-06 10:00:00"], ColumnType.DATE),
        (["2017-13-05"], ColumnType.STRING),
        (["nan", "1"], ColumnType.STRING),
        (["", ""], ColumnType.STRING),
    ],
)
def test_types_are_found_by_looking_at_all_rows(tmp_path: Path, values: list[str], kind: ColumnType) -> None:
    (tmp_path / "a.csv").write_text("x,y\n" + "".join(f"{value},0\n" for value in values))

    assert tables(tmp_path, d=FilesDataset(path="a.csv")).schema("d")[0] == Column("x", kind)


@pytest.mark.parametrize(
    ("kind", "bad", "words"),
    [
        ("int", "2.5", "'2.5' is not an int"),
        ("int", "9223372036854775808", "is not an int"),
        ("double", "x", "'x' is not a double"),
        ("double", "nan", "'nan' is not a double"),
        ("double", "1e999", "'1e999' is not a double"),
        ("boolean", "yes", "'yes' is not a boolean"),
        ("date", "05.01.2017", "is not a date"),
        ("date", "2017-02-30", "is not a date"),
    ],
)
@pytest.mark.parametrize("before", [0, 15, 40_000])
def test_a_value_of_another_type_is_named_by_file_row_and_column(
    tmp_path: Path, kind: str, bad: str, words: str, before: int
) -> None:
    good = {"int": "1", "double": "1.5", "boolean": "true", "date": "2017-01-05"}[kind]
    rows = [*[good] * before, bad, good]
    (tmp_path / "a.csv").write_text("x,purchase_amount\n" + "".join(f"a,{value}\n" for value in rows))
    dataset = FilesDataset(path="a.csv", columns=(Column("purchase_amount", ColumnType(kind)),))

    with pytest.raises(Invalid) as caught:
        read(tmp_path, dataset)

    assert f"a.csv, row {before + 1}, column purchase_amount: " in caught.value.message
    assert words in caught.value.message


def test_a_wrong_value_is_found_in_the_right_file_of_a_folder(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("x\n1\n2\n")
    (tmp_path / "b.csv").write_text("x\n3\nfour\n")

    with pytest.raises(Invalid, match=r"b\.csv, row 2, column x: 'four' is not an int"):
        read(tmp_path, FilesDataset(path=".", columns=(Column("x", ColumnType.INT),)))


def test_a_long_value_is_shortened_in_the_message(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("x\n" + "z" * 10_000 + "\n")

    with pytest.raises(Invalid) as caught:
        read(tmp_path, FilesDataset(path="a.csv", columns=(Column("x", ColumnType.INT),)))

    assert len(caught.value.message) < 120


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"a,b\n1,2\n3\n", "row 2: 1 values for 2 columns"),
        (b"a,b\n1,2\n3,4,5\n", "row 2: 3 values for 2 columns"),
        (b"a,a\n1,2\n", "two columns are named 'a'"),
        (b"a\n\xff\xfe\n", "not UTF-8"),
        (b"", "Empty CSV"),
    ],
)
def test_a_damaged_csv_file_is_refused_with_its_fault(tmp_path: Path, content: bytes, words: str) -> None:
    (tmp_path / "a.csv").write_bytes(content)

    with pytest.raises(Invalid, match=rf"a\.csv: .*{words}"):
        read(tmp_path, FilesDataset(path="a.csv"))


@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_a_truncated_gzip_file_is_refused(tmp_path: Path, form: str) -> None:
    whole = gzip.compress((csv_text if form == "csv" else json_lines)(ROWS * 50).encode())
    (tmp_path / f"a.{form}.gz").write_bytes(whole[: len(whole) // 2])

    with pytest.raises(Invalid, match=rf"a\.{form}\.gz"):
        read(tmp_path, FilesDataset(path=f"a.{form}.gz", format=form))


def test_what_is_no_parquet_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.parquet").write_text("a,b\n1,2\n")

    with pytest.raises(Invalid, match="cannot be read as Parquet"):
        read(tmp_path, FilesDataset(path="a.parquet", format="parquet"))


def test_a_parquet_column_of_lists_is_refused_unless_it_is_left_out(tmp_path: Path) -> None:
    pyarrow.parquet.write_table(pa.table({"a": [[1]], "b": [2]}), tmp_path / "a.parquet")

    with pytest.raises(Invalid, match="column a: values of type list"):
        read(tmp_path, FilesDataset(path="a.parquet", format="parquet"))
    only_b = FilesDataset(path="a.parquet", format="parquet", columns=(Column("b", ColumnType.INT),))
    assert read(tmp_path, only_b).to_pylist() == [{"b": 2}]


def test_nan_in_parquet_is_missing(tmp_path: Path) -> None:
    pyarrow.parquet.write_table(pa.table({"a": [1.5, float("nan"), None]}), tmp_path / "a.parquet")

    found = tables(tmp_path, d=FilesDataset(path="a.parquet", format="parquet"))

    assert list(found.rows("d", ["a"])) == [(1.5,), (None,), (None,)]


@pytest.mark.parametrize(
    ("line", "kind", "words"),
    [
        ('{"a": "x"}', "int", "row 2, column a: 'x' is not an int"),
        ('{"a": 1.5}', "int", "row 2, column a: 1.5 is not an int"),
        ('{"a": true}', "double", "row 2, column a: True is not a double"),
        ('{"a": 1}', "string", "row 2, column a: 1 is not a string"),
        ('{"a": [1]}', "string", "row 2, column a: .1. is not a string"),
        ('{"a": "x"}', "date", "row 2, column a: 'x' is not a date"),
        ("[1]", "int", "row 2: not a JSON object"),
        ('{"a": ', "int", "row 2: not a JSON object"),
    ],
)
def test_a_wrong_json_line_is_named_by_row_and_column(
    tmp_path: Path, line: str, kind: str, words: str
) -> None:
    (tmp_path / "a.jsonl").write_text('{"a": null}\n' + line + "\n")

    with pytest.raises(Invalid, match=rf"a\.jsonl, {words}"):
        read(tmp_path, FilesDataset(path="a.jsonl", format="jsonl", columns=(Column("a", ColumnType(kind)),)))


def test_json_values_of_several_kinds_become_text(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"a": 1, "b": 1}\n{"a": "x", "b": 2.5}\n{"a": {"k": [1]}}\n')

    found = read(tmp_path, FilesDataset(path="a.jsonl", format="jsonl"))

    assert found.to_pylist() == [{"a": "1", "b": 1.0}, {"a": "x", "b": 2.5}, {"a": '{"k": [1]}', "b": None}]


def test_a_path_that_leaves_the_project_is_refused(tmp_path: Path) -> None:
    inside = tmp_path / "project"
    inside.mkdir()
    (tmp_path / "secret.csv").write_text("a\n1\n")

    for path in ("../secret.csv", str(tmp_path / "secret.csv")):
        with pytest.raises(Invalid, match="leaves the project"):
            read(inside, FilesDataset(path=path))


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match=r"dataset 'd': there is no file gone\.csv"):
        read(tmp_path, FilesDataset(path="gone.csv"))


def test_moments_with_a_zone_become_utc_and_plain_rows_hold_iso_text(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("t,d\n2017-01-05T10:00:00+02:00,2017-01-05\n2017-01-05T10:00:00.5Z,\n")

    found = tables(tmp_path, d=FilesDataset(path="a.csv"))

    assert list(found.rows("d", ["d", "t"])) == [
        ("2017-01-05", "2017-01-05T08:00:00Z"),
        (None, "2017-01-05T10:00:00.500000Z"),
    ]


def test_moments_with_and_without_a_zone_do_not_mix(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("t\n2017-01-05T10:00:00Z\n2017-01-05T10:00:00\n")

    with pytest.raises(Invalid, match=r"row 2, column t: .* all with or all without a time zone"):
        read(tmp_path, FilesDataset(path="a.csv", columns=(Column("t", ColumnType.DATE),)))


def test_the_digest_follows_the_content_and_not_the_time(tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_text("a\n1\n")
    before = tables(tmp_path, d=FilesDataset(path="a.csv")).digest("d")

    file.write_text("a\n2\n")
    changed = tables(tmp_path, d=FilesDataset(path="a.csv")).digest("d")
    file.write_text("a\n1\n")
    restored = tables(tmp_path, d=FilesDataset(path="a.csv")).digest("d")

    assert before != changed
    assert before == restored


def test_a_file_rewritten_at_once_in_the_same_size_has_another_digest(tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    seen = set()
    for number in range(30):
        file.write_text(f"a\n{number:02d}\n")
        seen.add(tables(tmp_path, d=FilesDataset(path="a.csv")).digest("d"))

    assert len(seen) == 30


_texts = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=12)


@settings(max_examples=60)
@given(st.lists(st.tuples(_texts, _texts), min_size=1, max_size=8))
def test_any_text_survives_csv_as_it_was_written(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, str]]
) -> None:
    folder = tmp_path_factory.mktemp("csv")

    def quoted(text: str) -> str:
        return '"' + text.replace('"', '""') + '"'

    lines = ["a,b,end", *(f"{quoted(a)},{quoted(b)},." for a, b in rows)]
    (folder / "a.csv").write_bytes(("\n".join(lines) + "\n").encode())

    found = read(folder, FilesDataset(path="a.csv", columns=TEXT_AB))

    assert [(row["a"] or "", row["b"] or "") for row in found.to_pylist()] == rows


TEXT_AB = (Column("a", ColumnType.STRING), Column("b", ColumnType.STRING))


def test_a_wrong_date_is_found_in_the_right_json_file_of_a_folder(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"t": "2017-01-05"}\n')
    (tmp_path / "b.jsonl").write_text('{"t": "2017-01-05"}\n{"t": "soon"}\n')

    with pytest.raises(Invalid, match=r"b\.jsonl, row 2, column t: 'soon' is not a date"):
        read(tmp_path, FilesDataset(path=".", format="jsonl", columns=(Column("t", ColumnType.DATE),)))
