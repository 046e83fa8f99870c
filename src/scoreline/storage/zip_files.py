"""Zip archives: written the same way every time, and read without trusting a byte of them."""

from __future__ import annotations

import contextlib
import os
import re
import stat
import struct
import unicodedata
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from scoreline.errors import Invalid, NotFound
from scoreline.storage.atomic import new_file

_CHUNK = 1 << 20
_EPOCH = (1980, 1, 1, 0, 0, 0)
_END = struct.Struct("<4s4H2LH")
_END_LONGEST = _END.size + 0xFFFF
_DEVICE = re.compile(r"(con|prn|aux|nul|conin\$|conout\$|com[0-9¹²³]|lpt[0-9¹²³])(\..*)?", re.IGNORECASE)
_ENCRYPTED = 0x1 | 0x40 | 0x2000
# What zipfile and zlib raise on bytes that are not a sound archive.
_UNSOUND = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    NotImplementedError,
    RuntimeError,
    ValueError,
)


@dataclass(frozen=True)
class ZipLimits:
    """What an archive may hold at most; whoever reads one says so."""

    entries: int = 10_000
    entry_bytes: int = 2 << 30
    """Unpacked size of one file."""
    total_bytes: int = 4 << 30
    """Unpacked size of all files together."""


def write_zip(folder: Path, names: Sequence[str], target: Path, *, compress: bool = True) -> None:
    """Write the files `names` of `folder` (relative, forward slashes) as the archive `target`.

    The same files give the same bytes: sorted, no times, no permissions. `target` is replaced whole.
    """
    method = zipfile.ZIP_DEFLATED if compress else zipfile.ZIP_STORED
    with new_file(target) as file, zipfile.ZipFile(file, "w") as archive:
        for name in sorted(names):
            entry = zipfile.ZipInfo(name, date_time=_EPOCH)
            entry.compress_type = method
            entry.create_system = 3
            entry.external_attr = (stat.S_IFREG | 0o644) << 16
            entry.file_size = (folder / name).stat().st_size
            with (folder / name).open("rb") as source, archive.open(entry, "w") as sink:
                for chunk in _chunks(source):
                    sink.write(chunk)


class CheckedZip:
    """An archive whose every entry is harmless by name, size and kind. Its content may still be damaged."""

    def __init__(self, source: Path, archive: zipfile.ZipFile, files: list[zipfile.ZipInfo]) -> None:
        self.sizes = {entry.filename: entry.file_size for entry in files}
        """Unpacked size by name of file."""
        self._source = source
        self._archive = archive
        self._files = {entry.filename: entry for entry in files}

    def read(self, name: str) -> bytes:
        """The content of one file, which must be in `sizes`. Raises Invalid when it is damaged."""
        with _translated(self._source), self._archive.open(self._files[name]) as file:
            content = file.read(self.sizes[name] + 1)
        if len(content) != self.sizes[name]:
            raise _damaged(self._source)
        return content

    def unpack(self, folder: Path) -> None:
        """Write all files into the empty folder `folder`, a draft: damage shows only on the way."""
        with _translated(self._source):
            for entry in self._files.values():
                _unpack(self._archive, entry, folder / entry.filename)


@contextlib.contextmanager
def checked_zip(source: Path, limits: ZipLimits) -> Iterator[CheckedZip]:
    """Open the archive `source` and check its table of contents. Raises Invalid (code `bad-archive`)."""
    try:
        file = source.open("rb")
    except FileNotFoundError as error:
        raise NotFound(f"there is no archive {source.name!r}") from error
    with contextlib.ExitStack() as stack:
        stack.enter_context(file)
        with _translated(source):
            _check_directory_size(file, limits)
            archive = stack.enter_context(zipfile.ZipFile(file))
            files = _check_entries(archive.infolist(), file.seek(0, os.SEEK_END), limits)
        yield CheckedZip(source, archive, files)


def extract_zip(source: Path, folder: Path, limits: ZipLimits) -> list[str]:
    """Unpack the archive `source` into the empty folder `folder`; give the sorted names of its files.

    Every name, size and kind is checked before the first byte is written. Damage inside an entry shows only
    while it is unpacked, so give a draft folder (`atomic.new_folder`). Raises Invalid (code `bad-archive`).
    """
    with checked_zip(source, limits) as archive:
        archive.unpack(folder)
        return sorted(archive.sizes)


@contextlib.contextmanager
def _translated(source: Path) -> Iterator[None]:
    try:
        yield
    except _UNSOUND as error:
        raise _damaged(source) from error


def _damaged(source: Path) -> Invalid:
    return _bad(f"{source.name!r} is damaged or not a zip archive")


def _bad(message: str) -> Invalid:
    return Invalid(message, code="bad-archive")


def _chunks(source: BinaryIO) -> Iterator[bytes]:
    while chunk := source.read(_CHUNK):
        yield chunk


