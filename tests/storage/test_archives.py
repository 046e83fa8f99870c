"""A package archive is taken whole or refused before anything of it appears."""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
import struct
import subprocess
import sys
import warnings
import zipfile
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scoreline.core.lookup import Lookup, LookupColumn, LookupKey
from scoreline.core.package import FORMAT, Manifest, PackagedLookup, content_digest, lookup_id
from scoreline.core.schema import Column, ColumnType
from scoreline.core.service import LookupEndpoint, PredictionEndpoint, Service
from scoreline.errors import Conflict, Invalid, NotFound, Unavailable
from scoreline.lookups.building import build_lookup
from scoreline.storage.archives import (
    PackageLimits,
    extract_archive,
    file_entries,
    read_archive,
    verify_folder,
    write_archive,
    write_manifest,
)
from scoreline.storage.zip_files import ZipLimits

MERCHANTS = Lookup(
    dataset="merchant_info", keys=(LookupKey(column="merchant_id"),), columns=(LookupColumn(column="state"),)
)
SERVICE = Service(endpoints=(LookupEndpoint(id="merchant_lookup", lookups=(MERCHANTS,)),))


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A sound package folder of a lookup service."""
    folder = tmp_path / "package"
    folder.mkdir()
    info = build_lookup(
        folder / "lookups" / lookup_id(MERCHANTS),
        (Column("merchant_id", ColumnType.STRING),),
        (Column("state", ColumnType.STRING),),
        [("M_1", "Wyoming"), ("M_2", "Ohio")],
    )
    lookups = {
        lookup_id(MERCHANTS): PackagedLookup(dataset="merchant_info", rows=info.rows, digest=info.digest)
    }
    (folder / "service.json").write_bytes(msgspec.json.encode(SERVICE))
    seal(folder, lookups=lookups)
    return folder


def seal(folder: Path, **changes) -> None:
    """Write a manifest that says what the folder holds, `changes` aside."""
    if (folder / "manifest.json").exists():
        before = msgspec.json.decode((folder / "manifest.json").read_bytes(), type=Manifest)
        changes = {"models": before.models, "lookups": before.lookups, **changes}
    files = file_entries(folder)
    said = {
        "format": FORMAT,
        "project": "cards",
        "service": "fraud_detection",
        "version": "v1",
        "digest": content_digest(files),
        "created_at": "2030-01-01T00:00:00+00:00",
        "created_by": "somebody",
        "files": files,
    }
    write_manifest(folder, Manifest(**{**said, **changes}))


def zipped(folder: Path, target: Path) -> Path:
    """The folder as a zip, without any check."""
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                archive.write(path, path.relative_to(folder).as_posix())
    return target


def refused(archive: Path, code: str, words: str = ".", **options) -> None:
    """The archive is refused with this code, and the folder it was for is as empty as before."""
    home = archive.parent / "home"
    home.mkdir(exist_ok=True)
    with pytest.raises(Invalid, match=words) as raised:
        extract_archive(archive, home / "taken", **options)
    assert raised.value.code == code
    assert list(home.iterdir()) == []


def test_an_archive_comes_out_as_it_went_in(package, tmp_path):
    write_archive(package, tmp_path / "p.zip")

    manifest = extract_archive(tmp_path / "p.zip", tmp_path / "taken")

    assert manifest == verify_folder(package) == verify_folder(tmp_path / "taken")
    assert read_archive(tmp_path / "p.zip") == (manifest, SERVICE)
    names = [path.relative_to(package) for path in package.rglob("*") if path.is_file()]
    assert all((package / name).read_bytes() == (tmp_path / "taken" / name).read_bytes() for name in names)


def test_the_same_folder_gives_the_same_archive(package, tmp_path):
    write_archive(package, tmp_path / "1.zip")
    shutil.copytree(package, tmp_path / "copy")
    for path in (tmp_path / "copy").rglob("*"):
        os.utime(path, (1, 1))
        path.chmod(0o700)

    write_archive(tmp_path / "copy", tmp_path / "2.zip")

    assert (tmp_path / "1.zip").read_bytes() == (tmp_path / "2.zip").read_bytes()


def test_a_folder_that_is_there_already_is_not_touched(package, tmp_path):
    write_archive(package, tmp_path / "p.zip")
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "mine").write_text("mine")

    with pytest.raises(Conflict):
        extract_archive(tmp_path / "p.zip", tmp_path / "taken")

    assert [path.name for path in (tmp_path / "taken").iterdir()] == ["mine"]


def test_what_the_caller_checks_counts_too(package, tmp_path):
    write_archive(package, tmp_path / "p.zip")
    seen = []

    def check(folder: Path, manifest: Manifest) -> None:
        seen.append((manifest.version, (folder / "service.json").exists()))
        raise Invalid("not here", code="not-here")

    refused(tmp_path / "p.zip", "not-here", check=check)
    assert seen == [("v1", True)]


def test_a_file_that_was_changed_is_refused(package, tmp_path):
    data = package / "lookups" / lookup_id(MERCHANTS) / "data.mdb"
    data.write_bytes(data.read_bytes().replace(b"Wyoming", b"Montana"))

    refused(zipped(package, tmp_path / "p.zip"), "bad-package", "data.mdb")


def test_a_file_of_another_size_is_refused_before_it_is_unpacked(package, tmp_path):
    with (package / "service.json").open("ab") as file:
        file.write(b" " * (64 << 20))

    refused(zipped(package, tmp_path / "p.zip"), "bad-package", "service.json")


def test_a_missing_file_is_refused(package, tmp_path):
    (package / "lookups" / lookup_id(MERCHANTS) / "lookup.json").unlink()

    refused(zipped(package, tmp_path / "p.zip"), "bad-package", r"lacks '.*lookup\.json'")


def test_a_file_that_the_manifest_does_not_list_is_refused(package, tmp_path):
    (package / "more.py").write_text("import this")

    refused(zipped(package, tmp_path / "p.zip"), "bad-package", r"does not list: 'more\.py'")


def test_a_listed_file_that_belongs_to_nothing_is_refused(package, tmp_path):
    (package / "sitecustomize.py").write_text("import this")
    seal(package)

    refused(zipped(package, tmp_path / "p.zip"), "bad-package", "belong to no part")


def test_a_manifest_with_another_content_digest_is_refused(package, tmp_path):
    seal(package, digest="0" * 64)

    refused(zipped(package, tmp_path / "p.zip"), "bad-package", "digest")


def test_a_file_in_another_case_is_not_the_listed_one(package, tmp_path):
    (package / "service.json").rename(package / "Service.json")

    refused(zipped(package, tmp_path / "p.zip"), "bad-package", "lacks 'service.json'")


def test_a_manifest_in_another_case_is_none(package, tmp_path):
    (package / "manifest.json").rename(package / "MANIFEST.json")

    refused(zipped(package, tmp_path / "p.zip"), "bad-package", "no manifest.json")


@pytest.mark.parametrize(
    "changes",
    [
        {"service": "../escape"},
        {"service": ""},
        {"version": "a/b"},
        {"version": ".."},
        {"project": "a b"},
        {"format": 0},
        {"format": -1},
        {"lookups": {"../../x": PackagedLookup(dataset="x", rows=1, digest="")}},
        {"lookups": {}},
    ],
)
def test_ids_that_are_none_and_parts_that_do_not_fit_are_refused(package, tmp_path, changes):
    seal(package, **changes)
    archive = zipped(package, tmp_path / "p.zip")
    home = tmp_path / "home"
    home.mkdir()

    with pytest.raises(Invalid) as raised:
        extract_archive(archive, home / "taken")

    assert raised.value.code in {"bad-package", "bad-id"}
    assert list(home.iterdir()) == []


@pytest.mark.parametrize(
    "service",
    [
        b"",
        b"[]",
        b'{"endpoints": [{"kind": "python", "id": "x"}]}',
        b'{"unknown": 1}',
        b'{"name": "\xff"}',
        b'{"endpoints":' * 100_000,
        msgspec.json.encode(Service(endpoints=(PredictionEndpoint(id="p", model="none"),))),
        msgspec.json.encode(Service(endpoints=SERVICE.endpoints * 2)),
        msgspec.json.encode(
            Service(
                endpoints=(
                    LookupEndpoint(id="x", lookups=(msgspec.structs.replace(MERCHANTS, dataset="y"),)),
                )
            )
        ),
        msgspec.json.encode(Service(endpoints=(LookupEndpoint(id="a/b", lookups=(MERCHANTS,)),))),
    ],
    ids=["empty", "list", "kind", "key", "text", "deep", "model", "twice", "lookup", "id"],
)
def test_a_service_that_its_package_cannot_serve_is_refused(package, tmp_path, service):
    (package / "service.json").write_bytes(service)
    seal(package)
    home = tmp_path / "home"
    home.mkdir()

    with pytest.raises(Invalid) as raised:
        extract_archive(zipped(package, tmp_path / "p.zip"), home / "taken")

    assert raised.value.code in {"bad-package", "bad-id"}
    assert list(home.iterdir()) == []


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"{",
        b"[]",
        b'{"format": "1"}',
        b"\xff\xfe",
        b"[" * 100_000,
        b"null",
        b'{"format": 1, "x": "\xff"}',
    ],
)
def test_a_manifest_that_cannot_be_read_is_refused(package, tmp_path, text):
    (package / "manifest.json").write_bytes(text)

    refused(zipped(package, tmp_path / "p.zip"), "bad-package", r"manifest\.json is wrong")


def test_a_huge_manifest_is_refused_unread(package, tmp_path):
    (package / "manifest.json").write_bytes(b" " * (9 << 20))

    refused(zipped(package, tmp_path / "p.zip"), "bad-package", "larger")


def test_an_unknown_key_in_a_manifest_of_this_format_is_refused(package, tmp_path):
    text = (package / "manifest.json").read_text().replace('"version": "v1"', '"version": "v1", "run": "rm"')
    (package / "manifest.json").write_text(text)

    refused(zipped(package, tmp_path / "p.zip"), "bad-package", "run")


def test_a_newer_format_asks_for_an_upgrade_whatever_else_is_in_it(tmp_path):
    (tmp_path / "new").mkdir()
    (tmp_path / "new" / "manifest.json").write_text('{"format": 2, "whatever": ["comes", "then"]}')
    (tmp_path / "new" / "code.wasm").write_text("?")

    refused(zipped(tmp_path / "new", tmp_path / "p.zip"), "newer-format", "upgrade")


@pytest.mark.parametrize(
    "name", ["../evil", "/evil", "a/../../evil", "C:/evil", "a\\..\\evil", "./x", "a//b", "nul"]
)
def test_names_that_lead_elsewhere_are_refused(package, tmp_path, name):
    zipped(package, tmp_path / "p.zip")
    with zipfile.ZipFile(tmp_path / "p.zip", "a") as archive:
        archive.writestr(zipfile.ZipInfo(name), b"evil")

    refused(tmp_path / "p.zip", "bad-archive")
    assert not list(tmp_path.rglob("evil"))


def test_a_link_is_refused(package, tmp_path):
    zipped(package, tmp_path / "p.zip")
    link = zipfile.ZipInfo("link")
    link.create_system = 3
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "p.zip", "a") as archive:
        archive.writestr(link, "/etc/passwd")

    refused(tmp_path / "p.zip", "bad-archive", "link")


@pytest.mark.parametrize("name", ["service.json", "SERVICE.json", "ſervice.json"])
def test_an_entry_that_is_there_twice_is_refused(package, tmp_path, name):
    zipped(package, tmp_path / "p.zip")
    with zipfile.ZipFile(tmp_path / "p.zip", "a") as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        archive.writestr(name, b"{}")

    refused(tmp_path / "p.zip", "bad-archive", "twice")


def test_more_than_the_limits_is_refused(package, tmp_path):
    archive = zipped(package, tmp_path / "p.zip")

    refused(archive, "bad-archive", "larger", limits=PackageLimits(archive_bytes=100))
    refused(archive, "bad-archive", "entries", limits=PackageLimits(unpacked=ZipLimits(entries=3)))
    refused(archive, "bad-archive", "larger", limits=PackageLimits(unpacked=ZipLimits(entry_bytes=1_000)))
    refused(archive, "bad-archive", "larger", limits=PackageLimits(unpacked=ZipLimits(total_bytes=5_000)))


def test_a_bomb_that_lies_about_its_size_is_refused(package, tmp_path):
    (package / "service.json").write_bytes(b" " * 10)
    seal(package)
    (package / "service.json").write_bytes(b" " * (32 << 20))
    data = bytearray(zipped(package, tmp_path / "p.zip").read_bytes())
    entry = data.rfind(b"PK\1\2", 0, data.rfind(b"service.json"))
    data[entry + 24 : entry + 28] = struct.pack("<L", 10)
    (tmp_path / "p.zip").write_bytes(data)

    refused(tmp_path / "p.zip", "bad-archive", "damaged")


def test_an_archive_cut_off_anywhere_is_refused(package, tmp_path):
    whole = zipped(package, tmp_path / "p.zip").read_bytes()

    for length in range(0, len(whole), max(1, len(whole) // 60)):
        (tmp_path / "cut.zip").write_bytes(whole[:length])
        refused(tmp_path / "cut.zip", "bad-archive")


@given(st.data())
@settings(max_examples=150)
def test_an_archive_with_any_byte_changed_is_refused_or_the_same(archive_bytes, tmp_path_factory, data):
    whole = bytearray(archive_bytes)
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(whole) - 1))
        whole[at] ^= data.draw(st.integers(1, 255))
    folder = tmp_path_factory.mktemp("changed")
    (folder / "p.zip").write_bytes(whole)

    try:
        manifest = extract_archive(folder / "p.zip", folder / "taken")
    except Invalid:
        assert [path.name for path in folder.iterdir()] == ["p.zip"]
    else:
        assert verify_folder(folder / "taken") == manifest
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def archive_bytes(tmp_path_factory) -> bytes:
    folder = tmp_path_factory.mktemp("sound") / "package"
    folder.mkdir()
    lookups = folder / "lookups" / lookup_id(MERCHANTS)
    info = build_lookup(
        lookups,
        (Column("merchant_id", ColumnType.STRING),),
        (Column("state", ColumnType.STRING),),
        [("M", "x")],
    )
    (folder / "service.json").write_bytes(msgspec.json.encode(SERVICE))
    packaged = PackagedLookup(dataset="merchant_info", rows=info.rows, digest=info.digest)
    seal(folder, lookups={lookup_id(MERCHANTS): packaged})
    write_archive(folder, folder.parent / "p.zip")
    return (folder.parent / "p.zip").read_bytes()


def test_a_folder_with_a_link_in_it_is_no_package(package, tmp_path):
    outside = tmp_path / "outside.json"
    (package / "service.json").rename(outside)
    (package / "service.json").symlink_to(outside)

    with pytest.raises(Invalid, match="link"):
        verify_folder(package)
    with pytest.raises(Invalid, match="link"):
        write_archive(package, tmp_path / "p.zip")
    assert not (tmp_path / "p.zip").exists()


def test_what_is_not_there_is_not_found(tmp_path):
    with pytest.raises(NotFound):
        extract_archive(tmp_path / "none.zip", tmp_path / "taken")
    with pytest.raises(NotFound):
        verify_folder(tmp_path)


def test_a_place_that_cannot_be_written_is_said_to_be_so(package, tmp_path):
    write_archive(package, tmp_path / "p.zip")
    (tmp_path / "file").write_text("in the way")

    with pytest.raises(Unavailable, match="cannot unpack"):
        extract_archive(tmp_path / "p.zip", tmp_path / "file" / "taken")


def test_the_digest_is_of_the_content_and_not_of_the_telling(package):
    first = verify_folder(package)
    seal(package, version="v9", created_by="another", release_notes="other words")

    assert verify_folder(package).digest == first.digest == content_digest(first.files)
    assert (
        hashlib.sha256((package / "service.json").read_bytes()).hexdigest()
        == first.files["service.json"].sha256
    )


def test_reading_packages_needs_no_heavy_library():
    program = (
        "import sys, scoreline.storage.archives, scoreline.lookups.bundled\n"
        "heavy = {'numpy', 'pandas', 'pyarrow', 'duckdb', 'sklearn', 'scipy', 'sqlalchemy'}\n"
        "sys.exit(str(heavy & set(sys.modules)) if heavy & set(sys.modules) else 0)"
    )
    assert subprocess.run([sys.executable, "-c", program]).returncode == 0
