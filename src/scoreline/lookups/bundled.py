"""Bundled lookups: the rows of a dataset by key, in a file that travels in the package.

A lookup is a folder: `data.mdb` (LMDB, sorted keys, each with its rows as msgpack) and `lookup.json`. It is
mapped into memory, so that all processes of a machine share one copy, and a process keeps one mapping of a
file however often it is opened.
"""

from __future__ import annotations

import hashlib
import threading
import time
import weakref
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, cast

import lmdb
import msgspec
from msgspec import Struct

from scoreline.core.package import Manifest
from scoreline.core.schema import Column, ColumnType
from scoreline.errors import Invalid, NotFound, Unavailable
from scoreline.lookups.keys import LONGEST, KeyEncoder, key_encoder
from scoreline.lookups.pages import check_pages, read_header

FORMAT = 1
"""The lookup format written today."""

MOST_ROWS_PER_KEY = 100
"""So many rows of one key are kept: enough to say "several", and a query stays quick whatever the data."""

DATA_FILE = "data.mdb"
INFO_FILE = "lookup.json"

# What reading damaged bytes raises.
_UNREADABLE = (lmdb.Error, msgspec.MsgspecError, UnicodeDecodeError, RecursionError)

Row = tuple[object, ...]
"""Values in the order of `columns`: str, int, float, bool, None; dates as ISO 8601 text."""
Find = Callable[[tuple[object, ...]], Sequence[Row]]
FindRow = Callable[[object], "Row | None"]
Get = Callable[[bytes], "bytes | None"]
Decode = Callable[[bytes], "tuple[Row, ...]"]


