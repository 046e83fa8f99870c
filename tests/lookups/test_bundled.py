"""Bundled lookups find what a plain dict would find, whatever the rows."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import tempfile
import threading
from collections import defaultdict
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scoreline.core.schema import Column, ColumnType
from scoreline.errors import Invalid, NotFound, Unavailable
from scoreline.lookups import bundled
from scoreline.lookups.building import build_lookup
from scoreline.lookups.bundled import BundledLookup, read_info, verify_lookup

STRING, INT, DOUBLE, BOOLEAN, DATE = ColumnType

CARD = (Column("card", STRING),)
FICO_AND_AGE = (Column("fico", INT), Column("age", DOUBLE))


def built(folder: Path, keys, columns, rows) -> BundledLookup:
    build_lookup(folder, keys, columns, rows)
    verify_lookup(folder)
    return BundledLookup.open(folder)


def test_a_row_is_found_by_its_key(tmp_path):
    lookup = built(tmp_path / "l", CARD, FICO_AND_AGE, [("C_1", 700, 31.5), ("C_2", None, 4.0)])

    assert lookup.find(("C_1",)) == ((700, 31.5),)
    assert lookup.find(("C_2",)) == ((None, 4.0),)
    assert lookup.find(("C_3",)) == ()
    assert (lookup.keys, lookup.columns) == (("card",), ("fico", "age"))


def test_several_rows_of_one_key_come_in_dataset_order(tmp_path):
    lookup = built(tmp_path / "l", CARD, FICO_AND_AGE[:1], [("b", 3), ("a", 9), ("b", 1), ("b", 2)])

    assert lookup.find(("b",)) == ((3,), (1,), (2,))


@pytest.mark.parametrize(
    ("column_type", "stored", "asked"),
    [
        (INT, 5, [5, "5", 5.0, "5.0", " 5 ", "+5", "5e0", "005"]),
        (INT, 1, [1, True, "1"]),
        (INT, -(2**63), [-(2**63), str(-(2**63))]),
        (STRING, "5", ["5", 5, 5.0]),
        (STRING, "0.5", ["0.5", 0.5]),
        (STRING, "true", ["true", True]),
        (DOUBLE, 5.0, [5, "5", 5.0, "5.0", "5e0"]),
        (DOUBLE, -0.0, [0, 0.0, "-0"]),
        (DOUBLE, 0.1, [0.1, "0.1", "0.1000"]),
        (BOOLEAN, True, [True, "true", "TRUE", 1, 1.0, "1"]),
        (DATE, "2017-01-31", ["2017-01-31", "2017-01-31T00:00:00", "2017-01-31 00:00:00Z"]),
        (DATE, "2017-01-31T10:00:00.500000", ["2017-01-31T10:00:00.5", "2017-01-31T11:00:00.5+01:00"]),
    ],
)  # fmt: skip
def test_a_key_is_found_in_every_form_its_column_type_allows(tmp_path, column_type, stored, asked):
    lookup = built(tmp_path / "l", (Column("key", column_type),), (Column("v", INT),), [(stored, 1)])

    assert {form: lookup.find((form,)) for form in asked} == dict.fromkeys(asked, ((1,),))


@pytest.mark.parametrize(
    ("column_type", "stored", "asked"),
    [
        (
            INT,
            5,
            [None, "", "  ", "five", 5.5, "5.5", float("nan"), float("inf"), 10**400, "9" * 400, [5], {}],
        ),
        (STRING, "5", [None, "", " ", "5.0", "05", [5], {"5": 5}, 10**5000, "\ud800", "5\0"]),
        (DOUBLE, 5.0, [None, "", "five", "nan", "inf", 10**400, "1" * 500, [5.0]]),
        (BOOLEAN, True, [None, "", "yes", 2, float("nan"), [True]]),
        (DATE, "2017-01-31", [None, "", "31.1.2017", 20170131, "2017-01-32"]),
    ],
)
def test_what_cannot_be_a_key_finds_nothing(tmp_path, column_type, stored, asked):
    lookup = built(tmp_path / "l", (Column("key", column_type),), (Column("v", INT),), [(stored, 1)])

    assert [lookup.find((form,)) for form in asked] == [()] * len(asked)


def test_rows_without_a_part_of_their_key_are_left_out_and_counted(tmp_path):
    keys = (Column("card", STRING), Column("month", INT))
    rows = [("a", 1, 10), (None, 1, 11), ("a", None, 12), ("", 1, 13), ("  ", 2, 14)]

    info = build_lookup(tmp_path / "l", keys, (Column("v", INT),), rows)

    assert (info.rows, info.distinct_keys, info.without_key) == (1, 1, 4)


def test_parts_of_a_composite_key_do_not_run_into_one_another(tmp_path):
    keys = (Column("a", STRING), Column("b", STRING))
    rows = [("x", "yz", 1), ("xy", "z", 2), ("x\0y", "z", 3), ("x", "\0yz", 4)]

    lookup = built(tmp_path / "l", keys, (Column("v", INT),), rows)

    assert [lookup.find(row[:2]) for row in rows] == [((row[2],),) for row in rows]


def test_keys_longer_than_lmdb_takes_are_found(tmp_path):
    long = ["k" * length for length in (510, 511, 512, 513, 100_000)]

    lookup = built(tmp_path / "l", CARD, FICO_AND_AGE[:1], [(key, len(key)) for key in long])

    assert [lookup.find((key,)) for key in long] == [((len(key),),) for key in long]
    assert lookup.find(("k" * 514,)) == ()


def test_a_key_with_very_many_rows_keeps_the_first_ones_and_counts_the_rest(tmp_path):
    info = build_lookup(tmp_path / "l", CARD, FICO_AND_AGE[:1], [("a", n) for n in range(5_000)])
    lookup = BundledLookup.open(tmp_path / "l")

    assert lookup.find(("a",)) == tuple((n,) for n in range(bundled.MOST_ROWS_PER_KEY))
    assert (info.rows, info.beyond_limit) == (bundled.MOST_ROWS_PER_KEY, 5_000 - bundled.MOST_ROWS_PER_KEY)


def test_an_empty_dataset_gives_a_lookup_that_finds_nothing(tmp_path):
    assert built(tmp_path / "l", CARD, FICO_AND_AGE, []).find(("a",)) == ()


def test_a_lookup_may_have_no_columns_beside_its_key(tmp_path):
    lookup = built(tmp_path / "l", CARD, (), [("a",)])

    assert (lookup.find(("a",)), lookup.find(("b",))) == (((),), ())


def test_a_number_that_is_not_one_becomes_the_missing_value(tmp_path):
    lookup = built(tmp_path / "l", CARD, FICO_AND_AGE, [("a", 1, float("nan"))])

    assert lookup.find(("a",)) == ((1, None),)


@pytest.mark.parametrize("strange", [b"bytes", [1], object()])
def test_a_value_that_json_has_no_place_for_is_refused_by_column(tmp_path, strange):
    with pytest.raises(Invalid, match="column 'age'"):
        build_lookup(tmp_path / "l", CARD, FICO_AND_AGE, [("a", 1, strange)])


def test_a_whole_number_of_more_than_64_bits_is_refused(tmp_path):
    with pytest.raises(Invalid, match="64 bits"):
        build_lookup(tmp_path / "l", CARD, FICO_AND_AGE[:1], [("a", 2**70)])


def values(column_type: ColumnType) -> st.SearchStrategy[object]:
    known: dict[ColumnType, st.SearchStrategy[object]] = {
        STRING: st.text(max_size=12) | st.text("ab", min_size=500, max_size=600),
        INT: st.integers(-(2**63), 2**63 - 1) | st.integers(-3, 3),
        DOUBLE: st.floats(allow_nan=False),
        BOOLEAN: st.booleans(),
        DATE: st.dates().map(str),
    }
    return st.none() | known[column_type]


@st.composite
def tables(draw):
    key_types = draw(st.lists(st.sampled_from(ColumnType), min_size=1, max_size=3))
    column_types = draw(st.lists(st.sampled_from(ColumnType), max_size=3))
    row = st.tuples(*(values(column_type) for column_type in key_types + column_types))
    keys = tuple(Column(f"k{n}", column_type) for n, column_type in enumerate(key_types))
    columns = tuple(Column(f"c{n}", column_type) for n, column_type in enumerate(column_types))
    return keys, columns, draw(st.lists(row, max_size=60))


@given(tables(), st.data())
@settings(max_examples=60)
def test_a_lookup_answers_as_a_dict_does(table, data):
    keys, columns, rows = table
    expected = defaultdict(list)
    for row in rows:
        key, found = row[: len(keys)], row[len(keys) :]
        if all(part is not None and not (isinstance(part, str) and not part.strip()) for part in key):
            expected[key].append(found)
    with tempfile.TemporaryDirectory() as folder:
        lookup = built(Path(folder) / "l", keys, columns, rows)
        strangers = data.draw(st.lists(st.tuples(*(values(key.type) for key in keys)), max_size=10))

        for key in [*expected, *strangers]:
            found = expected.get(key, [])
            assert lookup.find(key) == tuple(found)
            if len(key) == 1:  # the short way of a query
                assert lookup.find_row(key[0]) == (found[0] if len(found) == 1 else None)
        lookup.close()


@pytest.mark.parametrize("count", [1, 2, 50, 200, 5_000, 60_000])
@pytest.mark.parametrize("width", [1, 300, 1_500, 2_030, 5_000])
def test_files_of_every_size_are_sound_and_whole(tmp_path, count, width):
    count = min(count, 8_000_000 // width)
    rows = [(f"{n:07}" * (1 + n % 30), "x" * (n % width)) for n in range(count)]

    lookup = built(tmp_path / "l", CARD, (Column("text", STRING),), rows)

    assert all(lookup.find(row[:1]) == (row[1:],) for row in rows[:: max(1, count // 500)])
    assert lookup.rows == count


BUILD = """
import random, sys
from pathlib import Path
from scoreline.core.schema import Column, ColumnType
from scoreline.lookups.building import build_lookup
rows = [(f"card {n % 40000}", n, None if n % 7 else "text" * (n % 900)) for n in range(50_000)]
random.Random(int(sys.argv[2])).shuffle(rows)
rows.sort(key=lambda row: row[1] >= 40_000)  # rows of one key stay in their order
columns = (Column("number", ColumnType.INT), Column("text", ColumnType.STRING))
build_lookup(Path(sys.argv[1]), (Column("card", ColumnType.STRING),), columns, rows)
"""


def test_the_same_rows_give_the_same_file_in_any_process_and_order_of_keys(tmp_path):
    for seed in (1, 2):
        subprocess.run([sys.executable, "-c", BUILD, str(tmp_path / str(seed)), str(seed)], check=True)

    digests = [
        {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in (tmp_path / seed).iterdir()}
        for seed in ("1", "2")
    ]
    assert digests[0] == digests[1]
    assert set(digests[0]) == {"data.mdb", "lookup.json"}


def test_the_digest_changes_with_any_value_name_or_order_within_a_key(tmp_path):
    def digest(keys=CARD, columns=FICO_AND_AGE[:1], rows=(("a", 1), ("a", 2), ("b", 3))):
        folder = Path(tempfile.mkdtemp(dir=tmp_path)) / "l"
        return build_lookup(folder, keys, columns, rows).digest

    variants = [
        digest(),
        digest(rows=(("a", 2), ("a", 1), ("b", 3))),
        digest(rows=(("a", 1), ("a", 2), ("b", 4))),
        digest(rows=(("a", 1), ("a", 2), ("c", 3))),
        digest(rows=(("a", 1), ("b", 3))),
        digest(columns=(Column("other", INT),)),
        digest(keys=(Column("other", STRING),)),
    ]
    assert len(set(variants)) == len(variants)
    assert digest(rows=(("b", 3), ("a", 1), ("a", 2))) == variants[0]


def test_one_file_is_opened_many_times_and_closed_by_the_last(tmp_path):
    first = built(tmp_path / "l", CARD, FICO_AND_AGE[:1], [("a", 1)])
    (tmp_path / "linked").mkdir()
    for name in ("data.mdb", "lookup.json"):
        (tmp_path / "linked" / name).hardlink_to(tmp_path / "l" / name)
    second = BundledLookup.open(tmp_path / "linked")

    first.close()
    first.close()
    assert second.find(("a",)) == ((1,),)
    second.close()

    with pytest.raises(Unavailable):
        second.find(("a",))
    maps = Path("/proc/self/maps")
    if maps.exists():
        assert str(tmp_path) not in maps.read_text()


def test_a_lookup_that_nobody_holds_lets_go_of_its_file(tmp_path):
    lookup = built(tmp_path / "l", CARD, FICO_AND_AGE[:1], [("a", 1)])
    find = lookup.find
    del lookup
    assert find(("a",)) == ((1,),)

    del find

    again = BundledLookup.open(tmp_path / "l")
    assert again.find(("a",)) == ((1,),)
    assert len([key for key in bundled._SHARED if key[1] == (tmp_path / "l" / "data.mdb").stat().st_ino]) == 1
    del again
    assert not [key for key in bundled._SHARED if key[1] == (tmp_path / "l" / "data.mdb").stat().st_ino]


def test_a_removed_folder_is_answered_from_until_it_is_closed(tmp_path):
    old = built(tmp_path / "l", CARD, FICO_AND_AGE[:1], [("a", 1)])
    for path in (tmp_path / "l").iterdir():
        path.unlink()
    new = built(tmp_path / "l", CARD, FICO_AND_AGE[:1], [("a", 2)])

    assert (old.find(("a",)), new.find(("a",))) == (((1,),), ((2,),))


def test_threads_may_look_up_while_generations_come_and_go(tmp_path):
    built(tmp_path / "l", CARD, FICO_AND_AGE[:1], [(str(n), n) for n in range(5_000)]).close()
    wrong: list[object] = []

    def work():
        for _ in range(20):
            lookup = BundledLookup.open(tmp_path / "l")
            wrong.extend(n for n in range(0, 5_000, 7) if lookup.find((n,)) != ((n,),))
            lookup.close()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert wrong == []


def test_a_forked_child_reads_the_mapping_of_its_parent(tmp_path):
    program = f"""
