"""The threshold of a binary model is the best one by its rule."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics

from scoreline.core.model import Threshold
from scoreline.studio.threshold import choose_threshold

RULES = {
    "f1": lambda truth, predicted: metrics.f1_score(truth, predicted, zero_division=0.0),
    "accuracy": metrics.accuracy_score,
    "youden": lambda truth, predicted: predicted[truth == 1].mean() - predicted[truth == 0].mean(),
}


@pytest.mark.parametrize("rule", RULES)
@settings(max_examples=60)
@given(
    rows=st.lists(
        st.tuples(st.integers(0, 1), st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.75, 0.9, 1.0])), min_size=2
    ).filter(lambda rows: len({truth for truth, _ in rows}) == 2)
)
def test_no_other_threshold_is_better_by_the_rule(rule, rows):
    truth, proba = (np.array(values) for values in zip(*rows, strict=True))
    quality = RULES[rule]

    found = choose_threshold(Threshold(rule=rule), truth, proba)

    best = max(quality(truth, proba >= t) for t in np.unique(proba))
    assert quality(truth, proba >= found) == pytest.approx(best)


def test_a_fixed_threshold_is_the_one_given():
    rule = Threshold(rule="fixed", value=0.37)

    assert choose_threshold(rule, np.array([0, 1]), np.array([0.1, 0.9])) == 0.37


def test_a_threshold_keeps_clear_of_the_probabilities_it_separates():
    found = choose_threshold(Threshold(), np.array([0, 0, 1, 1]), np.array([0.1, 0.2, 0.6, 0.9]))

    assert found == pytest.approx(0.4)


def test_a_threshold_for_probabilities_that_are_all_alike_predicts_positive():
    found = choose_threshold(Threshold(), np.array([0, 1, 1]), np.array([0.5, 0.5, 0.5]))

    assert 0 <= found <= 0.5
