"""What changed between two versions is said by name, and nothing else is."""

from __future__ import annotations

from msgspec.structs import replace

from scoreline.core.lookup import Lookup, LookupKey
from scoreline.core.package import FORMAT, Manifest, PackagedLookup, PackagedModel
from scoreline.core.service import LookupEndpoint, PredictionEndpoint, Service, TestQuery
from scoreline.core.version_changes import (
    EndpointChange,
    LibraryChange,
    LookupChange,
    ModelChange,
    VersionChanges,
    changes_between,
)

CARDS = Lookup(dataset="cards", keys=(LookupKey(column="card_id"),))
MODEL = PackagedModel(
    version="m1",
    digest="aa",
    task="regression",
    algorithm="ridge",
    scorer="linear",
    parity_rows=9,
    parity_max_difference=0.0,
)
ROWS = PackagedLookup(dataset="cards", rows=100, digest="dd")
FIRST = Manifest(
    format=FORMAT,
    project="p",
    service="fraud",
    version="v1",
    digest="x",
    created_at="2030-01-01",
    created_by="ann",
    models={"fraud": MODEL},
    lookups={"cards-1": ROWS},
    libraries={"numpy": "2.4.6"},
)
PREDICT = PredictionEndpoint(id="predict", model="fraud")
FIND = LookupEndpoint(id="find", lookups=(CARDS,))
SERVICE = Service(endpoints=(PREDICT, FIND))


def test_the_same_content_has_no_changes() -> None:
    again = replace(FIRST, version="v2", created_at="2030-02-02", created_by="bob", release_notes="again")

    assert changes_between((FIRST, SERVICE), (again, SERVICE)) == VersionChanges()


def test_endpoints_come_go_and_change() -> None:
    asked = TestQuery(query={"features": {}})
    enriched = replace(PREDICT, enrichments=(CARDS,), test_queries=(asked,))
    after = Service(endpoints=(enriched, PredictionEndpoint(id="other", model="fraud")))

    found = changes_between((FIRST, SERVICE), (FIRST, after))

    assert (found.endpoints_added, found.endpoints_removed) == (("other",), ("find",))
    assert found.endpoints_changed == (
        EndpointChange(id="predict", settings=("enrichments", "test_queries")),
    )


def test_an_endpoint_of_another_kind_under_the_same_id_is_changed() -> None:
    after = Service(endpoints=(PREDICT, PredictionEndpoint(id="find", model="fraud")))

    found = changes_between((FIRST, SERVICE), (FIRST, after))

    assert found.endpoints_changed == (EndpointChange(id="find", settings=("kind",)),)


def test_models_lookups_and_libraries_are_compared_by_what_they_hold() -> None:
    after = replace(
        FIRST,
        models={"fraud": replace(MODEL, version="m2", digest="bb", algorithm="boosting"), "new": MODEL},
        lookups={"cards-1": replace(ROWS, rows=120, digest="ee"), "shops-1": replace(ROWS, dataset="shops")},
        libraries={"numpy": "2.5.0", "scikit-learn": "1.9.1"},
    )

    found = changes_between((FIRST, SERVICE), (after, SERVICE))

    assert found.models == (
        ModelChange(
            id="fraud", before="m1", after="m2", algorithm_before="ridge", algorithm_after="boosting"
        ),
        ModelChange(id="new", before=None, after="m1", algorithm_after="ridge"),
    )
    assert found.lookups == (
        LookupChange(id="cards-1", dataset="cards", rows_before=100, rows_after=120),
        LookupChange(id="shops-1", dataset="shops", rows_before=None, rows_after=100),
    )
    assert found.libraries == (
        LibraryChange(name="numpy", before="2.4.6", after="2.5.0"),
        LibraryChange(name="scikit-learn", before=None, after="1.9.1"),
    )


def test_what_is_gone_is_told_with_what_it_was() -> None:
    after = replace(FIRST, models={}, lookups={})

    found = changes_between((FIRST, SERVICE), (after, Service(endpoints=())))

    assert found.models == (ModelChange(id="fraud", before="m1", after=None, algorithm_before="ridge"),)
    assert found.lookups == (LookupChange(id="cards-1", dataset="cards", rows_before=100, rows_after=None),)
    assert found.endpoints_removed == ("predict", "find")


def test_a_setting_of_the_service_itself_is_named() -> None:
    found = changes_between((FIRST, SERVICE), (FIRST, replace(SERVICE, authorization="api_keys")))

    assert found.settings == ("authorization",)