class LookupInfo(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is in a lookup."""

    format: int
    keys: tuple[Column, ...]
    columns: tuple[Column, ...]
    rows: int
    """Rows that can be found."""
    distinct_keys: int
    without_key: int = 0
    """Rows of the dataset left out because a part of their key is missing."""
    beyond_limit: int = 0
    """Rows left out because their key has more than MOST_ROWS_PER_KEY."""
    digest: str
    """SHA-256 over keys, columns and rows, independent of the file's layout."""


class ContentDigest:
    """The digest of a lookup's content, fed with its entries in the order of their keys."""

    def __init__(self, keys: Sequence[Column], columns: Sequence[Column]) -> None:
        self._hash = hashlib.sha256(msgspec.json.encode([FORMAT, keys, columns]))

    def add(self, key: bytes, rows: bytes) -> None:
        """One entry: the key's bytes and its encoded rows."""
        self._hash.update(b"%d %d " % (len(key), len(rows)))
        self._hash.update(key)
        self._hash.update(rows)

    def hexdigest(self) -> str:
        """Lower-case hexadecimal."""
        return self._hash.hexdigest()


class BundledLookup:
    """An open lookup. Threads may share it. It lets go of its file when closed, or when nothing holds it."""

    __slots__ = (
        "__weakref__",
        "_find",
        "close",
        "columns",
        "distinct_keys",
        "find_row",
        "keys",
        "rows",
    )

    def __init__(self, info: LookupInfo, shared: _SharedFile) -> None:
        self.keys = tuple(column.name for column in info.keys)
        self.columns = tuple(column.name for column in info.columns)
        self.rows = info.rows
        self.distinct_keys = info.distinct_keys
        types = [column.type for column in info.keys]
        decode = _row_decoder(len(info.columns))
        self._find = _make_find(key_encoder(types), shared.get, decode)
        # Not a method: what a query calls should not look up what it needs. It does not hold the lookup.
        self.find_row: FindRow = (
            _make_find_text_row(self._find, shared.get, decode)
            if types == [ColumnType.STRING]
            else _make_find_row(self._find)
        )
        """The row of a key of one column when it has just one; None: `find` says what there is. To be used
        while the lookup is held only."""
        self.close: Callable[[], object] = weakref.finalize(self, shared.release)
        """Let go of the file. A second call does nothing."""

    @classmethod
    def open(cls, folder: Path) -> BundledLookup:
        """Open the lookup in `folder`.

        Raises NotFound, or Invalid (codes `newer-format`, `damaged-lookup`). What comes from strangers goes
        through `verify_lookup` once before.
        """
        info = read_info(folder)
        return cls(info, _share(folder / DATA_FILE))

    def find(self, key: tuple[object, ...]) -> Sequence[Row]:
        """The rows of a key (one value per key column, in order): none, one, or several in dataset order.

        A missing value, or one that cannot be of its column's type, finds nothing.
        """
        return self._find(key)


def read_info(folder: Path) -> LookupInfo:
    """What is in the lookup of a folder. Raises NotFound, Invalid."""
    try:
        data = (folder / INFO_FILE).read_bytes()
    except FileNotFoundError as error:
        raise NotFound(f"there is no lookup in {folder.name!r}") from error
    try:
        written_format = msgspec.json.decode(data, type=_Format).format
        if written_format > FORMAT:
            raise Invalid(
                f"lookup {folder.name!r} has format {written_format}, this program reads up to {FORMAT}: "
                "upgrade it",
                code="newer-format",
            )
        info = msgspec.json.decode(data, type=LookupInfo)
    except _UNREADABLE as error:
        raise Invalid(
            f"{INFO_FILE} of lookup {folder.name!r} is wrong: {error}", code="damaged-lookup"
        ) from None
    if not info.keys:
        raise Invalid(f"{INFO_FILE} of lookup {folder.name!r} names no key", code="damaged-lookup")
    return info


def verify_lookup(folder: Path) -> LookupInfo:
    """Check every page and every row of a lookup that comes from a stranger, before it is opened for queries.

    About 2 s a million rows; gives way to other threads. Raises NotFound, or Invalid (code `damaged-lookup`).
    """
    info = read_info(folder)
    check_pages(folder / DATA_FILE)
    decode = _row_decoder(len(info.columns))
    digest = ContentDigest(info.keys, info.columns)
    shared = _share(folder / DATA_FILE)
    rows = entries = 0
    try:
        for key, value in shared.entries():
            rows += len(decode(value))
            digest.add(key, value)
            entries += 1
            if entries % 64 == 0:
                time.sleep(0)
    except _UNREADABLE as error:
        raise Invalid(f"a row of lookup {folder.name!r} is damaged", code="damaged-lookup") from error
    finally:
        shared.release()
    if (rows, entries, digest.hexdigest()) != (info.rows, info.distinct_keys, info.digest):
        raise Invalid(f"lookup {folder.name!r} does not hold what {INFO_FILE} says", code="damaged-lookup")
    return info


def verify_lookups(package: Path, manifest: Manifest) -> None:
    """Check every page and row of all lookups in a package folder, and that they are what its manifest says.

    To be given to `extract_archive` as its `check` where packages of strangers are taken. Raises Invalid.
    """
    for name, packaged in manifest.lookups.items():
        info = verify_lookup(package / "lookups" / name)
        if (info.rows, info.digest) != (packaged.rows, packaged.digest):
            raise Invalid(
                f"lookup {name!r} does not hold the rows that the manifest says", code="damaged-lookup"
            )


class _Format(Struct):
    format: int


def _make_find(encode: KeyEncoder, get: Get, decode: Decode) -> Find:
    def find(key: tuple[object, ...]) -> Sequence[Row]:
        encoded = encode(key)
        if encoded is None:
            return ()
        try:
            found = get(encoded)
            return () if found is None else decode(found)
        except _UNREADABLE as error:
            raise _unreadable() from error

    return find


def _make_find_row(find: Find) -> FindRow:
    def find_row(value: object) -> Row | None:
        rows = find((value,))
        return rows[0] if len(rows) == 1 else None

    return find_row


def _make_find_text_row(find: Find, get: Get, decode: Decode) -> FindRow:
    def find_row(value: object) -> Row | None:
        # The usual key is its own bytes.
        if type(value) is str and value.isascii() and 0 < len(value) <= LONGEST and not value.isspace():
            try:
                found = get(value.encode())
                rows: Sequence[Row] = () if found is None else decode(found)
            except _UNREADABLE as error:
                raise _unreadable() from error
        else:
            rows = find((value,))
        return rows[0] if len(rows) == 1 else None

    return find_row


def _unreadable() -> Unavailable:
    return Unavailable("the lookup cannot be read: it is closed or damaged")


def _row_decoder(width: int) -> Decode:
    row = tuple.__class_getitem__((str | int | float | bool | None,) * width) if width else tuple[()]
    decoder = msgspec.msgpack.Decoder(tuple[row, ...])  # type: ignore[valid-type]
    return cast(Decode, decoder.decode)


class _SharedFile:
    """One mapping of one file in this process, counted: LMDB must not open a file twice in a process."""

    def __init__(self, path: Path, identity: tuple[int, int]) -> None:
        read_header(path)
        self._identity = identity
        self.users = 1
        try:
            self._environment = lmdb.open(
                str(path),
                map_size=path.stat().st_size,
                subdir=False,
                readonly=True,
                create=False,
                lock=False,
                readahead=False,
                max_dbs=0,
            )
            self._transaction = self._environment.begin()
        except lmdb.Error as error:
            raise Unavailable(f"the lookup file {path.name} cannot be opened: {error}") from error
        self.get: Get = self._transaction.get

    def entries(self) -> Any:
        """All keys and values, sorted by key."""
        with self._transaction.cursor() as cursor:
            yield from cursor

    def retain(self) -> bool:
        """One user more, unless the file is closed already."""
        if self.users == 0:
            return False
        self.users += 1
        return True

    def release(self) -> None:
        """One user less; the last one closes the file."""
        with _LOCK:
            self.users -= 1
            if self.users == 0:
                _SHARED.pop(self._identity)
                self._transaction.abort()
                self._environment.close()


# Re-entrant: a lookup that became unreachable may be released while this thread opens another.
_LOCK = threading.RLock()
_SHARED: dict[tuple[int, int], _SharedFile] = {}


def _share(path: Path) -> _SharedFile:
    try:
        status = path.stat()
    except FileNotFoundError as error:
        raise NotFound(f"there is no {path.name} in lookup {path.parent.name!r}") from error
    identity = (status.st_dev, status.st_ino)
    with _LOCK:
        shared = _SHARED.get(identity)
        if shared is None or not shared.retain():
            shared = _SHARED[identity] = _SharedFile(path, identity)
    return shared
