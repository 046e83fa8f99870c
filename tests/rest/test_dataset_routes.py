"""Datasets and recipes of a project, through the control API and the SDK."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from tests.deployer.processes import ControlPlane
from tests.studio.small_project import table, write, write_project

from scoreline.client.client import Client
from scoreline.core.dataset import FilesDataset
from scoreline.core.recipe import SqlRecipe
from scoreline.errors import Conflict, Invalid, NotFound

P = "cards"
DAILY = """# What each card pays.
kind: sql
inputs: [payments]
output: daily
"""


@pytest.fixture(scope="module")
def control_plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """Knows a project with files, and a recipe of SQL that was not built."""
    folder = tmp_path_factory.mktemp("datasets")
    project = write_project(folder / P)
    write(project, "datasets/daily.yaml", "kind: managed\ndescription: Sums.\n")
    write(project, "recipes/daily.yaml", DAILY)
    write(project, "recipes/daily.sql", "SELECT card, sum(amount) AS paid FROM payments GROUP BY card\n")
    rows: list[tuple[object, ...]] = [(n, n % 3, f"2026-01-{n % 28 + 1:02}", "") for n in range(1000)]
    write(project, "data/odd.csv", table("n,code,day,nothing", rows))
    write(project, "datasets/odd.yaml", "kind: files\npath: data/odd.csv\n")
    running = ControlPlane(folder / "home")
    running.start()
    with running.client() as client:
        client.add_project(project)
    yield running
    assert "Traceback" not in running.log
    running.clear()


@pytest.fixture
def client(control_plane: ControlPlane) -> Iterator[Client]:
    with control_plane.client() as opened:
        yield opened


@pytest.fixture
def folder(client: Client) -> Path:
    return Path(client.projects()[0].folder)


def test_datasets_are_listed_with_what_makes_them(client: Client) -> None:
    found = {one.id: one for one in client.datasets(P)}

    assert found["daily"].kind == "managed"
    assert found["daily"].made_by == "daily"
    assert found["payments"].place == "data/payments.csv"
    shown = client.dataset(P, "payments")
    assert {(one.kind, one.id) for one in shown.used_by} >= {("recipe", "daily"), ("recipe", "train_fraud")}
    assert shown.columns is not None
    assert [column.name for column in shown.columns] == ["card", "amount", "age", "refused"]


def test_a_sample_has_the_first_rows(client: Client) -> None:
    sample = client.dataset_sample(P, "odd", rows=2)

    assert sample.rows == 1000
    assert sample.sample == (
        {"n": 0, "code": 0, "day": "2026-01-01", "nothing": None},
        {"n": 1, "code": 1, "day": "2026-01-02", "nothing": None},
    )


def test_statistics_tell_each_column(client: Client) -> None:
    told = client.dataset_statistics(P, "odd")

    assert (told.rows, told.looked_at, told.left_out) == (1000, 1000, 0)
    n, _, day, nothing = told.columns
    assert (n.minimum, n.maximum, n.mean, n.distinct) == (0, 999, 499.5, 1000)
    assert sum(bar.rows for bar in n.bars) == 1000
    assert (day.minimum, day.maximum, day.distinct) == ("2026-01-01", "2026-01-28", 28)
    assert (nothing.missing, nothing.distinct, nothing.bars) == (1000, 0, ())


def test_statistics_follow_the_rows(client: Client, folder: Path) -> None:
    write(folder, "data/changing.csv", table("n", [(1,)]))
    write(folder, "datasets/changing.yaml", "kind: files\npath: data/changing.csv\n")
    assert client.dataset_statistics(P, "changing").rows == 1

    write(folder, "data/changing.csv", table("n", [(1,), (2,)]))

    assert client.dataset_statistics(P, "changing").rows == 2
    (folder / "datasets/changing.yaml").unlink()


def test_what_cannot_be_looked_at_says_why(client: Client, folder: Path) -> None:
    with pytest.raises(NotFound, match="did you mean 'payments'"):
        client.dataset_sample(P, "payment")
    with pytest.raises(NotFound, match="build it first") as not_built:
        client.dataset_statistics(P, "daily")
    assert not_built.value.code == "not-built"
    write(folder, "datasets/gone.yaml", "kind: files\npath: data/gone.csv\n")
    with pytest.raises(NotFound, match="there is no file"):
        client.dataset_sample(P, "gone")
    (folder / "datasets/gone.yaml").unlink()


def test_a_recipe_is_shown_with_its_code(client: Client) -> None:
    shown = client.recipe(P, "daily")

    assert shown.text == DAILY
    assert shown.code is not None
    assert shown.code.startswith("SELECT card")
    assert (shown.recipe.kind, shown.recipe.inputs, shown.recipe.outputs) == (
        "sql",
        ("payments",),
        ("daily",),
    )
    assert {one.id for one in client.recipes(P)} >= {"daily", "train_fraud"}


def test_a_change_keeps_comments_and_is_audited(client: Client) -> None:
    before = client.recipe(P, "daily")
    assert isinstance(before.definition, SqlRecipe)

    changed = SqlRecipe(inputs=before.definition.inputs, output="daily", description="Per card.")
    saved = client.save_recipe(P, "daily", definition=changed, revision=before.revision)

    assert saved.text == DAILY + "description: Per card.\n"
    assert saved.code == before.code
    (change, *_) = client.audit(on=f"project:{P}")
    assert (change.what, change.before["text"], change.after["text"]) == ("change recipe", DAILY, saved.text)
    client.save_recipe(P, "daily", text=DAILY)
    assert client.recipe(P, "daily").revision == before.revision


def test_a_change_from_an_old_revision_is_refused(client: Client) -> None:
    before = client.recipe(P, "daily")
    client.save_recipe(P, "daily", code="SELECT card, 1 AS paid FROM payments\n", revision=before.revision)

    with pytest.raises(Conflict) as refused:
        client.save_recipe(P, "daily", code="SELECT 2 AS paid\n", revision=before.revision)

    assert refused.value.code == "stale-revision"
    client.save_recipe(P, "daily", code=before.code)


def test_a_recipe_that_is_not_sound_is_refused_line_by_line(client: Client) -> None:
    text = "kind: sql\ninputs: [payment]\noutpt: daily\n"

    with pytest.raises(Invalid, match=r"recipes/daily\.yaml:3"):
        client.save_recipe(P, "daily", text=text)

    problems = client.check_recipe(P, "daily", text, code="SELECT 1")
    assert [(one.line, "did you mean 'output'" in one.message) for one in problems] == [(3, True)]
    (dangling,) = client.check_recipe(
        P, "daily", "kind: sql\ninputs: [payment]\noutput: daily\n", code="SELECT 1"
    )
    assert dangling.line == 2
    assert "payments" in dangling.message
    assert client.check_recipe(P, "daily", DAILY, code="SELECT 1 AS one") == ()


def test_sql_is_tried_before_it_is_saved(client: Client) -> None:
    found = client.preview_recipe(P, "daily", "SELECT count(*) AS n FROM payments", rows=1)

    assert found.sample == ({"n": 400},)
    with pytest.raises(Invalid, match="amont"):
        client.preview_recipe(P, "daily", "SELECT amont FROM payments")
    with pytest.raises(Invalid, match="only recipes of SQL have a preview"):
        client.preview_recipe(P, "train_fraud", "SELECT 1")
    with pytest.raises(NotFound, match="did you mean 'daily'"):
        client.preview_recipe(P, "dayly", "SELECT 1")


def test_a_new_recipe_brings_its_output_and_its_builds_are_told(client: Client) -> None:
    definition = SqlRecipe(inputs=("payments",), output="big")
    made = client.create_recipe(
        P, "big_payments", definition, code="SELECT * FROM payments WHERE amount > 800"
    )

    assert made.recipe.last_build is None
    assert client.dataset(P, "big").dataset.made_by == "big_payments"
    with pytest.raises(Conflict):
        client.create_recipe(P, "big_payments", definition, code="SELECT 1")
    client.build(P, "big")
    (built,) = client.recipe_builds(P, "big_payments")
    assert (built.status, built.job is not None) == ("built", True)
    assert built.rows["big"] == client.dataset(P, "big").dataset.rows == client.dataset_sample(P, "big").rows
    assert client.recipe_log(P, "big_payments", built.id)
    with pytest.raises(NotFound):
        client.recipe_log(P, "big_payments", "20260101-000000-abcdef")
    client.delete_recipe(P, "big_payments")
    with pytest.raises(NotFound, match="no recipe 'big_payments'"):
        client.recipe(P, "big_payments")
    assert client.dataset(P, "big").dataset.made_by is None


def test_an_etag_spares_the_answer_and_guards_the_change(control_plane: ControlPlane) -> None:
    server = control_plane.server
    headers = {"Authorization": f"Bearer {server.key}"}
    with httpx.Client(base_url=f"{server.url}/api/v1/projects/{P}", headers=headers) as http:
        tag = http.get("/recipes/daily").headers["etag"]
        assert http.get("/recipes/daily", headers={"If-None-Match": tag}).status_code == 304
        old = {"If-Match": f'"{"0" * 64}"'}
        assert http.put("/recipes/daily", json={"code": "SELECT 3"}, headers=old).status_code == 412
        assert http.get("/datasets/odd/sample?rows=0").status_code == 400


def test_a_file_becomes_a_dataset_and_a_bad_one_leaves_nothing(
    client: Client, folder: Path, tmp_path: Path
) -> None:
    good, bad = tmp_path / "orders.csv", tmp_path / "bad.csv"
    good.write_text("n,name\n1,one\n2,two\n")
    bad.write_text("n,name\n1,one,more\n")

    made = client.upload_dataset(P, good)

    assert (made.dataset.place, client.dataset_sample(P, "orders").rows) == ("data/orders.csv", 2)
    with pytest.raises(Conflict):
        client.upload_dataset(P, good)
    with pytest.raises(Invalid, match="3 values for 2 columns"):
        client.upload_dataset(P, bad)
    with pytest.raises(Invalid, match=r"\.exe"):
        client.upload_dataset(P, good.rename(tmp_path / "orders.exe"))
    assert {"bad.csv", "orders.exe"}.isdisjoint(path.name for path in (folder / "data").iterdir())
    assert not list(folder.glob(".unfinished-*"))
    assert [one.id for one in client.datasets(P) if one.id in ("bad", "orders")] == ["orders"]


def test_a_dataset_is_described_and_deleted_unless_it_is_used(client: Client) -> None:
    client.create_dataset(P, "again", FilesDataset(path="data/odd.csv"))
    assert client.dataset_sample(P, "again").rows == 1000

    client.delete_dataset(P, "again")

    with pytest.raises(NotFound):
        client.dataset(P, "again")
    with pytest.raises(Conflict, match="is used by recipe 'daily'"):
        client.delete_dataset(P, "payments")
    with pytest.raises(Invalid, match="merchants"):
        client.delete_dataset(P, "merchants")
