"""Archives are the same for the same files, and a hostile one is refused before a byte is written."""

from __future__ import annotations

import copy
import os
import stat
import struct
import zipfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scoreline.errors import Invalid, NotFound
from scoreline.storage.zip_files import ZipLimits, extract_zip, write_zip

LIMITS = ZipLimits(entries=100, entry_bytes=1_000_000, total_bytes=2_000_000)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return tmp_path / "in.zip"


@pytest.fixture
def target(tmp_path: Path) -> Path:
    (tmp_path / "out").mkdir()
    return tmp_path / "out"


def make(
    source: Path, *entries: str | zipfile.ZipInfo, data: bytes = b"x", method: int = zipfile.ZIP_DEFLATED
) -> None:
    with zipfile.ZipFile(source, "w", method) as archive:
        for entry in entries:
            archive.writestr(entry, data)


def entry(name: str, mode: int = stat.S_IFREG | 0o644) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    info.external_attr = mode << 16
    info.create_system = 3
    return info


def refused(source: Path, target: Path, limits: ZipLimits = LIMITS) -> str:
    with pytest.raises(Invalid) as caught:
        extract_zip(source, target, limits)
    assert caught.value.code == "bad-archive"
    assert not list(target.parent.glob("*.txt"))
    return caught.value.message


def refused_untouched(source: Path, target: Path, limits: ZipLimits = LIMITS) -> str:
    message = refused(source, target, limits)
    assert list(target.iterdir()) == []
    return message


def test_the_same_files_give_the_same_bytes_and_come_back(tmp_path: Path, target: Path) -> None:
    for name, text in {"b/c/ü.txt": "text" * 1000, "a.txt": "", "z": "\r\n"}.items():
        path = tmp_path / "files" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode())
    names = ["z", "b/c/ü.txt", "a.txt"]
    for compress in (True, False):
        write_zip(tmp_path / "files", names, tmp_path / "1.zip", compress=compress)
        for name in names:
            (tmp_path / "files" / name).chmod(0o700)
            os.utime(tmp_path / "files" / name, (1, 2))
        write_zip(tmp_path / "files", sorted(names), tmp_path / "2.zip", compress=compress)

        assert (tmp_path / "1.zip").read_bytes() == (tmp_path / "2.zip").read_bytes()

    assert extract_zip(tmp_path / "1.zip", target, LIMITS) == sorted(names)
    for name in names:
        assert (target / name).read_bytes() == (tmp_path / "files" / name).read_bytes()
        assert stat.S_IMODE((target / name).stat().st_mode) & 0o111 == 0


def test_an_archive_that_cannot_be_written_whole_leaves_the_old_one(tmp_path: Path) -> None:
    (tmp_path / "out.zip").write_bytes(b"old")

    with pytest.raises(FileNotFoundError):
        write_zip(tmp_path, ["missing"], tmp_path / "out.zip")

    assert [path.name for path in tmp_path.iterdir()] == ["out.zip"]
    assert (tmp_path / "out.zip").read_bytes() == b"old"


@pytest.mark.parametrize(
    "name",
    [
        "../x.txt", "a/../../x.txt", "/x.txt", "//x.txt", "a//x.txt", "./x.txt", "a/./x.txt", "..", ".",
        "C:/x.txt", "a:b", "a\\b", "..\\x.txt", "a\nb", "a\x7fb", "a\u202eb", "con", "a/NUL.txt",
        "com1", "x.", "x ", "a" * 256, "a/" * 600 + "x", "",
    ],
)  # fmt: skip
def test_a_name_that_leads_elsewhere_is_refused(source: Path, target: Path, name: str) -> None:
    make(source, "fine.txt", entry(name))

    refused_untouched(source, target)


def test_a_name_with_a_hidden_end_is_refused(source: Path, target: Path) -> None:
    make(source, "fine.txt", "evil.txtX.png")
    source.write_bytes(source.read_bytes().replace(b"evil.txtX.png", b"evil.txt\0.png"))

    refused_untouched(source, target)


@pytest.mark.parametrize(
    "kind", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR, stat.S_IFBLK, stat.S_IFSOCK, stat.S_IFDIR]
)
def test_a_link_or_a_device_is_refused(source: Path, target: Path, kind: int) -> None:
    make(source, "fine.txt", entry("x", kind | 0o777), data=b"/etc/passwd")

    assert "link or a device" in refused_untouched(source, target)


@pytest.mark.parametrize(
    "names",
    [
        ("a.txt", "a.txt"),
        ("a.txt", "A.TXT"),
        ("caf\u00e9", "cafe\u0301"),
        ("a", "a/b"),
        ("a/b", "a"),
        ("A/b", "a/c"),
        ("stra\u00dfe", "STRASSE"),
    ],
)
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_two_entries_for_one_file_are_refused(source: Path, target: Path, names: tuple[str, str]) -> None:
    make(source, *names)

    refused_untouched(source, target)


