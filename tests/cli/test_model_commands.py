"""The commands on models, run as the command line runs them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from scoreline.cli.main import run
from scoreline.core.model import FeatureHandling, GradientBoosting, Logistic, Ridge, Task
from scoreline.core.recipe import TrainRecipe
from scoreline.storage.models import ModelStore
from scoreline.studio.training import train

NUMERIC = FeatureHandling(handling="numeric")


def make_rows() -> pa.Table:
    generator = np.random.default_rng(3)
    amount = generator.lognormal(3, 1, 300)
    state = np.array(["Wyoming", "Ohio", "Texas", "Utah", "Iowa", "Maine"], dtype=object)[
        generator.integers(0, 6, 300)
    ]
    refused = amount * (1 + (state == "Ohio")) + generator.normal(0, 10, 300) > 40
    return pa.table({"amount": amount, "state": state, "refused": refused, "cost": amount * 2})


def recipe(model: str, task: Task, target: str, *algorithms, seed: int = 42) -> TrainRecipe:
    features = {"amount": NUMERIC, "state": FeatureHandling(handling="category")}
    return TrainRecipe(
        input="past",
        model=model,
        task=task,
        target=target,
        features=features,
        algorithms=algorithms,
        seed=seed,
    )


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with two versions of one model, one of another, and a third that was never trained."""
    folder = tmp_path_factory.mktemp("project")
    (folder / "project.yaml").write_text("id: demo\n")
    (folder / "models").mkdir()
    for model in ("fraud", "cost", "new"):
        (folder / "models" / f"{model}.yaml").write_text(f"name: {model}\n")
    models = folder / ".scoreline" / "models"
    for wanted in (
        recipe("fraud", Task.BINARY, "refused", Logistic(), seed=1),
        recipe("fraud", Task.BINARY, "refused", Logistic(), GradientBoosting(trees=20)),
        recipe("cost", Task.REGRESSION, "cost", Ridge()),
    ):
        train(wanted, make_rows(), ModelStore(models / wanted.model), by="ann", log=lambda line: None)
    return folder


@pytest.fixture
def project(built, tmp_path) -> Path:
    return Path(shutil.copytree(built, tmp_path / "project"))


@pytest.fixture
def command(project, capsys):
    """Run a command on the project: exit code, standard output, standard error."""

    def call(*arguments: str) -> tuple[int, str, str]:
        code = run(["model", *arguments, "--project", str(project)])
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    return call


def test_models_are_listed_with_their_active_versions(command):
    code, out, _ = command("list")

    lines = {line.split()[0]: line for line in out.splitlines()}
    assert code == 0
    assert "t2" in lines["fraud"]
    assert "auc 0." in lines["fraud"]
    assert "ridge" in lines["cost"]
    assert "not trained" in lines["new"]


def test_the_list_is_json_for_programs(command):
    _, out, _ = command("list", "--json")

    assert {"id": "fraud", "active": "t2", "versions": ["t2", "t1"]} in json.loads(out)


def test_a_model_is_shown_with_everything_there_is_to_see(command):
    code, out, _ = command("show", "fraud")

    assert code == 0
    marked = [line.split()[1] for line in out.splitlines() if line.startswith("*  t")]
    assert marked == ["t2"]
    for words in (
        "Version t2",
        "binary, target refused",
        "seed",
        "true from a probability of 0.",
        "average_precision",
        "Algorithms tried",
        "gradient_boosting",
        "Confusion",
        "numeric   median",
        "and 2 more",
        "loss of auc",
        "█",
        "passed on 10000 rows of the data",
        "different labels",
    ):
        assert words in out, words
    feature_lines = [line for line in out.splitlines() if line.startswith(("amount", "state"))]
    assert len(feature_lines) == 4


def test_a_version_that_is_not_active_can_be_shown(command):
    _, out, _ = command("show", "fraud", "--version", "t1")

    assert "Version t1" in out
    assert "Algorithms tried" not in out


def test_a_regression_is_shown_with_its_residuals(command):
    _, out, _ = command("show", "cost")

    assert "True minus predicted" in out
    assert "r2" in out
    assert "Confusion" not in out


def test_a_model_is_json_for_programs(command):
    _, out, _ = command("show", "fraud", "--json")

    shown = json.loads(out)
    assert (shown["model"], shown["active"], shown["version"]["id"]) == ("fraud", "t2", "t2")
    assert [one["id"] for one in shown["versions"]] == ["t2", "t1"]
    assert shown["signature"]["classes"] == ["false", "true"]
    assert shown["version"]["parity"]["passed"] is True
    assert shown["report"]["performance"]["roc"]["x"][0] == 0


def test_another_version_is_activated(command, project):
    code, _, err = command("activate", "fraud", "t1")

    assert code == 0
    assert "t1 is the active version of model 'fraud'" in err
    assert ModelStore(project / ".scoreline" / "models" / "fraud").active() == "t1"
    assert "*  t1" in command("show", "fraud")[1]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("show", "fraut"), "the project has no model 'fraut'; did you mean 'fraud'?"),
        (("show", "new"), "model 'new' has no trained version; build it first"),
        (("show", "fraud", "--version", "t9"), "model 'fraud' has no version 't9'"),
        (("activate", "fraud", "t9"), "model 'fraud' has no version 't9'"),
    ],
)
def test_what_is_not_there_is_named(command, arguments, words):
    code, out, err = command(*arguments)

    assert code == 3
    assert out == ""
    assert words in err


def test_a_version_that_is_not_active_is_deleted(command, project):
    code, _, err = command("delete-version", "fraud", "t2")
    assert code == 5
    assert "version 't2' of model 'fraud' is active; activate another one first" in err

    assert command("delete-version", "fraud", "t1")[0] == 0

    assert ModelStore(project / ".scoreline" / "models" / "fraud").ids() == ("t2",)
    assert command("delete-version", "fraud", "t1")[0] == 3