import os, sys
from pathlib import Path
from scoreline.lookups.bundled import BundledLookup
folder = Path({str(tmp_path / "l")!r})
mine = BundledLookup.open(folder)
child = os.fork()
if child == 0:
    other = BundledLookup.open(folder)
    found = [mine.find(("a",)), other.find(("a",))]
    mine.close()
    other.close()
    again = BundledLookup.open(folder)
    os._exit(0 if [*found, again.find(("a",))] == [((1,),)] * 3 else 1)
_, status = os.waitpid(child, 0)
sys.exit(os.waitstatus_to_exitcode(status) or mine.find(("a",)) != ((1,),))
"""
    built(tmp_path / "l", CARD, FICO_AND_AGE[:1], [("a", 1)]).close()

    assert subprocess.run([sys.executable, "-c", program]).returncode == 0


def test_a_lookup_that_is_not_there_or_of_a_newer_format_says_so(tmp_path):
    with pytest.raises(NotFound):
        BundledLookup.open(tmp_path / "none")
    build_lookup(tmp_path / "l", CARD, FICO_AND_AGE, [])
    info = (tmp_path / "l" / "lookup.json").read_text()
    (tmp_path / "l" / "lookup.json").write_text(info.replace('"format": 1', '"format": 2, "new": 3'))

    with pytest.raises(Invalid, match="upgrade") as raised:
        read_info(tmp_path / "l")
    assert raised.value.code == "newer-format"


@pytest.mark.slow
def test_a_million_rows_are_built_in_bounded_memory(tmp_path):
    program = f"""
from pathlib import Path
from scoreline.core.schema import Column, ColumnType
from scoreline.lookups.building import build_lookup
types = [("fico", ColumnType.INT), ("age", ColumnType.DOUBLE), ("state", ColumnType.STRING)]
columns = [Column(*named) for named in types]
rows = ((f"C_ID_{{n * 7919 % 1_000_003:010}}", n % 900, n / 3, "Wyoming") for n in range(1_000_000))
build_lookup(Path({str(tmp_path / "l")!r}), [Column("card", ColumnType.STRING)], columns, rows)
# Not getrusage: that begins with the memory of the process this one was forked from.
[peak] = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM")]
print(int(peak.split()[1]) // 1024)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert int(done.stdout) < 600
