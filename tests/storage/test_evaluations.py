"""Evaluations on disk: added, ordered, noted and removed, also while a build keeps others."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest
from tests.core.made_evaluations import made_evaluation

from scoreline.core.notes import Notes
from scoreline.errors import Conflict, NotFound
from scoreline.storage.evaluations import Evaluations


def add(evaluations: Evaluations, id_: str, second: int, **changes: Any) -> str:
    made = made_evaluation(id=id_, created_at=f"2018-06-01T00:00:{second:02}+00:00", **changes)
    return evaluations.add(made).id


def keep(evaluations: Evaluations, second: int = 0) -> str:
    made = made_evaluation(id=evaluations.next_id(), created_at=f"2018-06-01T00:00:{second:02}+00:00")
    with evaluations.keeping(made):
        pass
    return made.id


def test_those_that_are_given_get_ids_of_their_own(tmp_path: Path) -> None:
    evaluations = Evaluations(tmp_path / "store")

    assert [keep(evaluations, 1), add(evaluations, "", 2), keep(evaluations, 3), add(evaluations, "", 4)] == [
        "e1",
        "g1",
        "e2",
        "g2",
    ]
    assert evaluations.read("g1").id == "g1"


def test_the_newest_stands_first_whatever_its_id(tmp_path: Path) -> None:
    evaluations = Evaluations(tmp_path)

    add(evaluations, "a-very-long-name", 2)
    keep(evaluations, 3)
    keep(evaluations, 3)
    add(evaluations, "z", 1)

    assert evaluations.ids() == ("e2", "e1", "a-very-long-name", "z")
    assert evaluations.read().id == "e2"


def test_an_id_is_taken_once(tmp_path: Path) -> None:
    evaluations = Evaluations(tmp_path)
    add(evaluations, "march", 1)

    with pytest.raises(Conflict, match="'march' exists already"):
        add(evaluations, "march", 2)


def test_a_removed_one_is_not_there(tmp_path: Path) -> None:
    evaluations = Evaluations(tmp_path)
    keep(evaluations)
    keep(evaluations)

    evaluations.delete("e1")

    assert evaluations.ids() == ("e2",)
    with pytest.raises(NotFound, match="has no evaluation 'e1'"):
        evaluations.delete("e1")


def test_notes_are_kept_and_changed(tmp_path: Path) -> None:
    evaluations = Evaluations(tmp_path)
    keep(evaluations)
    assert evaluations.notes("e1") == Notes()

    evaluations.note("e1", Notes(name="March", labels={"by": "ann"}))

    assert evaluations.notes("e1") == Notes(name="March", labels={"by": "ann"})
    with pytest.raises(NotFound):
        evaluations.note("e2", Notes())


def test_adding_stands_no_build_in_the_way(tmp_path: Path) -> None:
    evaluations = Evaluations(tmp_path)
    added: list[str] = []

    def give() -> None:
        for second in range(30):
            added.append(add(evaluations, "", second))

    threads = [threading.Thread(target=give) for _ in range(3)]
    for thread in threads:
        thread.start()
    kept = [keep(evaluations) for _ in range(30)]
    for thread in threads:
        thread.join()

    assert len(set(added)) == 90
    assert set(evaluations.ids()) == {*added, *kept}
