"""The artifact store keeps whole archives by their digest, and nothing else."""

from __future__ import annotations

import hashlib
import resource
from pathlib import Path

import pytest

from scoreline.errors import Invalid, Unavailable
from scoreline.storage.artifacts import Artifacts


@pytest.fixture
def store(tmp_path: Path) -> Artifacts:
    return Artifacts(tmp_path / "packages", longest=1000)


def kept(store: Artifacts, *chunks: bytes) -> str:
    with store.draft() as draft:
        for chunk in chunks:
            draft.write(chunk)
        draft.finish()
        return draft.keep()


def test_what_is_kept_is_found_by_the_digest_of_its_bytes(store: Artifacts) -> None:
    name = kept(store, b"one", b"two")

    assert name == hashlib.sha256(b"onetwo").hexdigest()
    assert store.path(name).read_bytes() == b"onetwo"


def test_keeping_the_same_bytes_again_changes_nothing(store: Artifacts) -> None:
    inode = store.path(kept(store, b"one")).stat().st_ino

    assert store.path(kept(store, b"one")).stat().st_ino == inode


def test_a_draft_that_is_not_kept_leaves_nothing(store: Artifacts, tmp_path: Path) -> None:
    with store.draft() as draft:
        draft.write(b"one")
        draft.finish()

    assert list((tmp_path / "packages").iterdir()) == []


def test_an_archive_that_gets_too_long_is_refused(store: Artifacts, tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="larger than 1000 bytes"):
        kept(store, *[b"x" * 100] * 11)

    assert list((tmp_path / "packages").iterdir()) == []


def test_a_lost_archive_is_said_to_be_lost(store: Artifacts) -> None:
    name = kept(store, b"one")
    store.path(name).unlink()

    with pytest.raises(Unavailable, match="publish it again"):
        store.path(name)


def test_sweeping_keeps_what_is_needed(store: Artifacts, tmp_path: Path) -> None:
    needed, orphan = kept(store, b"one"), kept(store, b"two")
    (tmp_path / "packages" / ".unfinished-abc.zip").write_bytes(b"half")

    store.sweep({needed})

    assert store.holds(needed)
    assert not store.holds(orphan)
    assert len(list((tmp_path / "packages").iterdir())) == 1


def test_a_full_disk_is_reported_and_leaves_nothing(tmp_path: Path) -> None:
    store = Artifacts(tmp_path / "packages", longest=1 << 30)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, hard))
    try:
        with pytest.raises(Unavailable, match="disk of the artifact store is full"):
            kept(store, *[b"x" * (1 << 16)] * 40)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    assert list((tmp_path / "packages").iterdir()) == []
