"""Building bundled lookups: rows of a dataset become a file that finds them by key."""

from __future__ import annotations

import errno
import itertools
import shutil
from collections.abc import Iterable, Iterator, Sequence
from operator import itemgetter
from pathlib import Path

import lmdb
import msgspec

from scoreline.core.schema import Column, ColumnType
from scoreline.errors import Invalid, Unavailable
from scoreline.lookups.bundled import (
    FORMAT,
    INFO_FILE,
    MOST_ROWS_PER_KEY,
    ContentDigest,
    LookupInfo,
    Row,
)
from scoreline.lookups.keys import key_encoder

# Rows written per transaction, so that the pages waiting in memory stay few.
_BATCH = 100_000
_PLAIN = frozenset({str, int, float, bool, type(None)})
_PAGE_BYTES = 4_096

_Entry = tuple[bytes, bytes]


def build_lookup(
    folder: Path, keys: Sequence[Column], columns: Sequence[Column], rows: Iterable[Row]
) -> LookupInfo:
    """Write a lookup into `folder`, which is made and should be empty.

    Each row has the values of `keys`, then those of `columns`: str, int, float, bool, None; dates as ISO 8601
    text. A row without a part of its key is left out and counted. The same rows give the same bytes, in
    whatever order keys come; rows of one key stay in their order. Keys and encoded rows are held in memory
    once: about 250 MB a million rows. Raises Invalid for a value of another type, Unavailable when the disk
    is full.
    """
    folder.mkdir(parents=True, exist_ok=True)
    entries, without_key = _encoded(keys, columns, rows)
    entries.sort(key=itemgetter(0))
    tally = _Tally(keys, columns)
    try:
        _write(folder, entries, tally)
    except lmdb.Error as error:
        raise Unavailable(f"cannot write the lookup {folder.name!r}: {error}") from error
    except OSError as error:
        why = "the disk is full" if error.errno == errno.ENOSPC else str(error.strerror)
        raise Unavailable(f"cannot write the lookup {folder.name!r}: {why}") from error
    info = LookupInfo(
        format=FORMAT,
        keys=tuple(keys),
        columns=tuple(columns),
        rows=tally.rows,
        distinct_keys=tally.distinct_keys,
        without_key=without_key,
        beyond_limit=tally.beyond_limit,
        digest=tally.digest.hexdigest(),
    )
    (folder / INFO_FILE).write_bytes(msgspec.json.format(msgspec.json.encode(info)) + b"\n")
    return info


def _encoded(
    keys: Sequence[Column], columns: Sequence[Column], rows: Iterable[Row]
) -> tuple[list[_Entry], int]:
    """Key and row of each row as bytes, in the order of the rows; and how many rows have no key."""
    encode_key = key_encoder([column.type for column in keys])
    encode_row = msgspec.msgpack.Encoder().encode
    width = len(keys)
    doubles = [at for at, column in enumerate(columns) if column.type is ColumnType.DOUBLE]
    entries: list[_Entry] = []
    without_key = 0
    for row in rows:
        key = encode_key(row[:width])
        if key is None:
            without_key += 1
            continue
        values = row[width:]
        if not _PLAIN.issuperset(map(type, values)):
            raise Invalid(f"{_first_strange(columns, values)} holds a value that cannot be looked up")
        for at in doubles:
            if values[at] != values[at]:
                values = (*values[:at], None, *values[at + 1 :])
        try:
            entries.append((key, encode_row(values)))
        except OverflowError as error:
            raise Invalid("a column to look up holds a whole number of more than 64 bits") from error
    return entries, without_key


def _first_strange(columns: Sequence[Column], values: Row) -> str:
    return next(
        f"column {column.name!r} ({type(value).__name__})"
        for column, value in zip(columns, values, strict=True)
        if type(value) not in _PLAIN
    )


class _Tally:
    """What passes on its way into the file."""

    def __init__(self, keys: Sequence[Column], columns: Sequence[Column]) -> None:
        self.digest = ContentDigest(keys, columns)
        self.rows = 0
        self.distinct_keys = 0
        self.beyond_limit = 0

    def grouped(self, entries: list[_Entry]) -> Iterator[_Entry]:
        """The rows of each key joined to one value, as a msgpack array of rows."""
        for key, group in itertools.groupby(entries, key=itemgetter(0)):
            rows = [row for _, row in group]
            kept = rows[:MOST_ROWS_PER_KEY]
            value = _array_header(len(kept)) + b"".join(kept)
            self.rows += len(kept)
            self.distinct_keys += 1
            self.beyond_limit += len(rows) - len(kept)
            self.digest.add(key, value)
            yield key, value


def _array_header(length: int) -> bytes:
    return bytes([0x90 | length]) if length < 16 else b"\xdc" + length.to_bytes(2, "big")


def _write(folder: Path, entries: list[_Entry], tally: _Tally) -> None:
    draft = folder / "draft"
    draft.mkdir()
    # Never `writemap`: it would make the file as large as the map. No sync here: the draft is thrown away.
    with lmdb.open(
        str(draft), map_size=_room_for(entries), lock=False, sync=False, metasync=False, max_dbs=0
    ) as environment:
        grouped = tally.grouped(entries)
        while batch := list(itertools.islice(grouped, _BATCH)):
            with environment.begin(write=True) as transaction, transaction.cursor() as cursor:
                _, added = cursor.putmulti(batch, append=True)
                if added != len(batch):
                    raise Invalid(f"lookup {folder.name!r} could not take all its keys")
        environment.copy(str(folder), compact=True)
    shutil.rmtree(draft)


def _room_for(entries: list[_Entry]) -> int:
    """Bytes that surely suffice for the draft's file; it only grows as it is filled."""
    content = 0
    for key, row in entries:
        size = len(key) + len(row) + 16
        # Pages are at least half full; a row too large for half a page takes pages of its own.
        content += 3 * size if size < 2_000 else size + 3 * _PAGE_BYTES
    megabytes = (content >> 20) + 2
    return megabytes << 20
