"""A model store keeps versions whole, knows the active one and refuses what is damaged."""

from __future__ import annotations

import pytest

from scoreline.core.model import Ridge, Task
from scoreline.core.model_version import ModelVersion, RowCounts, TrainingData
from scoreline.errors import Conflict, Invalid, NotFound
from scoreline.storage.models import ModelStore


def version(digest: str = "d1") -> ModelVersion:
    rows = RowCounts(given=10, without_target=0, ignored=0, train=8, test=2)
    return ModelVersion(
        id="",
        digest=digest,
        created_at="2026-01-02T03:04:05+00:00",
        created_by="ann",
        task=Task.REGRESSION,
        target="y",
        algorithm=Ridge(),
        metric="r2",
        metrics={"r2": 0.5},
        threshold=None,
        classes=(),
        candidates=(),
        data=TrainingData(dataset="rows", digest="d", rows=rows),
        seed=1,
        libraries={},
        scorer=None,
    )


def keep(store: ModelStore, digest: str = "d1") -> ModelVersion:
    with store.draft() as draft:
        (draft.folder / "model.bin").write_bytes(b"model")
        return draft.keep(version(digest))


@pytest.fixture
def store(tmp_path) -> ModelStore:
    return ModelStore(tmp_path / "fraud")


def test_a_store_is_empty_until_something_is_trained(store):
    assert store.versions() == ()
    assert store.active() is None
    with pytest.raises(NotFound, match="model 'fraud' has no trained version; build it first"):
        store.active_version()


def test_versions_are_numbered_and_listed_newest_first(store):
    for number in range(11):
        keep(store, f"d{number}")

    assert store.ids()[:3] == ("t11", "t10", "t9")
    assert [one.digest for one in store.versions()][-1] == "d0"


def test_what_is_kept_is_read_back_with_the_digests_of_its_files(store):
    kept = keep(store)

    assert store.version("t1") == kept
    assert kept.files.keys() == {"model.bin"}
    assert kept.files["model.bin"].size == 5
    store.check_files("t1")


def test_a_draft_that_is_not_kept_leaves_nothing(store):
    with store.draft() as draft:
        (draft.folder / "model.bin").write_bytes(b"model")

    assert store.ids() == ()
    assert list((store.folder / "versions").iterdir()) == []


def test_a_draft_that_fails_leaves_nothing(store):
    def fail() -> None:
        with store.draft() as draft:
            (draft.folder / "model.bin").write_bytes(b"model")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()

    assert list((store.folder / "versions").iterdir()) == []


def test_what_a_killed_training_left_is_no_version_and_is_swept_by_the_next(store):
    leftover = store.folder / "versions" / ".unfinished-abc"
    leftover.mkdir(parents=True)
    (leftover / "version.json").write_bytes(b"{")
    assert store.versions() == ()

    keep(store)

    assert store.ids() == ("t1",)
    assert not leftover.exists()


def test_activating_another_version_is_seen_at_once(store):
    keep(store, "a")
    keep(store, "b")

    store.activate("t1")
    assert store.active_version().digest == "a"
    store.activate("t2")
    assert store.active_version().digest == "b"


@pytest.mark.parametrize("name", ["t3", "", "..", "../t1", "t1/..", "x" * 500])
def test_a_version_that_is_not_there_is_refused(store, name):
    keep(store)

    with pytest.raises(NotFound, match="has no version"):
        store.activate(name)

    assert store.active() is None


def test_the_active_version_cannot_be_deleted_and_others_can(store):
    keep(store, "a")
    keep(store, "b")
    store.activate("t2")

    with pytest.raises(Conflict, match="version 't2' of model 'fraud' is active"):
        store.delete("t2")
    store.delete("t1")

    assert store.ids() == ("t2",)
    assert [path.name for path in (store.folder / "versions").iterdir()] == ["t2"]


def test_a_version_is_found_by_its_digest(store):
    keep(store, "a")
    keep(store, "b")

    assert store.with_digest("a").id == "t1"
    assert store.with_digest("c") is None


def test_a_changed_file_is_named(store):
    keep(store)
    path = store.path("t1") / "model.bin"

    path.write_bytes(b"other")
    with pytest.raises(Invalid, match=r"model.bin in t1 is not what was written"):
        store.check_files("t1")
    path.unlink()
    with pytest.raises(Invalid, match=r"model.bin is missing from t1"):
        store.check_files("t1")


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"id": "t1"}', b"\xff\xfe"])
def test_metadata_that_cannot_be_read_is_named(store, content):
    keep(store)
    (store.path("t1") / "version.json").write_bytes(content)

    with pytest.raises(Invalid, match=r"t1/version.json cannot be read") as caught:
        store.version("t1")

    assert caught.value.code == "damaged"
