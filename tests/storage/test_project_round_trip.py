"""What is written is read, and an edit touches only what changed: for any project."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import msgspec
from hypothesis import HealthCheck, assume, event, given, settings
from hypothesis import strategies as st

from scoreline.core.dataset import FilesDataset, ManagedDataset, SqlDataset
from scoreline.core.drift import DriftSettings
from scoreline.core.evaluation_check import EvaluationCheck
from scoreline.core.lookup import Lookup, LookupColumn, LookupKey
from scoreline.core.model import (
    FeatureHandling,
    HistGradientBoosting,
    LightGBM,
    RandomForest,
    SavedModel,
    Task,
    Threshold,
    XGBoost,
)
from scoreline.core.names import is_id
from scoreline.core.project import Connection, EvaluationStore, Kind, Project, ProjectSettings
from scoreline.core.recipe import (
    EvaluateRecipe,
    PythonRecipe,
    ScoreRecipe,
    SplitPart,
    SplitRecipe,
    SqlRecipe,
    StandaloneEvaluateRecipe,
    TrainRecipe,
    outputs_of,
)
from scoreline.core.scenario import Scenario
from scoreline.core.scenario_step import BuildStep
from scoreline.core.schema import Column, ColumnType
from scoreline.core.service import LookupEndpoint, PredictionEndpoint, Service, TestQuery
from scoreline.storage.definitions import read_definition
from scoreline.storage.project_edits import Change, ProjectFiles
from scoreline.storage.project_files import TYPES, read_project
from scoreline.storage.yaml_edits import edited
from scoreline.storage.yaml_text import written

ids = st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,8}", fullmatch=True).filter(is_id)
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12) | st.sampled_from(
    [
        "yes",
        "null",
        "~",
        "1",
        "1e3",
        "0x1F",
        "2020-01-01",
        "- a",
        "a: b",
        "# no",
        "'",
        '"',
        "{}",
        "a\nb",
        "\n a",
        "<<",
    ]
)
names = texts.filter(str.strip)
numbers = st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(2**53), 2**53)
json_values = st.recursive(
    st.none() | st.booleans() | numbers | texts,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(texts.filter(lambda key: key != "<<"), inner, max_size=3)
    ),
    max_leaves=6,
)
bodies = st.dictionaries(texts.filter(lambda key: key != "<<"), json_values, max_size=3)
shares = st.floats(0.01, 0.4)
seeds = st.integers(0, 2**32 - 1)
columns = st.none() | st.lists(
    st.builds(Column, names, st.sampled_from(ColumnType)),
    min_size=1,
    max_size=4,
    unique_by=lambda column: column.name,
).map(tuple)
features = st.dictionaries(
    names.filter(lambda name: name != "y" and name != "<<"),
    st.builds(
        FeatureHandling,
        handling=st.just("numeric"),
        missing=st.sampled_from([None, "median", "native", "ignore_record"]),
        scale=st.sampled_from(["standard", "min_max", "none"]),
    )
    | st.builds(
        FeatureHandling,
        handling=st.just("category"),
        missing=st.just("constant"),
        fill=texts,
        max_categories=st.integers(2, 250),
    )
    | st.builds(
        FeatureHandling, handling=st.just("category"), encode=st.sampled_from(["one_hot", "ordinal"])
    ),
    min_size=1,
    max_size=4,
)
algorithms = st.lists(
    st.builds(RandomForest, trees=st.integers(1, 5_000), max_depth=st.none() | st.integers(1, 64))
    | st.builds(HistGradientBoosting, learning_rate=st.floats(0.001, 1))
    | st.builds(LightGBM)
    | st.builds(XGBoost, max_depth=st.integers(1, 16)),
    min_size=1,
    max_size=3,
    unique_by=msgspec.json.encode,
).map(tuple)
RECIPE_KINDS = ["sql", "python", "split", "train", "score", "evaluate", "standalone_evaluate"]
drift_settings = st.builds(
    DriftSettings,
    columns=st.dictionaries(
        names.filter(lambda name: name != "<<"),
        st.sampled_from(["numeric", "category", "leave_out"]),
        max_size=2,
    ),
    classifier_rows=st.integers(100, 200_000),
)
checks = st.lists(
    st.builds(
        EvaluationCheck,
        metric=st.just("column_psi"),
        name=names,
        max=st.floats(allow_nan=False, allow_infinity=False),
        columns=st.none() | st.lists(names, min_size=1, max_size=2).map(tuple),
    ),
    max_size=2,
    unique_by=lambda check: check.name,
).map(tuple)


@st.composite
def lookups(draw: st.DrawFn, datasets: list[str]) -> Lookup:
    behaviours = ["leave_empty", "ignore_record", "error"]
    keys = draw(st.lists(names, min_size=1, max_size=3, unique=True))
    outputs = draw(st.lists(names, min_size=1, max_size=3, unique=True))
    return Lookup(
        dataset=draw(st.sampled_from(datasets)),
        keys=tuple(LookupKey(column=f"k{n}", name=key) for n, key in enumerate(keys)),
        columns=draw(
            st.just("all") | st.just(tuple(LookupColumn(column="c", name=name) for name in outputs))
        ),
        on_missing_key=draw(st.sampled_from(behaviours)),
        on_no_match=draw(st.sampled_from(behaviours)),
        on_several_matches=draw(st.sampled_from(["first", *behaviours])),
        precedence=draw(st.sampled_from(["query", "lookup"])),
    )


@st.composite
def services(draw: st.DrawFn, datasets: list[str], models: list[str]) -> Service:
    endpoints: list[Any] = []
    for id_ in draw(st.lists(ids, max_size=3, unique_by=str.casefold)):
        some = tuple(draw(st.lists(lookups(datasets), min_size=1, max_size=2)))
        if models and draw(st.booleans()):
            queries = draw(st.lists(bodies.map(lambda body: TestQuery(query={"features": body})), max_size=2))
            endpoints.append(
                PredictionEndpoint(
                    id=id_,
                    model=draw(st.sampled_from(models)),
                    enrichments=some,
                    return_post_enrichment=draw(st.booleans()),
                    test_queries=tuple(queries),
                )
            )
        else:
            query = TestQuery(query={"data": draw(bodies)}, expect=draw(st.none() | bodies), name=draw(texts))
            endpoints.append(
                LookupEndpoint(id=id_, lookups=some, test_queries=(query,), description=draw(texts))
            )
    return Service(endpoints=tuple(endpoints), name=draw(texts), description=draw(texts))


@st.composite
def recipes(
    draw: st.DrawFn, sources: list[str], free: list[str], models: list[str], stores: list[str]
) -> dict[str, Any]:
    """Recipes without circles: each reads sources, or what earlier ones wrote."""
    found: dict[str, Any] = {}
    ready = list(sources)
    for id_ in draw(st.lists(ids, max_size=5, unique_by=str.casefold)):
        source = draw(st.sampled_from(ready))
        kind = draw(st.sampled_from(RECIPE_KINDS))
        if kind == "sql" and free:
            found[id_] = SqlRecipe(inputs=(source,), output=free.pop(), description=draw(texts))
            ready.append(found[id_].output)
        elif kind == "python" and free:
            found[id_] = PythonRecipe(
                inputs=(source,), outputs=(free.pop(),), frames=draw(st.sampled_from(["arrow", "pandas"]))
            )
            ready.extend(found[id_].outputs)
        elif kind == "split" and len(free) > 1:
            parts = (
                SplitPart(dataset=free.pop(), where=draw(names)),
                SplitPart(dataset=free.pop(), share=draw(st.none() | shares)),
            )
            found[id_] = SplitRecipe(input=source, parts=parts, seed=draw(seeds))
            ready.extend(part.dataset for part in parts)
        elif kind == "train" and models:
            task = draw(st.sampled_from(Task))
            found[id_] = TrainRecipe(
                input="nothing-declared",
                model=models.pop(),
                task=task,
                target="y",
                features=draw(features),
                algorithms=draw(algorithms),
                threshold=draw(st.builds(Threshold, value=st.floats(0, 1)))
                if task is Task.BINARY
                else Threshold(),
                test_share=draw(shares),
                seed=draw(seeds),
            )
        elif kind == "score" and free and found_model(found):
            found[id_] = ScoreRecipe(input=source, model=found_model(found), output=free.pop())
        elif kind == "evaluate" and stores and found_model(found):
            found[id_] = EvaluateRecipe(
                input="nothing-declared",
                model=found_model(found),
                store=stores.pop(),
                drift=draw(drift_settings),
                seed=draw(seeds),
            )
        elif kind == "standalone_evaluate" and stores and len(sources) > 1:
            found[id_] = StandaloneEvaluateRecipe(
                input="nothing-declared",
                reference=next(name for name in sources if name != "nothing-declared"),
                store=stores.pop(),
                task=Task.BINARY,
                prediction="said",
                probas=draw(st.dictionaries(names.filter(lambda n: n != "<<"), st.just("p"), max_size=1)),
                drift=draw(drift_settings),
            )
    return found


def found_model(found: dict[str, Any]) -> str:
    return next((recipe.model for recipe in found.values() if isinstance(recipe, TrainRecipe)), "")


@st.composite
def projects(draw: st.DrawFn) -> Project:
    connections = draw(
        st.dictionaries(ids, st.builds(Connection, url=st.just("sqlite:///x"), description=texts), max_size=2)
    )
    items = draw(st.lists(ids, min_size=4, max_size=14, unique_by=str.casefold))
    assume("nothing-declared" not in items)
    stores, models, managed, rest = items[::4], items[1::4], items[2::4], items[3::4]
    datasets: dict[str, Any] = {
        id_: FilesDataset(
            path=f"data/{id_}",
            columns=None,
            delimiter=draw(st.sampled_from(",;\t|")),
            description=draw(texts),
        )
        for id_ in rest
    }
    datasets |= {id_: ManagedDataset(columns=draw(columns), description=draw(texts)) for id_ in managed}
    datasets["nothing-declared"] = FilesDataset(path="data/ü x.csv.gz")
    for connection in connections:
        datasets[f"from-{connection}"] = SqlDataset(connection=connection, table=draw(names))
    flow = draw(recipes([*rest, "nothing-declared"], list(managed), list(models), list(stores)))
    built = sorted(name for recipe in flow.values() for name in outputs_of(recipe))
    scenario = Scenario(
        steps=tuple(
            BuildStep(id=id_, items=tuple(built[:2]), name=draw(texts))
            for id_ in draw(
                st.lists(
                    ids.filter(lambda id_: "." not in id_), max_size=2 if built else 0, unique_by=str.casefold
                )
            )
        )
    )
    made = Project(
        settings=draw(
            st.builds(
                ProjectSettings,
                id=ids,
                name=texts,
                variables=st.dictionaries(
                    texts.filter(lambda key: key != "<<"), texts | numbers | st.booleans(), max_size=3
                ),
            )
        ),
        connections=connections,
        datasets=datasets,
        recipes=flow,
        models={id_: SavedModel(name=draw(texts)) for id_ in models},
        evaluation_stores={
            id_: EvaluationStore(description=draw(texts), checks=draw(checks)) for id_ in stores
        },
        services=draw(
            st.dictionaries(ids, services(list(rest) or ["nothing-declared"], list(models)), max_size=2)
        ),
        scenarios={"nightly": scenario},
        code={
            id_: "SELECT 1\n" if isinstance(recipe, SqlRecipe) else "def run(x):\n    return x\n"
            for id_, recipe in flow.items()
            if isinstance(recipe, SqlRecipe | PythonRecipe)
        },
    )
    for kind in Kind:
        assume(len({id_.casefold() for id_ in made.of(kind)}) == len(made.of(kind)))
    return made


def store(project: Project, folder: Path) -> ProjectFiles:
    (folder / "project.yaml").write_text("id: draft\n")
    files = ProjectFiles(folder)
    changes = [Change(None, "", project.settings, files.revision(None))]
    for kind in Kind:
        for id_, value in project.of(kind).items():
            code = project.code.get(id_) if kind is Kind.RECIPE else None
            changes.append(Change(kind, id_, value, None, code))
    files.apply(changes)
    return files


def contents(folder: Path) -> dict[str, bytes]:
    found = (path for path in folder.rglob("*") if path.is_file() and ".scoreline" not in path.parts)
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}


@settings(max_examples=15, suppress_health_check=list(HealthCheck))
@given(projects())
def test_a_project_that_was_written_is_read_as_it_was_and_stays_as_it_is(project: Project) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        files = store(project, folder)
        before = contents(folder)

        read = read_project(folder)
        files.apply(
            [
                Change(
                    kind,
                    id_,
                    value,
                    files.revision(kind, id_),
                    read.code.get(id_) if kind is Kind.RECIPE else None,
                )
                for kind in Kind
                for id_, value in read.of(kind).items()
            ]
        )

        assert msgspec.json.encode(read, order="sorted") == msgspec.json.encode(project, order="sorted")
        assert contents(folder) == before


@st.composite
def pairs(draw: st.DrawFn) -> tuple[Any, Any, Any]:
    """Two values of one kind of definition."""
    datasets, models = ["a", "b"], ["m", "n"]
    kind, values = draw(
        st.sampled_from(
            [
                (Kind.SERVICE, services(datasets, models)),
                (
                    Kind.RECIPE,
                    recipes(datasets, ["x", "y"], ["m"], ["s"])
                    .filter(bool)
                    .map(lambda found: next(iter(found.values()))),
                ),
                (Kind.DATASET, st.builds(ManagedDataset, columns=columns, description=texts)),
                (Kind.CONNECTION, st.builds(Connection, url=texts, description=texts)),
                (
                    Kind.SCENARIO,
                    st.builds(
                        Scenario,
                        name=texts,
                        steps=st.lists(
                            st.builds(
                                BuildStep,
                                items=st.lists(names, max_size=3).map(tuple),
                                name=texts,
                                force=st.booleans(),
                            ),
                            max_size=3,
                        ).map(tuple),
                    ),
                ),
            ]
        )
    )
    return TYPES[kind], draw(values), draw(values)


def decorated(text: str, draw: st.DrawFn | None = None) -> str:
    """The text with a comment on and above each line that can carry one."""
    lines = []
    for number, line in enumerate(text.splitlines()):
        indent = line[: len(line) - len(line.lstrip(" -"))].replace("-", " ")
        lines += [f"{indent}# above {number}", f"{line}  # beside {number}"]
    return "# top\n" + "\n".join(lines) + "\n# end\n"


@settings(max_examples=100, suppress_health_check=list(HealthCheck))
@given(pairs(), st.booleans(), st.booleans())
def test_an_edited_text_says_the_new_value(
    pair: tuple[Any, Any, Any], with_comments: bool, windows: bool
) -> None:
    type_, old, new = pair
    text = written(old)
    if with_comments and "|" not in text:
        text = decorated(text)
        assume(read_definition(text, type_).value == old)
    if windows:
        text = text.replace("\n", "\r\n")
        assume(read_definition(text, type_).value == old)

    result = edited(text, new, type_)

    assert msgspec.json.encode(read_definition(result, type_).value) == msgspec.json.encode(new)
    assert edited(result, new, type_) == result
    if windows and result != written(new):
        assert "\n" not in result.replace("\r\n", "")


@settings(max_examples=60, suppress_health_check=list(HealthCheck))
@given(pairs(), st.data())
def test_comments_and_lines_outside_a_changed_key_stay(
    pair: tuple[Any, Any, Any], data: st.DataObject
) -> None:
    type_, old, other = pair
    assume(type(old) is type(other))
    key = data.draw(st.sampled_from(old.__struct_fields__))
    new = msgspec.structs.replace(old, **{key: getattr(other, key)})
    plain_text = written(old)
    assume("|" not in plain_text and plain_text != "{}\n")
    text = decorated(plain_text)
    assume(read_definition(text, type_).value == old)

    result = edited(text, new, type_)

    kept = outside(text, key)
    event("something outside" if len(kept) > 2 else "nothing outside")
    left = iter(result.splitlines())
    assert all(any(line == found for found in left) for line in kept), result


def outside(text: str, key: str) -> list[str]:
    """The lines of a decorated text that do not belong to one top key."""
    kept, inside = [], False
    for line in text.splitlines():
        if not line.startswith((" ", "#")):
            inside = line.startswith(f"{key}:")
        if not inside:
            kept.append(line)
        elif line.startswith("# above") or line == "# end":
            inside = False
            kept.append(line)
    return kept


def test_items_that_change_places_take_their_comments_along() -> None:
    text = (
        "steps:   # in order\n"
        "  - {id: a, kind: approval}   # who signs\n"
        "\n"
        "  # Only then.\n"
        "  - {id: b, kind: build}\n"
        "name: Night\n"
    )
    old = read_definition(text, Scenario).value
    assert old is not None
    turned = msgspec.structs.replace(old, steps=old.steps[::-1])

    result = edited(text, turned, Scenario)

    assert result == (
        "steps:   # in order\n"
        "\n"
        "  # Only then.\n"
        "  - {id: b, kind: build}\n"
        "  - {id: a, kind: approval}   # who signs\n"
        "name: Night\n"
    )
