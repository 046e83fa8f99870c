"""What clients of Dataiku send back is kept whole or refused, never changed in silence."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from scoreline.core.deployment import GenerationsMapping, MappingEntry, single
from scoreline.core.lookup import Lookup, LookupColumn, LookupKey
from scoreline.core.service import LookupEndpoint, PredictionEndpoint, Service, TestQuery
from scoreline.core.service_key import ServiceKey
from scoreline.errors import Invalid
from scoreline.wire import dataiku_service
from scoreline.wire.dataiku_deployer import (
    DeploymentSettings,
    info_messages,
    mapping_read,
    mapping_written,
    settings_read,
)

EVERYTHING = Service(
    name="Fraud",
    description="Refuses.",
    endpoints=(
        PredictionEndpoint(
            id="predict",
            model="fraud",
            enrichments=(
                Lookup(
                    dataset="cards",
                    keys=(LookupKey(column="card", name="card_id"), LookupKey(column="bank")),
                    columns=(LookupColumn(column="age", name="card_age"), LookupColumn(column="since")),
                    on_missing_key="error",
                    on_no_match="ignore_record",
                    on_several_matches="first",
                    precedence="lookup",
                ),
            ),
            return_post_enrichment=True,
            test_queries=(
                TestQuery(name="one", query={"features": {"amount": 1.5}}, expect={"prediction": "yes"}),
                TestQuery(query={"features": {}}, expect={}),
                TestQuery(query={"features": {"x": [1, {"y": None}]}, "context": {}}),
            ),
            description="d",
        ),
        LookupEndpoint(id="find", lookups=(Lookup(dataset="cards", keys=(LookupKey(column="card"),)),)),
    ),
)
MAPPING = GenerationsMapping((MappingEntry("v1", 0.3), MappingEntry("auto_deploy_api", 0.7)))
SETTINGS = DeploymentSettings(
    id="fraud-on-test",
    published_service_id="fraud",
    deployed_service_id="fraud",
    infra_id="test",
    enabled=True,
    tags=("bank",),
    generations_mapping=mapping_written(MAPPING),
)


def over_the_wire(value: Any) -> Any:
    return msgspec.json.decode(msgspec.json.encode(value))


@pytest.mark.parametrize(
    "service",
    [
        EVERYTHING,
        Service(),
        Service(authorization="api_keys", api_keys=(ServiceKey(label="till", sha256="ab" * 32),)),
    ],
)
def test_everything_of_a_service_comes_back(service: Service) -> None:
    settings = over_the_wire(dataiku_service.written("cards", "fraud", service))

    assert dataiku_service.read("cards", "fraud", settings) == service


def test_what_says_nothing_or_changes_no_answer_is_left_out() -> None:
    settings = over_the_wire(dataiku_service.written("cards", "fraud", EVERYTHING))
    settings.update(versionTag={"versionNumber": 7}, tags=["a"], unheard=None, of=[])
    settings["endpoints"][0].update(useJava=True, packagingType="", cacheEnabled=False)
    settings["endpoints"][0]["testQueries"][0]["headers"] = []
    settings["endpoints"][0]["enrichments"][0]["deploymentPolicy"] = None

    assert dataiku_service.read("cards", "fraud", settings) == EVERYTHING


@pytest.mark.parametrize("place", ["service", "endpoint", "query", "lookup"])
def test_what_counts_and_is_not_known_is_refused(place: str) -> None:
    settings = over_the_wire(dataiku_service.written("cards", "fraud", EVERYTHING))
    endpoint = settings["endpoints"][0]
    places = {"service": settings, "endpoint": endpoint}
    places |= {"query": endpoint["testQueries"][0], "lookup": endpoint["enrichments"][0]}
    places[place]["cache"] = {"seconds": 7}

    with pytest.raises(Invalid, match="has 'cache', which cannot be kept here"):
        dataiku_service.read("cards", "fraud", settings)


@pytest.mark.parametrize("value", [None, 3, "x", [], {"endpoints": [[]]}, {"endpoints": [{"type": []}]}])
def test_settings_of_another_shape_are_refused(value: Any) -> None:
    with pytest.raises(Invalid):
        dataiku_service.read("cards", "fraud", value)


@pytest.mark.parametrize("mapping", [MAPPING, single("v1")])
def test_a_mapping_comes_back(mapping: GenerationsMapping) -> None:
    assert mapping_read(over_the_wire(mapping_written(mapping))) == mapping


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (None, "the mode None"),
        ({"mode": "SINGLE_GENERATION"}, "generation"),
        ({"mode": "SINGLE_GENERATION", "generation": None}, "generation"),
        ({"mode": "SPLIT"}, "'MULTI_GENERATION'"),
        ({"mode": "MULTI_GENERATION", "entries": [{"generation": "v1", "proba": 0.5}]}, "add up to 0.5"),
        ({"mode": "MULTI_GENERATION", "entries": [{"generation": "v1"}]}, "proba"),
        ({"mode": "MULTI_GENERATION", "entries": [], "strategy": "HASH"}, "has 'strategy'"),
    ],
)
def test_a_mapping_that_cannot_be_is_refused(given: Any, message: str) -> None:
    with pytest.raises(Invalid, match=message):
        mapping_read(given)


def test_deployment_settings_come_back_and_their_fixed_parts_cannot_change() -> None:
    settings = over_the_wire(SETTINGS)
    settings["versionTag"] = {}

    assert settings_read(settings, SETTINGS) == (True, ("bank",), MAPPING)
    with pytest.raises(Invalid, match="infraId of the deployment is 'test' and cannot be changed"):
        settings_read({**settings, "infraId": "production"}, SETTINGS)
    with pytest.raises(Invalid, match="did you mean 'enabled'"):
        settings_read({**settings, "enable": True}, SETTINGS)
    del settings["enabled"]
    with pytest.raises(Invalid, match="missing required field `enabled`"):
        settings_read(settings, SETTINGS)


def test_messages_say_how_bad_they_are() -> None:
    assert over_the_wire(info_messages("ERROR", []))["anyMessage"] is False
    told = over_the_wire(info_messages("ERROR", ["node 'eu-1' is down"]))
    assert (told["error"], told["maxSeverity"], told["messages"][0]["message"]) == (
        True,
        "ERROR",
        "node 'eu-1' is down",
    )
