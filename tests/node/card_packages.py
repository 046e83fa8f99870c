"""Small sound packages for tests of the node: models made by hand, so that their answers can be computed."""

from __future__ import annotations

import math
import random
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from scoreline.core.lookup import Lookup, LookupColumn, LookupKey
from scoreline.core.model import Feature, Signature, Task
from scoreline.core.package import (
    FORMAT,
    Manifest,
    PackagedLookup,
    PackagedModel,
    content_digest,
    lookup_id,
)
from scoreline.core.schema import Column, ColumnType
from scoreline.core.service import Endpoint, LookupEndpoint, PredictionEndpoint, Service, lookups_of
from scoreline.core.service_key import ServiceKey
from scoreline.lookups.building import build_lookup
from scoreline.scoring.document import CategorySlot, Ensemble, Linear, NumericSlot, ScorerDocument, Step
from scoreline.scoring.files import load_scorer
from scoreline.scoring.golden import write_golden
from scoreline.scoring.trees import Kind, Trees, pack_node, pack_trees
from scoreline.storage.archives import file_entries, write_archive, write_manifest

SERVICE = "cards"
AMOUNT, AGE, SECTORS = 0.002, -0.03, {"": 0.0, "gas": 0.5, "luxury goods": 1.5}

CARDS = Lookup(
    dataset="cards",
    keys=(LookupKey(column="card", name="card_id"),),
    columns=(LookupColumn(column="age"), LookupColumn(column="score", name="card_score")),
)
SECTOR = Lookup(
    dataset="merchants",
    keys=(LookupKey(column="merchant_id"), LookupKey(column="branch", name="merchant_branch")),
    columns=(LookupColumn(column="sector"),),
)
MERCHANT = Lookup(dataset="merchants", keys=SECTOR.keys, columns="all")

TABLES: Mapping[str, tuple[Sequence[Column], Sequence[Column], Sequence[tuple[object, ...]]]] = {
    "cards": (
        (Column("card", ColumnType.STRING),),
        (Column("age", ColumnType.INT), Column("score", ColumnType.DOUBLE)),
        [
            ("C_1", 50, 700.5),
            ("C_2", 20, 500.0),
            ("C_none", None, None),
            ("C_twice", 40, 1.0),
            ("C_twice", 60, 2.0),
        ],
    ),
    "merchants": (
        (Column("merchant_id", ColumnType.STRING), Column("branch", ColumnType.INT)),
        (Column("sector", ColumnType.STRING), Column("state", ColumnType.STRING)),
        [("M_1", 1, "gas", "Ohio"), ("M_1", 2, "luxury goods", "Wyoming"), ("M_3", 1, "gas", "Utah")],
    ),
}
ENDPOINTS: tuple[Endpoint, ...] = (
    PredictionEndpoint(id="predict", model="fraud", enrichments=(CARDS, SECTOR), return_post_enrichment=True),
    PredictionEndpoint(id="plain", model="fraud"),
    PredictionEndpoint(id="strict", model="strict"),
    PredictionEndpoint(id="value", model="value"),
    LookupEndpoint(id="merchant", lookups=(MERCHANT,)),
    LookupEndpoint(id="both", lookups=(CARDS, SECTOR)),
)
PLAIN = (ENDPOINTS[1],)
"""For packages of which only the probability matters."""


def probability(bias: float, amount: float = 0.0, age: float = 0.0, sector: str = "") -> float:
    """What the model `fraud` of a package says of a record."""
    raw = bias + amount * AMOUNT + age * AGE + SECTORS.get(sector, 0.0)
    return 1 / (1 + math.exp(-raw))


def make_package(
    folder: Path,
    version: str = "v1",
    *,
    service: str = SERVICE,
    bias: float = 0.0,
    endpoints: Sequence[Endpoint] = ENDPOINTS,
    trees: int = 0,
    more_cards: int = 0,
    golden: bool = True,
    keys: Sequence[ServiceKey] = (),
) -> Path:
    """A package. `bias` tells its probabilities from those of others; `trees` are carried along as a model;
    `golden` False: its golden rows expect another answer than the model gives. Not public when it has `keys`.
    """
    target = folder / f"{service}-{version}.zip"
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        package = Path(scratch)
        definition = Service(
            endpoints=tuple(endpoints), authorization="api_keys" if keys else "public", api_keys=tuple(keys)
        )
        (package / "service.json").write_bytes(msgspec.json.encode(definition))
        models = _write_models(package, definition, bias, trees=trees, golden=golden)
        lookups = _write_lookups(package, definition, more_cards)
        files = file_entries(package)
        manifest = Manifest(
            format=FORMAT,
            project="cards",
            service=service,
            version=version,
            digest=content_digest(files),
            created_at="2030-01-01T00:00:00+00:00",
            created_by="somebody",
            models=models,
            lookups=lookups,
            files=files,
        )
        write_manifest(package, manifest)
        write_archive(package, target)
    return target


