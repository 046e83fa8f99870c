"""The structure of an LMDB file, checked before LMDB maps it.

LMDB trusts its file: most of its builds (py-lmdb before 3.0, those of operating systems) crash on a bad one.

Layout (LMDB 0.9, data version 1, in the byte order of the machine): pages of equal size; pages 0 and 1 are
meta pages, the one with the later transaction counts and names the root page of a B-tree.

    page   number u64, pad u16, flags u16, lower u16, upper u16, then u16 offsets of its nodes up to `lower`
    node   low u16, high u16, flags u16, key size u16, key, then data
           in a leaf low and high are the data's size, in a branch low, high and flags are a page number
"""

from __future__ import annotations

import os
import struct
import time
from dataclasses import dataclass
from pathlib import Path

from scoreline.errors import Invalid
from scoreline.lookups.keys import LONGEST

_PAGE = struct.Struct("=QHHHH")
_META = struct.Struct("=IIQQ")
_TREE = struct.Struct("=IHHQQQQQ")
_LAST = struct.Struct("=QQ")
_META_BYTES = _PAGE.size + _META.size + 2 * _TREE.size + _LAST.size

_MAGIC = 0xBEEFC0DE
_DATA_VERSION = 1
_BRANCH, _LEAF, _OVERFLOW, _META_FLAG = 1, 2, 4, 8
_INTEGER_KEYS = 8
_BIG_DATA = 1
_NO_PAGE = (1 << 64) - 1
_DEEPEST = 24
_PAGE_SIZES = {1 << power for power in range(9, 16)}


@dataclass(frozen=True)
class Header:
    """What the meta pages of a sound file say."""

    page_bytes: int
    pages: int
    depth: int
    entries: int
    root: int | None
    """None: no entries."""


def read_header(path: Path) -> Header:
    """Check the meta pages of an LMDB file against each other and against the file's size.

    Raises Invalid (code `damaged-lookup`). A file that passes can be opened; `check_pages` makes sure that
    reading it is safe too.
    """
    try:
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            first, first_transaction = _read_meta(file.read(_META_BYTES))
            file.seek(first.page_bytes)
            second, second_transaction = _read_meta(file.read(_META_BYTES))
    except OSError as error:
        raise _damaged(f"it cannot be read ({error.strerror})") from error
    if first.page_bytes != second.page_bytes:
        raise _damaged("its two headers differ")
    if max(first.pages, second.pages) * first.page_bytes > size:
        raise _damaged("it is shorter than its header says")
    return first if first_transaction >= second_transaction else second


def check_pages(path: Path) -> Header:
    """Walk the whole tree of an LMDB file and check everything that LMDB would follow without looking.

    About 0.5 s a million rows; gives way to other threads after each page. Raises Invalid (code
    `damaged-lookup`).
    """
    header = read_header(path)
    with path.open("rb", buffering=0) as file:
        _Walk(file.fileno(), header).check()
    return header


def _read_meta(data: bytes) -> tuple[Header, int]:
    """The header in one meta page, and the transaction that wrote it."""
    if len(data) < _META_BYTES:
        raise _damaged("it is too short")
    _, _, flags, _, _ = _PAGE.unpack_from(data, 0)
    magic, version, address, _ = _META.unpack_from(data, 16)
    page_bytes, free_flags, *_, free_root = _TREE.unpack_from(data, 40)
    _, tree_flags, depth, _, _, _, entries, root = _TREE.unpack_from(data, 88)
    last_page, transaction = _LAST.unpack_from(data, 136)
    if flags != _META_FLAG or magic != _MAGIC or version != _DATA_VERSION:
        raise _damaged("it has no header that is known")
    if page_bytes not in _PAGE_SIZES or address or free_flags != _INTEGER_KEYS or free_root != _NO_PAGE:
        raise _damaged("its header is wrong")
    empty = root == _NO_PAGE
    if tree_flags or depth > _DEEPEST or (not empty and not 2 <= root <= last_page) or last_page >= 1 << 48:
        raise _damaged("its header is wrong")
    return Header(page_bytes, last_page + 1, depth, entries, None if empty else root), transaction