def test_folders_without_content_are_fine(source: Path, target: Path) -> None:
    with zipfile.ZipFile(source, "w") as archive:
        archive.mkdir("a")
        archive.writestr("a/b.txt", "x")

    assert extract_zip(source, target, LIMITS) == ["a/b.txt"]


def test_a_bomb_is_refused_by_what_it_declares(source: Path, target: Path) -> None:
    make(source, "one", data=b"\0" * 1_000_001)
    assert "larger than 1,000,000 bytes" in refused_untouched(source, target)

    make(source, "one", "two", "three", data=b"\0" * 900_000)
    assert "larger than 2,000,000 bytes" in refused_untouched(source, target)

    make(source, *(f"n{n}" for n in range(101)))
    assert "more than 100 entries" in refused_untouched(source, target)


def test_a_bomb_that_lies_about_its_size_is_stopped(source: Path, target: Path) -> None:
    make(source, "bomb", data=b"\0" * 50_000_000)
    real, told = struct.pack("<L", 50_000_000), struct.pack("<L", 10)
    data = source.read_bytes()
    assert data.count(real) == 2
    source.write_bytes(data.replace(real, told))

    assert "damaged" in refused(source, target)
    assert sum(path.stat().st_size for path in target.rglob("*")) <= 10


def test_entries_that_share_their_bytes_are_refused(source: Path, target: Path) -> None:
    with zipfile.ZipFile(source, "w") as archive:
        archive.writestr("n0", os.urandom(10_000))
        for number in range(1, 50):
            twin = copy.copy(archive.filelist[0])
            twin.filename = f"n{number}"
            archive.filelist.append(twin)

    assert "overlap" in refused_untouched(source, target)


def test_a_huge_table_of_contents_is_refused_unread(source: Path, target: Path) -> None:
    make(source, "a")
    data = bytearray(source.read_bytes())
    data[-10:-6] = struct.pack("<L", 4_000_000_000)
    source.write_bytes(data)

    assert "more than 100 entries" in refused_untouched(source, target)


@pytest.mark.parametrize("at", [-10, -6])
def test_a_table_of_contents_that_leads_before_the_archive_is_refused(
    source: Path, target: Path, at: int
) -> None:
    """By its size (twelve bytes from the end) or by the place of its beginning."""
    make(source, "a")
    data = bytearray(source.read_bytes())
    data[at : at + 4] = struct.pack("<L", 100_000)
    source.write_bytes(data)

    assert "damaged" in refused_untouched(source, target)


def test_an_encrypted_entry_is_refused(source: Path, target: Path) -> None:
    make(source, "secret")
    data = bytearray(source.read_bytes())
    data[6] |= 1
    data[data.find(b"PK\1\2") + 8] |= 1
    source.write_bytes(data)

    assert "encrypted" in refused_untouched(source, target)


def test_an_unusual_compression_is_refused(source: Path, target: Path) -> None:
    make(source, "a", method=zipfile.ZIP_BZIP2)

    assert "packed in a way" in refused_untouched(source, target)


def test_what_is_no_archive_is_refused(source: Path, target: Path) -> None:
    for data in (b"", b"PK", b"not an archive at all", b"PK\5\6" + b"\0" * 10, os.urandom(1000)):
        source.write_bytes(data)
        refused_untouched(source, target)
    with pytest.raises(NotFound, match=r"there is no archive 'none\.zip'"):
        extract_zip(source.with_name("none.zip"), target, LIMITS)


def test_an_archive_with_a_comment_as_code_hosts_write_is_read(source: Path, target: Path) -> None:
    make(source, "a.txt")
    with zipfile.ZipFile(source, "a") as archive:
        archive.comment = b"0123456789abcdef0123456789abcdef01234567"

    assert extract_zip(source, target, LIMITS) == ["a.txt"]


@settings(max_examples=150, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_damage_anywhere_is_noticed_or_harmless(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("damage")
    contents = {"a.txt": b"hello " * 50, "b/c.txt": bytes(range(256))}
    for name, content in contents.items():
        (folder / "files" / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / "files" / name).write_bytes(content)
    write_zip(folder / "files", list(contents), folder / "x.zip")
    damaged = bytearray((folder / "x.zip").read_bytes())
    for _ in range(data.draw(st.integers(1, 3))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] ^= data.draw(st.integers(1, 255))
    cut = data.draw(st.just(len(damaged)) | st.integers(0, len(damaged) - 1))
    (folder / "x.zip").write_bytes(damaged[:cut])
    (folder / "out").mkdir()

    try:
        names = extract_zip(folder / "x.zip", folder / "out", LIMITS)
    except Invalid:
        return

    found = [path for path in (folder / "out").rglob("*") if path.is_file()]
    assert sorted(path.relative_to(folder / "out").as_posix() for path in found) == names
    assert {path.read_bytes() for path in found} <= set(contents.values())
    assert sorted(path.name for path in folder.iterdir()) == ["files", "out", "x.zip"]