def _check_directory_size(file: BinaryIO, limits: ZipLimits) -> None:
    """Refuse a huge table of contents before zipfile reads it into memory."""
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - _END_LONGEST - 20))
    tail = file.read()
    at = len(tail) - _END.size
    if tail[at : at + 4] != b"PK\5\6" or tail[-2:] != b"\0\0":
        at = tail.rfind(b"PK\5\6")
    if at < 0:
        raise zipfile.BadZipFile
    if tail[max(0, at - 20) : at][:4] == b"PK\6\7":
        raise _bad("the archive is of the zip64 kind, which is not read here; make it smaller than 4 GB")
    directory_bytes = _END.unpack_from(tail, at)[5]
    if directory_bytes > limits.entries * 1_200:
        raise _bad(f"the archive has more than {limits.entries} entries")
    if directory_bytes > size - len(tail) + at:
        raise zipfile.BadZipFile  # it would begin before the file does, and zipfile would seek there
    file.seek(0)


def _check_entries(
    entries: list[zipfile.ZipInfo], archive_bytes: int, limits: ZipLimits
) -> list[zipfile.ZipInfo]:
    """The entries that are files, once all are known to be harmless."""
    if len(entries) > limits.entries:
        raise _bad(f"the archive has more than {limits.entries} entries")
    for entry in entries:
        _check_name(entry)
        _check_kind(entry)
        if entry.file_size > limits.entry_bytes:
            raise _bad(f"{_shown(entry)} is larger than {limits.entry_bytes:,} bytes when unpacked")
    if sum(entry.file_size for entry in entries) > limits.total_bytes:
        raise _bad(f"the archive is larger than {limits.total_bytes:,} bytes when unpacked")
    if not all(0 <= entry.header_offset < archive_bytes for entry in entries):
        raise zipfile.BadZipFile
    if sum(entry.compress_size for entry in entries) > archive_bytes:
        raise _bad("entries of the archive overlap")
    _check_distinct(entries)
    return [entry for entry in entries if not entry.is_dir()]


def _check_name(entry: zipfile.ZipInfo) -> None:
    name = entry.filename
    parts = name.removesuffix("/").split("/")
    if entry.orig_filename != name or "\\" in name or ":" in name or not name.isprintable():
        raise _bad(f"{_shown(entry)} has characters that a file name in an archive must not have")
    if any(part in ("", ".", "..") for part in parts):
        raise _bad(f"{_shown(entry)} leads out of the archive's folder")
    if len(name.encode()) > 1_000 or any(len(part.encode()) > 255 for part in parts):
        raise _bad(f"{_shown(entry)} is too long for a file name")
    if any(_DEVICE.fullmatch(part) or part[-1] in ". " for part in parts):
        raise _bad(f"{_shown(entry)} is not a file name on every system")


def _check_kind(entry: zipfile.ZipInfo) -> None:
    if entry.flag_bits & _ENCRYPTED:
        raise _bad(f"{_shown(entry)} is encrypted")
    if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise _bad(f"{_shown(entry)} is packed in a way that is not read here")
    kind = stat.S_IFMT(entry.external_attr >> 16)
    if kind not in (0, stat.S_IFDIR if entry.is_dir() else stat.S_IFREG):
        raise _bad(f"{_shown(entry)} is a link or a device, not a file")
    if entry.is_dir() and (entry.file_size or entry.compress_size):
        raise _bad(f"{_shown(entry)} is a folder with content of its own")


def _check_distinct(entries: list[zipfile.ZipInfo]) -> None:
    """No two entries may become one file on any file system, and no file may be a folder as well."""
    files: set[str] = set()
    folders: dict[str, str] = {}
    for entry in entries:
        parts = entry.filename.removesuffix("/").split("/")
        inner = len(parts) if entry.is_dir() else len(parts) - 1
        for depth in range(1, inner + 1):
            path = "/".join(parts[:depth])
            if folders.setdefault(_folded(path), path) != path:
                raise _bad(f"{_shown(entry)} is in the archive twice, spelled differently")
        if not entry.is_dir():
            if _folded(entry.filename) in files:
                raise _bad(f"{_shown(entry)} is in the archive twice")
            files.add(_folded(entry.filename))
    for both in files & folders.keys():
        raise _bad(f"{folders[both]!r} is both a file and a folder in the archive")


def _folded(path: str) -> str:
    return unicodedata.normalize("NFC", path).casefold()


def _unpack(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    written = 0
    with archive.open(entry) as source, target.open("xb") as sink:
        while chunk := source.read(_CHUNK):
            written += len(chunk)
            if written > entry.file_size:
                raise zipfile.BadZipFile
            sink.write(chunk)
    if written != entry.file_size:
        raise zipfile.BadZipFile


def _shown(entry: zipfile.ZipInfo) -> str:
    name = entry.orig_filename
    return repr(name if len(name) <= 80 else name[:80] + "…")