class _Walk:
    """One walk over the tree."""

    def __init__(self, descriptor: int, header: Header) -> None:
        self._descriptor = descriptor
        self._header = header
        self._seen = bytearray(header.pages)
        self._entries = 0

    def check(self) -> None:
        waiting = [] if self._header.root is None else [(self._header.root, 1)]
        while waiting:
            number, depth = waiting.pop()
            children = self._check_page(number, depth)
            waiting.extend((child, depth + 1) for child in children)
            time.sleep(0)
        if self._entries != self._header.entries:
            raise _damaged("it does not hold as many entries as its header says")

    def _read(self, number: int) -> bytes:
        page_bytes = self._header.page_bytes
        page = os.pread(self._descriptor, page_bytes, number * page_bytes)
        if len(page) < page_bytes:
            raise _damaged("it is too short")
        return page

    def _visit(self, number: int, count: int = 1) -> None:
        """Every page belongs to one place of the tree."""
        if number < 2 or number + count > self._header.pages or any(self._seen[number : number + count]):
            raise _damaged(f"page {number} is not where it should be")
        self._seen[number : number + count] = b"\1" * count

    def _check_page(self, number: int, depth: int) -> list[int]:
        """Check one page; give the pages below it."""
        self._visit(number)
        page_bytes = self._header.page_bytes
        page = self._read(number)
        own_number, _, flags, lower, upper = _PAGE.unpack_from(page)
        if own_number != number or lower % 2 or not _PAGE.size <= lower <= upper <= page_bytes:
            raise _damaged(f"page {number} is wrong")
        words = memoryview(page).cast("H")
        offsets = words[8 : lower // 2].tolist()
        if any(at % 2 or not upper <= at <= page_bytes - 8 for at in offsets):
            raise _damaged(f"page {number} is wrong")
        if flags == _LEAF and depth == self._header.depth and offsets:
            self._check_leaf(number, page, words, offsets)
            return []
        if flags == _BRANCH and depth < self._header.depth and len(offsets) > 1:
            return self._branches(number, words, offsets)
        raise _damaged(f"page {number} is of the wrong kind")

    def _check_leaf(self, number: int, page: bytes, words: memoryview, offsets: list[int]) -> None:
        page_bytes = self._header.page_bytes
        for at in offsets:
            node = at >> 1
            size = words[node] | words[node + 1] << 16
            flags = words[node + 2]
            key_size = words[node + 3]
            inside = 8 if flags else size
            if flags > _BIG_DATA or not 0 < key_size <= LONGEST or at + 8 + key_size + inside > page_bytes:
                raise _damaged(f"page {number} is wrong")
            if flags:
                (overflow,) = struct.unpack_from("=Q", page, at + 8 + key_size)
                self._check_overflow(overflow, size)
        self._entries += len(offsets)

    def _check_overflow(self, number: int, size: int) -> None:
        page_bytes = self._header.page_bytes
        count = -(-(_PAGE.size + size) // page_bytes)
        self._visit(number, count)
        own_number, _, flags, low, high = _PAGE.unpack_from(self._read(number))
        if own_number != number or flags != _OVERFLOW or low | high << 16 != count:
            raise _damaged(f"page {number} is of the wrong kind")

    def _branches(self, number: int, words: memoryview, offsets: list[int]) -> list[int]:
        children = []
        for position, at in enumerate(offsets):
            node = at >> 1
            key_size = words[node + 3]
            # The first key of a branch is empty: everything smaller than the second goes there.
            if key_size > LONGEST or (position and not key_size) or at + 8 + key_size > words.nbytes:
                raise _damaged(f"page {number} is wrong")
            children.append(words[node] | words[node + 1] << 16 | words[node + 2] << 32)
        return children


def _damaged(why: str) -> Invalid:
    return Invalid(
        f"the lookup file data.mdb is damaged: {why}; make the package again", code="damaged-lookup"
    )
