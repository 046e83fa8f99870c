"""The unmodified public client `dataikuapi` asks and administers a node."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from dataikuapi import APINodeAdminClient, APINodeClient
from dataikuapi.utils import DataikuException
from tests.node.card_packages import make_package, probability
from tests.node.processes import NodeProcess

from scoreline.core.service_key import make_service_key


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NodeProcess]:
    """Answers for `cards`: v1 is active, v2 loaded beside it."""
    folder = tmp_path_factory.mktemp("node")
    running = NodeProcess(folder / "data").start()
    running.install(make_package(folder, "v1", bias=-1.0))
    running.install(make_package(folder, "v2", bias=1.0), switch=False)
    running.done("POST", "services/cards/generations/v2/preload")
    yield running
    running.clear()


@pytest.fixture
def client(node: NodeProcess) -> Iterator[APINodeClient]:
    opened = APINodeClient(node.url, "cards")
    yield opened
    opened._session.close()


@pytest.fixture
def empty_node(tmp_path: Path) -> Iterator[NodeProcess]:
    running = NodeProcess(tmp_path / "data").start()
    yield running
    running.clear()


@pytest.fixture
def admin(empty_node: NodeProcess) -> Iterator[APINodeAdminClient]:
    opened = APINodeAdminClient(empty_node.url, empty_node.key)
    yield opened
    opened._session.close()


def test_a_record_has_the_same_prediction_with_its_columns_sent_or_looked_up(client: APINodeClient) -> None:
    looked_up = client.predict_record("predict", {"card_id": "C_1", "amount": 10})
    sent = client.predict_record("plain", {"age": 50, "amount": 10})

    assert looked_up["result"]["probas"] == sent["result"]["probas"]
    assert looked_up["result"]["probas"]["yes"] == pytest.approx(probability(-1.0, 10, 50))
    assert looked_up["result"]["postEnrichment"]["card_score"] == 700.5


def test_a_record_is_predicted_with_all_options(client: APINodeClient) -> None:
    answer = client.predict_record(
        "plain",
        {"amount": 10},
        forced_generation="v2",
        dispatch_key="who",
        context={"caller": ["till", 7]},
        with_explanations=False,
        explanation_method="ICE",
        n_explanations=3,
        n_explanations_mc_steps=50,
    )
    assert answer["apiContext"]["serviceGeneration"] == "v2"
    assert answer["result"]["probas"]["yes"] == pytest.approx(probability(1.0, 10))
    assert client.predict_record("plain", {}, dispatch_key="who")["apiContext"]["serviceGeneration"] == "v1"
    with pytest.raises(DataikuException, match="explanations are not supported yet"):
        client.predict_record("plain", {}, with_explanations=True)


def test_records_are_predicted_in_order(client: APINodeClient) -> None:
    records: list[dict[str, Any]] = [
        {"features": {"amount": 1}, "context": {"row": 1}},
        {"features": {"amount": "much"}},
        {"features": {"amount": 900}},
    ]
    results = client.predict_records("plain", records, forced_generation="v2")["results"]

    assert [one["ignored"] for one in results] == [False, True, False]
    assert results[1]["ignoreReason"] == "INVALID_RECORD"
    assert results[2]["probas"]["yes"] == pytest.approx(probability(1.0, 900))


def test_a_lookup_finds_its_row_or_nothing(client: APINodeClient) -> None:
    hit = client.lookup_record("merchant", {"merchant_id": "M_1", "merchant_branch": 1}, context={"a": 1})
    miss = client.lookup_record("merchant", {"merchant_id": "M_1", "merchant_branch": 9})
    several = client.lookup_records("both", [{"data": {"card_id": "C_1"}}, {"data": {"card_id": "C_2"}}])

    assert hit["data"] == {"sector": "gas", "state": "Ohio"}
    assert miss["data"] == {"sector": None, "state": None}
    assert miss["found"] is False
    assert [one["data"]["age"] for one in several["results"]] == [50, 20]


@pytest.mark.parametrize(
    ("endpoint", "features", "message"),
    [
        ("plain", {"amount": "much"}, "Invalid: feature 'amount': expected a number"),
        ("plan", {}, "NotFound: service 'cards' has no endpoint 'plan'; did you mean 'plain'"),
        ("merchant", {}, "NotFound: endpoint 'merchant' cannot 'predict'"),
        ("plain", [], "Invalid: the query is not as expected"),
    ],
)
def test_a_bad_request_raises_the_clients_exception_in_words(
    client: APINodeClient, endpoint: str, features: object, message: str
) -> None:
    with pytest.raises(DataikuException) as caught:
        client.predict_record(endpoint, features)
    assert str(caught.value).startswith(message)


def test_actions_that_no_endpoint_has_raise_the_clients_exception(client: APINodeClient) -> None:
    for call in (
        lambda: client.sql_query("plain", {}),
        lambda: client.run_function("plain"),
        lambda: client.forecast("plain", []),
    ):
        with pytest.raises(DataikuException, match="NotFound: endpoint 'plain' cannot"):
            call()


@pytest.mark.parametrize(
    "options", [{}, {"api_key": "some-key"}, {"bearer_token": "some.token"}], ids=["none", "key", "bearer"]
)
def test_a_base_uri_may_end_in_a_slash_and_any_key_is_fine(
    node: NodeProcess, options: dict[str, str]
) -> None:
    client = APINodeClient(f"{node.url}/", "cards", **options)
    assert client.predict_record("plain", {})["apiContext"]["serviceGeneration"] == "v1"
    assert client.lookup_record("both", {"card_id": "C_2"})["data"]["age"] == 20
    client._session.close()


def test_a_service_is_made_filled_and_switched(
    empty_node: NodeProcess, admin: APINodeAdminClient, tmp_path: Path
) -> None:
    client = APINodeClient(empty_node.url, "cards")
    admin.create_service("cards")
    assert [(one["serviceId"], one["enabled"]) for one in admin.list_services()] == [("cards", True)]
    service = admin.service("cards")
    assert service.list_generations() == []
    for version in ("v1", "v2", "v3"):
        service.import_generation_from_archive(str(make_package(tmp_path, version)))
    assert [one["generation"] for one in service.list_generations()] == ["v1", "v2", "v3"]
    with pytest.raises(DataikuException, match="Unavailable: no generation of service 'cards' answers"):
        client.predict_record("plain", {})

    def answering() -> str:
        return str(client.predict_record("plain", {})["apiContext"]["serviceGeneration"])

    service.switch_to_single_generation("v1")
    assert answering() == "v1"
    assert service.switch_to_newest()["generation"] == "v3"
    assert answering() == "v3"
    service.set_generations_mapping({"entries": [{"generation": "v2", "proba": 1}]})
    assert answering() == "v2"
    service.preload_generation("v1")
    answer = client.predict_record("plain", {}, forced_generation="v1")
    assert answer["apiContext"]["serviceGeneration"] == "v1"
    service.disable()
    with pytest.raises(DataikuException, match="service 'cards' is disabled"):
        client.predict_record("plain", {})
    service.enable()
    assert answering() == "v2"
    client._session.close()


def test_what_cannot_be_done_is_told_in_words(
    empty_node: NodeProcess, admin: APINodeAdminClient, tmp_path: Path
) -> None:
    service = admin.service("cards")
    service.import_generation_from_archive(str(make_package(tmp_path, "v1")))
    for call, message in (
        (lambda: service.import_generation_from_archive("/no/such/file.zip"), "no such file"),
        (lambda: service.switch_to_single_generation("v2"), "no generation 'v2' on this node; there is: v1"),
        (lambda: service.preload_generation("v9"), "no generation 'v9'"),
        (lambda: admin.service("carts").list_generations(), "did you mean 'cards'"),
        (lambda: admin.create_service("no/id"), "cannot be the id of a service"),
        (lambda: service.set_generations_mapping({"entries": []}), "it has 0 generations; give 1 to 20"),
        (
            lambda: service.set_generations_mapping({"entries": [{"generation": "v1", "proba": 0.5}]}),
            "the probabilities add up to 0.5, not 1",
        ),
    ):
        with pytest.raises(DataikuException, match=message):
            call()


def test_a_service_is_divided_between_generations(
    empty_node: NodeProcess, admin: APINodeAdminClient, tmp_path: Path
) -> None:
    service = admin.service("cards")
    for version in ("v1", "v2", "v3"):
        service.import_generation_from_archive(str(make_package(tmp_path, version)))
    client = APINodeClient(empty_node.url, "cards")

    service.set_generations_mapping(
        {"entries": [{"generation": "v1", "proba": 0.5}, {"generation": "v2", "proba": 0.5}]}
    )

    def answering(**options: Any) -> str:
        answer = client.predict_record("plain", {}, **options)
        return str(answer["apiContext"]["serviceGeneration"])

    assert {answering() for _ in range(40)} == {"v1", "v2"}
    assert len({answering(dispatch_key="C_7") for _ in range(20)}) == 1
    assert {answering(dispatch_key=f"C_{number}") for number in range(40)} == {"v1", "v2"}
    assert {answering(forced_generation="v2", dispatch_key="C_7") for _ in range(5)} == {"v2"}
    looked_up = [client.lookup_records("both", [{"data": {"card_id": "C_1"}}]) for _ in range(40)]
    assert {one["apiContext"]["serviceGeneration"] for one in looked_up} == {"v1", "v2"}
    batch = client.predict_records("plain", [{"features": {}}], forced_generation="v1")
    assert batch["apiContext"]["serviceGeneration"] == "v1"
    found = {one["generation"]: one for one in service.list_generations()}
    assert [(found[name]["active"], found[name]["proba"]) for name in found] == [
        (True, 0.5),
        (True, 0.5),
        (False, 0.0),
    ]
    client._session.close()


def test_admin_keys_are_made_listed_and_deleted(empty_node: NodeProcess, admin: APINodeAdminClient) -> None:
    auth = admin.auth()
    assert auth.list_keys() == []

    first = auth.add_key()
    second = auth.add_key(label="ci", description="pipeline", created_by="me", expiry="2999-01-01T00:00:00Z")

    assert first["label"] == ""
    assert first["expiry"] is None
    listed = auth.list_keys()
    assert [one["id"] for one in listed] == [first["id"], second["id"]]
    assert listed[1] == {
        "id": second["id"],
        "label": "ci",
        "description": "pipeline",
        "createdBy": "me",
        "createdAt": second["createdAt"],
        "expiry": "2999-01-01T00:00:00+00:00",
    }
    clients = [APINodeAdminClient(empty_node.url, made["key"]) for made in (first, second)]
    assert [client.list_services() for client in clients] == [[], []]
    auth.delete_key(first["key"])
    auth.delete_key_by_id(second["id"])
    assert auth.list_keys() == []
    for client in clients:
        with pytest.raises(DataikuException, match="NotAllowed: this is not the node's admin key"):
            client.list_services()
        client._session.close()
    with pytest.raises(DataikuException, match="NotFound: this node has no such admin key"):
        auth.delete_key_by_id(second["id"])


def test_calls_for_caches_say_that_there_is_nothing_to_cache(
    admin: APINodeAdminClient, capsys: pytest.CaptureFixture[str]
) -> None:
    nothing = {
        "ok": True,
        "cached": [],
        "removed": [],
        "message": "a package brings all that it needs; there is nothing to cache",
    }
    assert admin.import_code_env_in_cache("/envs/one", "python") == nothing
    assert admin.register_code_env_in_cache("/envs/one", "/built", "python") == nothing
    assert admin.import_model_archive_in_cache("/models/one.zip") == nothing
    admin.clear_model_cache()
    admin.clean_code_env_cache()
    assert json.loads(capsys.readouterr().out) == nothing


@pytest.mark.parametrize("form", ["api_key", "bearer_token"])
def test_a_service_with_keys_answers_who_has_one(
    empty_node: NodeProcess, admin: APINodeAdminClient, tmp_path: Path, form: str
) -> None:
    key, kept = make_service_key("till", b"t" * 32)
    admin.service("cards").import_generation_from_archive(str(make_package(tmp_path, "v1", keys=(kept,))))
    admin.service("cards").switch_to_newest()
    client = APINodeClient(empty_node.url, "cards", **{form: key})
    assert client.predict_record("plain", {})["apiContext"]["serviceGeneration"] == "v1"
    client._session.close()

    for options in ({}, {form: "another"}):
        client = APINodeClient(empty_node.url, "cards", **options)
        with pytest.raises(DataikuException, match=r"NotAllowed: .*service 'cards'"):
            client.predict_record("plain", {})
        client._session.close()


def test_metrics_cleaning_and_deletion(
    empty_node: NodeProcess,
    admin: APINodeAdminClient,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    service = admin.service("cards")
    for version in ("v1", "v2"):
        service.import_generation_from_archive(str(make_package(tmp_path, version)))
    service.switch_to_newest()
    admin.create_service("unused")
    client = APINodeClient(empty_node.url, "cards")
    client.predict_record("plain", {})
    client._session.close()

    asked = [one for one in admin.get_metrics()["endpoints"] if one["endpointId"] == "plain"]
    assert [(one["generation"], one["requests"], one["errors"]) for one in asked] == [("v2", 1, 0)]

    admin.clean_unused_services_and_generations()
    assert json.loads(capsys.readouterr().out) == {
        "removedServices": ["unused"],
        "removedGenerations": ["cards/v1"],
    }
    assert [one["generation"] for one in service.list_generations()] == ["v2"]
    service.delete()
    assert admin.list_services() == []
    assert list((empty_node.data / "generations").iterdir()) == []


def test_a_wrong_admin_key_raises_the_clients_exception(empty_node: NodeProcess) -> None:
    admin = APINodeAdminClient(f"{empty_node.url}/", "wrong-key")
    with pytest.raises(DataikuException, match="NotAllowed: this is not the node's admin key"):
        admin.list_services()
    admin._session.close()