def _write_models(
    package: Path, definition: Service, bias: float, *, trees: int, golden: bool
) -> dict[str, PackagedModel]:
    wanted = {one.model for one in definition.endpoints if isinstance(one, PredictionEndpoint)}
    for name in wanted:
        folder = package / "models" / name
        folder.mkdir(parents=True)
        document, forest = _DOCUMENTS[name](bias, trees)
        (folder / "scorer.json").write_bytes(msgspec.json.encode(document))
        if forest is not None:
            (folder / "trees.bin").write_bytes(pack_trees(forest))
        write_golden(load_scorer(folder), [{"amount": 10}, {"amount": "x"}, {}], folder)
        if not golden:
            text = (folder / "golden.json").read_bytes().replace(b'"probas":{"no":0.', b'"probas":{"no":0.1')
            (folder / "golden.json").write_bytes(text)
    packaged = PackagedModel(
        version="t1", digest="0", task="binary", algorithm="logistic", scorer="linear", parity_rows=1,
        parity_max_difference=0.0,
    )  # fmt: skip
    return dict.fromkeys(wanted, packaged)


def _write_lookups(package: Path, definition: Service, more_cards: int) -> dict[str, PackagedLookup]:
    packaged = {}
    for lookup in {lookup for endpoint in definition.endpoints for lookup in lookups_of(endpoint)}:
        keys, columns, rows = TABLES[lookup.dataset]
        if lookup.columns != "all":
            wanted = [choice.column for choice in lookup.columns]
            places = [*range(len(keys)), *(len(keys) + _names(columns).index(name) for name in wanted)]
            columns = [columns[_names(columns).index(name)] for name in wanted]
            rows = [tuple(row[place] for place in places) for row in rows]
        if lookup.dataset == "cards":
            rows = [*rows, *((f"D_{n}", n, float(n)) for n in range(more_cards))]
        info = build_lookup(package / "lookups" / lookup_id(lookup), keys, columns, rows)
        packaged[lookup_id(lookup)] = PackagedLookup(
            dataset=lookup.dataset, rows=info.rows, digest=info.digest
        )
    return packaged


def _names(columns: Sequence[Column]) -> list[str]:
    return [column.name for column in columns]


def _feature(name: str, handling: str, missing: str) -> Feature:
    kind = ColumnType.DOUBLE if handling == "numeric" else ColumnType.STRING
    return Feature(name=name, type=kind, handling=handling, missing=missing)  # type: ignore[arg-type]


def _fraud(bias: float, _trees: int) -> tuple[ScorerDocument, Trees | None]:
    features = (
        _feature("amount", "numeric", "constant"),
        _feature("age", "numeric", "constant"),
        _feature("sector", "category", "native"),
    )
    return _binary(features, bias), None


def _strict(bias: float, _trees: int) -> tuple[ScorerDocument, Trees | None]:
    features = (
        _feature("amount", "numeric", "ignore_record"),
        _feature("age", "numeric", "constant"),
        _feature("sector", "category", "ignore_record"),
    )
    return _binary(features, bias), None


def _binary(features: tuple[Feature, ...], bias: float) -> ScorerDocument:
    codes = {name: code for code, name in enumerate(("gas", "luxury goods", ""), start=1)}
    terms = (0.0, *(SECTORS[name] for name in codes))
    zero = (Step("fill", 0.0),)
    return ScorerDocument(
        format=1,
        signature=Signature(
            task=Task.BINARY, target="refused", features=features, classes=("no", "yes"), threshold=0.5
        ),
        library="by hand",
        exact=False,
        slots=(NumericSlot(0, zero), NumericSlot(1, zero), CategorySlot(2, codes, len(terms))),
        accepts_missing=False,
        model=Linear("sigmoid", (bias,), (((AMOUNT,), (AGE,), terms),)),
        percentiles=tuple(number / 100 for number in range(1, 101)),
    )


def _value(_bias: float, trees: int) -> tuple[ScorerDocument, Trees | None]:
    """A regression: twice the amount; with trees, whatever they say."""
    features = (_feature("amount", "numeric", "constant"),)
    slots = (NumericSlot(0, (Step("fill", 0.0),)),)
    signature = Signature(task=Task.REGRESSION, target="value", features=features)
    model: Linear | Ensemble = Linear("identity", (0.0,), (((2.0,),),))
    if trees:
        model = Ensemble("identity", (0.0,))
    document = ScorerDocument(
        format=1,
        signature=signature,
        library="by hand",
        exact=False,
        slots=slots,
        accepts_missing=False,
        model=model,
    )
    return document, _forest(trees) if trees else None


def _forest(trees: int) -> Trees:
    draw = random.Random(trees)
    nodes: list[bytes] = []
    roots = []

    def grow(depth: int) -> None:
        if depth == 0:
            nodes.append(pack_node(draw.uniform(-1, 1), 0, 0, Kind.LEAF))
            return
        place = len(nodes)
        nodes.append(b"")
        grow(depth - 1)
        nodes[place] = pack_node(draw.uniform(0, 900), len(nodes), 0, Kind.BELOW)
        grow(depth - 1)

    for _ in range(trees):
        roots.append(len(nodes))
        grow(6)
    return Trees(
        roots=b"".join(root.to_bytes(4, "little") for root in roots),
        outputs=bytes(4 * trees),
        nodes=b"".join(nodes),
        leaves=b"",
        bits=b"",
    )


_DOCUMENTS = {"fraud": _fraud, "strict": _strict, "value": _value}
