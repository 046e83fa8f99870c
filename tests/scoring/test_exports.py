"""What can be exported, what cannot and why; what a scorer answers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import ExtraTreesClassifier, GradientBoostingClassifier, GradientBoostingRegressor
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, PowerTransformer, StandardScaler

from scoreline.core.model import Feature, Signature, Task
from scoreline.core.prediction import Ignored, Prediction
from scoreline.core.schema import ColumnType
from scoreline.errors import Invalid
from scoreline.scoring.export import export_model
from scoreline.scoring.files import load_scorer
from scoreline.scoring.parity import check_parity
from scoreline.scoring.scorer import Scorer

AMOUNT = Feature(name="amount", type=ColumnType.DOUBLE, handling="numeric", missing="median")
STATE = Feature(name="state", type=ColumnType.STRING, handling="category", missing="native")


def signature(amount: str = "median", state: str = "native", **changes: Any) -> Signature:
    features = tuple(
        Feature(name=f.name, type=f.type, handling=f.handling, missing=missing)
        for f, missing in ((AMOUNT, amount), (STATE, state))
    )
    known = {
        "task": Task.BINARY,
        "target": "y",
        "features": features,
        "classes": ("no", "yes"),
        "threshold": 0.3,
    }
    return Signature(**{**known, **changes})


def rows(count: int = 400) -> tuple[pd.DataFrame, np.ndarray[Any, Any]]:
    rng = np.random.default_rng(5)
    amount = rng.gamma(2.0, 50.0, size=count)
    state = pd.Series(rng.choice(["CA", "NY", "TX", ""], size=count), dtype=object)
    labels = (amount + 60 * (state == "NY") + rng.normal(size=count) * 10 > 110).astype(int).to_numpy()
    return pd.DataFrame({"amount": amount, "state": state}), labels


def pipeline(numeric: Any = None, category: Any = None, model: Any = None) -> Pipeline:
    numeric = SimpleImputer(strategy="median") if numeric is None else numeric
    category = OneHotEncoder(handle_unknown="ignore", sparse_output=False) if category is None else category
    encoder = ColumnTransformer([("numbers", numeric, ["amount"]), ("texts", category, ["state"])])
    model = GradientBoostingClassifier(n_estimators=10, random_state=0) if model is None else model
    return Pipeline([("encode", encoder), ("model", model)]).fit(*rows())


def exported(fitted: Pipeline, folder: Path, sig: Signature | None = None, **options: Any) -> Scorer:
    export_model(fitted, sig or signature(), folder, **options)
    return load_scorer(folder)


@pytest.mark.parametrize(
    ("fitted", "reason"),
    [
        (lambda: pipeline(model=KNeighborsClassifier()), "KNeighborsClassifier is not known"),
        (lambda: pipeline(model=ExtraTreesClassifier(5)), "ExtraTreesClassifier is not known"),
        (lambda: pipeline(numeric=PowerTransformer()), "branch 'numbers' has a PowerTransformer"),
        (lambda: pipeline(numeric=SimpleImputer(add_indicator=True)), None),
        (lambda: pipeline(category=OneHotEncoder(sparse_output=False)), "handle_unknown='error'"),
        (lambda: pipeline(category=OneHotEncoder(handle_unknown="ignore")), "sparse"),
        (
            lambda: pipeline(
                category=OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=np.nan)
            ),
            "NaN of unknown categories",
        ),
        (lambda: GradientBoostingClassifier(n_estimators=2).fit([[1], [2]], [0, 1]), "not a Pipeline"),
    ],
)
def test_what_cannot_be_written_as_data_is_refused_by_name(
    fitted: Callable[[], Any], reason: str | None, tmp_path: Path
) -> None:
    with pytest.raises(Invalid) as refusal:
        export_model(fitted(), signature(), tmp_path)

    assert refusal.value.code == "not-exportable"
    assert (reason or "add_indicator") in refusal.value.message
    assert not list(tmp_path.iterdir())


def test_a_column_that_the_signature_does_not_name_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="column 'state' is not in the signature"):
        export_model(pipeline(), signature(features=(AMOUNT,)), tmp_path)


def test_a_feature_that_no_branch_takes_is_refused(tmp_path: Path) -> None:
    extra = Feature(name="age", type=ColumnType.DOUBLE, handling="numeric", missing="median")

    with pytest.raises(Invalid, match="feature 'age'"):
        export_model(pipeline(), signature(features=(AMOUNT, STATE, extra)), tmp_path)


def test_classes_that_do_not_fit_the_model_are_refused(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="classes") as refusal:
        export_model(pipeline(), signature(classes=("a", "b", "c"), task=Task.MULTICLASS), tmp_path)

    assert refusal.value.code == "not-exportable"


def test_the_positive_class_is_predicted_from_the_threshold_on(tmp_path: Path) -> None:
    fitted = pipeline()
    probability = float(fitted.predict_proba(rows()[0][:1])[0, 1])
    record = rows()[0].iloc[0].to_dict()

    at = exported(fitted, tmp_path, signature(threshold=probability)).score(record)
    above = exported(fitted, tmp_path, signature(threshold=np.nextafter(probability, 1))).score(record)

    assert at == Prediction("yes", {"no": 1 - probability, "yes": probability})
    assert isinstance(above, Prediction)
    assert above.prediction == "no"


def test_the_percentile_is_the_share_of_test_rows_that_are_not_more_probable(tmp_path: Path) -> None:
    fitted = pipeline()
    table = rows()[0]
    probabilities = fitted.predict_proba(table)[:, 1]
    scorer = exported(fitted, tmp_path, test_probabilities=probabilities[:137])

    for row in range(0, 400, 7):
        answer = scorer.score(table.iloc[row].to_dict())
        assert isinstance(answer, Prediction)
        assert answer.percentile == 100 * int((probabilities[:137] <= probabilities[row]).sum()) // 137


def test_a_record_without_a_required_feature_is_ignored(tmp_path: Path) -> None:
    scorer = exported(pipeline(), tmp_path, signature("ignore_record", "ignore_record"))

    assert scorer.score({"state": "CA"}) == Ignored("IGNORED_BY_MODEL", "amount")
    assert scorer.score({"amount": None, "state": "CA"}) == Ignored("IGNORED_BY_MODEL", "amount")
    assert scorer.score({"amount": 1.0, "state": " "}) == Ignored("IGNORED_BY_MODEL", "state")
    assert isinstance(scorer.score({"amount": 1.0, "state": "??"}), Prediction)


def test_a_number_that_the_model_cannot_do_without_or_hold_is_refused_by_name(tmp_path: Path) -> None:
    scorer = exported(pipeline(numeric=StandardScaler()), tmp_path, signature("native"))

    for value in (None, "", 1e300, "1e308", "much", [1]):
        with pytest.raises(Invalid, match="'amount'") as refusal:
            scorer.score({"amount": value, "state": "CA"})
        assert refusal.value.code == "invalid-record"


def test_the_same_value_in_another_type_has_the_same_answer(tmp_path: Path) -> None:
    scorer = exported(pipeline(), tmp_path)

    plain = scorer.score({"amount": 120.0, "state": "NY"})

    assert scorer.score({"amount": 120, "state": "NY", "unknown": [1]}) == plain
    assert scorer.score({"amount": "120.0", "state": "NY"}) == plain
    assert scorer.score_many([{"amount": 120.0, "state": "NY"}] * 3) == [plain] * 3


def test_a_branch_may_hold_several_features_given_by_name_position_or_mask(tmp_path: Path) -> None:
    table, labels = rows()
    table["zip"] = pd.Series(np.random.default_rng(1).choice(["a", "b", "c"], len(table)), dtype=object)
    encoder = ColumnTransformer(
        [
            ("texts", OneHotEncoder(handle_unknown="ignore", drop="first", sparse_output=False), [1, 2]),
            ("numbers", "passthrough", [True, False, False]),
        ]
    )
    fitted = Pipeline([("encode", encoder), ("model", LogisticRegression(max_iter=500))]).fit(table, labels)
    zipped = Feature(name="zip", type=ColumnType.STRING, handling="category", missing="native")
    sig = signature("ignore_record", features=(AMOUNT, STATE, zipped))

    report = check_parity(fitted, exported(fitted, tmp_path, sig), table, seed=3, rows=300)

    assert report.passed, report.first_failures


def test_a_scorer_of_another_model_fails_the_parity_check(tmp_path: Path) -> None:
    other = exported(pipeline(model=GradientBoostingClassifier(n_estimators=11, random_state=1)), tmp_path)

    report = check_parity(pipeline(), other, rows()[0], seed=0, rows=300)  # type: ignore[arg-type]

    assert not report.passed
    assert report.max_difference > 1e-3
    assert 0 < len(report.first_failures) <= 10
    assert "120" not in "".join(report.first_failures)


def test_a_difference_in_the_last_bit_of_a_tree_fails_the_parity_check(tmp_path: Path) -> None:
    model = GradientBoostingRegressor(n_estimators=10, random_state=0)
    fitted = pipeline(model=model)
    sig = signature(task=Task.REGRESSION, classes=(), threshold=None)
    scorer = exported(fitted, tmp_path, sig)
    model.init_.constant_ = np.nextafter(model.init_.constant_, 1e9)

    report = check_parity(fitted, scorer, rows()[0], seed=0, rows=300)  # type: ignore[arg-type]

    assert 0 < report.max_difference < 1e-12
    assert not report.passed


def test_the_parity_check_takes_ten_thousand_rows_even_from_few(tmp_path: Path) -> None:
    fitted = pipeline()
    scorer = exported(fitted, tmp_path)

    report = check_parity(fitted, scorer, rows()[0], seed=0)  # type: ignore[arg-type]

    assert report.rows == 10_000
    assert report.built_rows > 200
    assert report.passed
    assert report.unequal == 0
