"""A lookup file that is cut off, changed or made up is refused, and never takes the process with it."""

from __future__ import annotations

import shutil
import struct
import subprocess
import sys
from pathlib import Path

import pytest

from scoreline.core.schema import Column, ColumnType
from scoreline.errors import Invalid
from scoreline.lookups.building import build_lookup
from scoreline.lookups.bundled import BundledLookup, verify_lookup
from scoreline.lookups.pages import check_pages, read_header

KEYS = (Column("card", ColumnType.STRING),)
COLUMNS = (Column("text", ColumnType.STRING),)


@pytest.fixture(scope="module")
def sound(tmp_path_factory) -> Path:
    """A lookup of several levels, with a few values that need pages of their own."""
    folder = tmp_path_factory.mktemp("sound") / "l"
    rows = [(f"{n:06}" * 8, "x" * (20_000 if n % 900 == 0 else n % 50)) for n in range(9_000)]
    build_lookup(folder, KEYS, COLUMNS, rows)
    return folder


@pytest.fixture
def lookup(sound: Path, tmp_path: Path) -> Path:
    """A copy to be damaged."""
    return Path(shutil.copytree(sound, tmp_path / "l"))


def overwrite(folder: Path, at: int, data: bytes) -> None:
    with (folder / "data.mdb").open("r+b") as file:
        file.seek(at)
        file.write(data)


def refused(folder: Path, words: str = "damaged") -> None:
    with pytest.raises(Invalid, match=words) as raised:
        verify_lookup(folder)
    assert raised.value.code == "damaged-lookup"


def test_a_sound_file_passes(sound):
    header = check_pages(sound / "data.mdb")

    assert header.entries == 9_000
    assert header.depth >= 3


def test_a_file_cut_off_at_any_page_is_refused_when_it_is_opened(lookup):
    size = (lookup / "data.mdb").stat().st_size
    for length in [0, 1, 100, 4_095, 4_096, 4_200, *range(8_192, size, max(4_096, size // 20))]:
        data = (lookup / "data.mdb").read_bytes()
        (lookup / "data.mdb").write_bytes(data[:length])
        with pytest.raises(Invalid, match="damaged"):
            BundledLookup.open(lookup)
        (lookup / "data.mdb").write_bytes(data)


@pytest.mark.parametrize(
    ("at", "data"),
    [
        (10, b"\2"),  # the first page is no meta page
        (16, b"\0\0\0\0"),  # magic number
        (20, b"\2"),  # version
        (24, b"\1"),  # a fixed address
        (40, struct.pack("=I", 8_192)),  # page size
        (40, struct.pack("=I", 0)),
        (92, b"\x08"),  # integer keys
        (94, b"\xff"),  # depth
        (128, struct.pack("=Q", 1)),  # the root is a meta page
        (128, struct.pack("=Q", 1 << 40)),  # the root is beyond the file
        (136, struct.pack("=Q", 1 << 62)),  # pages beyond the file
    ],
)
def test_a_header_that_is_wrong_is_refused_when_it_is_opened(lookup, at, data):
    for page in (0, 4_096):
        overwrite(lookup, page + at, data)

    with pytest.raises(Invalid, match="damaged"):
        BundledLookup.open(lookup)


def test_a_page_that_is_its_own_child_is_refused(lookup):
    root = read_header(lookup / "data.mdb").root
    page = (lookup / "data.mdb").read_bytes()[root * 4_096 : (root + 1) * 4_096]
    node = struct.unpack_from("=H", page, 16)[0]
    overwrite(lookup, root * 4_096 + node, struct.pack("=H", root & 0xFFFF))

    with pytest.raises(Invalid, match="not where it should be"):
        check_pages(lookup / "data.mdb")


def test_a_value_that_claims_four_gigabytes_is_refused(lookup):
    data = (lookup / "data.mdb").read_bytes()
    leaf = next(at for at in range(8_192, len(data), 4_096) if data[at + 10] == 2)
    node = struct.unpack_from("=H", data, leaf + 18)[0]  # the first one has pages of its own
    overwrite(lookup, leaf + node, b"\xff\xff\xff\xff")

    with pytest.raises(Invalid, match="is wrong"):
        check_pages(lookup / "data.mdb")


def test_rows_that_are_not_rows_are_refused(lookup):
    data = (lookup / "data.mdb").read_bytes()
    at = data.index(b"\x91\x91")
    overwrite(lookup, at, b"\xc1\xc1")

    refused(lookup, "row")


def test_other_rows_than_the_info_says_are_refused(lookup):
    data = (lookup / "data.mdb").read_bytes()
    overwrite(lookup, data.index(b"xxxx"), b"y")

    refused(lookup, "does not hold what")


FUZZ = """
import random, struct, sys
from pathlib import Path
from scoreline.errors import ScorelineError
from scoreline.lookups.bundled import BundledLookup
from scoreline.lookups.pages import check_pages

folder, seed, count, checked = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4] == "checked"
draw = random.Random(seed)
whole = (folder / "data.mdb").read_bytes()
pages = len(whole) // 4096
path = folder / "data.mdb"
outcomes = {"refused": 0, "passed": 0}


def word():
    return draw.choice((0, 1, 2, 16, 255, 4080, 4094, 4095, 4096, 65535, draw.randrange(65536)))


def damage(data):
    start = draw.randrange(2, pages) * 4096
    kind = draw.randrange(4)
    if kind == 0:  # the head of the page
        struct.pack_into("=H", data, start + draw.choice((0, 8, 10, 12, 14)), word())
    elif kind == 1:  # where a node is
        struct.pack_into("=H", data, start + 16 + 2 * draw.randrange(30), word())
    elif kind == 2:  # the head of a node: sizes, flags, pages below
        node = struct.unpack_from("=H", data, start + 16 + 2 * draw.randrange(30))[0] % 4088
        struct.pack_into("=H", data, start + node + draw.choice((0, 2, 4, 6)), word())
    else:  # anything
        data[start + draw.randrange(4096)] = draw.randrange(256)


for number in range(count):
    data = bytearray(whole)
    for _ in range(draw.choice((1, 1, 2, 8))):
        damage(data)
    path.unlink()
    path.write_bytes(data)
    try:
        if checked:
            check_pages(path)
        lookup = BundledLookup.open(folder)
    except ScorelineError:
        outcomes["refused"] += 1
        continue
    outcomes["passed"] += 1
    for n in range(0, 9000, 9):
        for key in (f"{n:06}" * 8, f"{n:06}"):
            try:
                lookup.find((key,))
            except ScorelineError:
                pass
    lookup.close()
path.unlink()
path.write_bytes(whole)
print(outcomes["refused"], outcomes["passed"])
"""


def fuzzed(folder: Path, seed: int, checked: str) -> subprocess.CompletedProcess[str]:
    """Damage the file 150 times and look up keys wherever it can be opened, in a process of its own."""
    return subprocess.run(
        [sys.executable, "-c", FUZZ, str(folder), str(seed), "150", checked], capture_output=True, text=True
    )


def test_no_change_of_bytes_that_passes_the_check_crashes_the_process(lookup, repetitions):
    for seed in range(repetitions(quick=2, whole=20)):
        done = fuzzed(lookup, seed, "checked")

        assert done.returncode == 0, done.stderr[-2_000:]
        refused, passed = map(int, done.stdout.split())
        assert refused > 20
        assert passed > 5
