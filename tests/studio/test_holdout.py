"""Rows are kept aside for the test by seed and by class."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from scoreline.core.model import Task
from scoreline.studio.holdout import sample_rows, split_rows


@settings(max_examples=60)
@given(
    counts=st.lists(st.integers(2, 60), min_size=2, max_size=6),
    share=st.floats(0.01, 0.99),
    seed=st.integers(0, 2**32 - 1),
)
def test_every_class_is_on_both_sides_and_no_row_is_lost(counts, share, seed):
    target = np.repeat(np.arange(len(counts)), counts)

    train, test = split_rows(target, Task.MULTICLASS, test_share=share, seed=seed)

    assert sorted([*train, *test]) == list(range(len(target)))
    assert set(target[train]) == set(target[test]) == set(range(len(counts)))


def test_classes_keep_their_shares():
    target = np.repeat([0, 1], [900, 100])

    train, test = split_rows(target, Task.BINARY, test_share=0.2, seed=1)

    assert target[test].sum() == 20
    assert target[train].sum() == 80


def test_another_seed_keeps_other_rows():
    target = np.linspace(0, 1, 100)

    first = split_rows(target, Task.REGRESSION, test_share=0.3, seed=1)[1]
    again = split_rows(target, Task.REGRESSION, test_share=0.3, seed=1)[1]
    other = split_rows(target, Task.REGRESSION, test_share=0.3, seed=2)[1]

    assert len(first) == 30
    assert first.tolist() == again.tolist() != other.tolist()


def test_a_sample_of_many_rows_is_bounded_and_holds_the_rare_class():
    target = np.repeat([0, 1], [9_998, 2])

    sample = sample_rows(target, Task.BINARY, most=500, seed=3)

    assert 490 <= len(sample) <= 510
    assert target[sample].sum() >= 1
