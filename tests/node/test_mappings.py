"""Several generations answer for a service, each for its share, by chance, by key or by force."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from tests.node.card_packages import PLAIN, make_package, probability
from tests.node.processes import NodeProcess, mapped_files, wait_until

from scoreline.core.service import PredictionEndpoint, TestQuery

StartNode = Callable[..., NodeProcess]
BIASES = {"v1": -1.0, "v2": 1.0, "v3": 2.0}
PATH = "services/cards/actions/setMapping"


def entries(shares: Mapping[str, float]) -> dict[str, Any]:
    return {"entries": [{"generation": name, "proba": share} for name, share in shares.items()]}


def share(node: NodeProcess, shares: Mapping[str, float], **parameters: str) -> Any:
    return node.done("POST", PATH, json=entries(shares), params=parameters)


def fill(node: NodeProcess, folder: Path, *versions: str) -> None:
    for version in versions:
        node.install(make_package(folder, version, bias=BIASES[version], endpoints=PLAIN), switch=False)


def generation_of(answer: Any) -> str:
    """The generation that an answer names, whose probability it tells."""
    generation = str(answer["apiContext"]["serviceGeneration"])
    results = answer.get("results") or [answer["result"]]
    for result in results:
        assert result["probas"]["yes"] == pytest.approx(probability(BIASES[generation]))
    return generation


def ask(node: NodeProcess, **dispatch: object) -> str:
    return generation_of(node.ask("cards/plain/predict", {"features": {}, "dispatch": dispatch}))


def placed(node: NodeProcess, keys: list[str]) -> list[str]:
    queries = [{"features": {}, "dispatch": {"dispatchKey": key}} for key in keys]
    return [generation_of(answer) for answer in node.ask_many("cards/plain/predict", queries)]


def loaded(node: NodeProcess) -> list[str]:
    found = node.done("GET", "services/cards/generations")["generations"]
    return [one["generation"] for one in found if one["loaded"]]


def test_ten_thousand_queries_are_divided_by_the_shares(start_node: StartNode, tmp_path: Path) -> None:
    node = start_node(workers=2)
    fill(node, tmp_path, "v1", "v2")

    switched = share(node, {"v2": 0.7, "v1": 0.3})
    answers = node.ask_many("cards/plain/predict", [{"features": {}}] * 10_000)

    assert switched["generation"] is None
    assert switched["mapping"] == entries({"v2": 0.7, "v1": 0.3})
    # Five standard deviations.
    assert Counter(map(generation_of, answers))["v2"] == pytest.approx(7_000, abs=230)


def test_ten_thousand_keys_have_one_generation_each_on_all_nodes_and_after_restarts(
    start_node: StartNode, tmp_path: Path
) -> None:
    keys = [f"C_{number}" for number in range(10_000)]
    node, other = start_node(workers=2), start_node()
    fill(node, tmp_path, "v1", "v2")
    fill(other, tmp_path, "v2", "v1")
    share(node, {"v1": 0.7, "v2": 0.3})
    share(other, {"v2": 0.3, "v1": 0.7})

    first = placed(node, keys)
    node.end()
    node.start()

    assert Counter(first)["v1"] == pytest.approx(7_000, abs=230)
    assert placed(node, keys) == first
    assert placed(other, keys) == first

    share(node, {"v1": 0.6, "v2": 0.4})
    moved = Counter(pair for pair in zip(first, placed(node, keys), strict=True) if pair[0] != pair[1])
    assert list(moved) == [("v1", "v2")]
    assert moved["v1", "v2"] == pytest.approx(1_000, abs=150)


def test_a_forced_generation_goes_before_a_key_and_need_only_be_loaded(
    start_node: StartNode, tmp_path: Path
) -> None:
    node = start_node()
    fill(node, tmp_path, "v1", "v2", "v3")
    share(node, {"v1": 0.5, "v2": 0.5})

    refused = node.post("cards/plain/predict", {"features": {}, "dispatch": {"forcedGeneration": "v3"}})
    node.done("POST", "services/cards/generations/v3/preload")

    assert (refused.status_code, refused.json()["code"]) == (404, "no-such-generation")
    for name in BIASES:
        for _ in range(5):
            assert ask(node, forcedGeneration=name, dispatchKey="C_7") == name


def test_a_key_may_be_a_number_and_counts_as_its_digits(start_node: StartNode, tmp_path: Path) -> None:
    node = start_node()
    fill(node, tmp_path, "v1", "v2")
    share(node, {"v1": 0.5, "v2": 0.5})

    numbers = [ask(node, dispatchKey=number) for number in range(20)]
    escaped = node.ask("cards/plain/predict", b'{"features":{},"d\\u0069spatch":{"dispatchKey":"3"}}')

    assert numbers == placed(node, [str(number) for number in range(20)])
    assert set(numbers) == {"v1", "v2"}
    assert generation_of(escaped) == numbers[3]
    assert (
        node.post("cards/plain/predict", {"features": {}, "dispatch": {"dispatchKey": [1]}}).status_code
        == 400
    )


def test_a_call_is_dispatched_once_however_many_records_it_has(start_node: StartNode, tmp_path: Path) -> None:
    node = start_node()
    fill(node, tmp_path, "v1", "v2")
    share(node, {"v1": 0.5, "v2": 0.5})

    batches = [
        generation_of(node.ask("cards/plain/predict-multi", {"items": [{"features": {}}] * 20}))
        for _ in range(30)
    ]
    simple = [
        generation_of(node.send("GET", "/public/api/v1/cards/plain/predict-simple?amount=0").json())
        for _ in range(30)
    ]

    assert set(batches) == set(simple) == {"v1", "v2"}


@pytest.mark.parametrize(
    ("body", "code", "message"),
    [
        (entries({}), "bad-mapping", "it has 0 generations; give 1 to 20"),
        (entries({"v1": 0.7, "v2": 0.2}), "bad-mapping", "the probabilities add up to 0.9, not 1"),
        (entries({"v1": 0.7, "v2": 0.4}), "bad-mapping", "the probabilities add up to 1.1, not 1"),
        (
            entries({"v1": 1.5, "v2": -0.5}),
            "bad-mapping",
            "the probability of 'v1' is not above 0 and at most 1",
        ),
        (entries({"v1": 1.0, "v2": 0}), "bad-mapping", "the probability of 'v2' is not above 0"),
        (entries({"v1": 0.5, "v9": 0.5}), "no-such-generation", "no generation 'v9' on this node"),
        (
            {"entries": [{"generation": "v1", "proba": 0.5}, {"generation": "v1", "proba": 0.5}]},
            "bad-mapping",
            "generation 'v1' is in it twice",
        ),
        ({"entries": [{"generation": "v1", "proba": "much"}]}, "bad-query", "Expected `float`, got `str`"),
        ({"entries": [{"generation": "v1"}]}, "bad-query", "missing required field `proba`"),
        (b'{"entries":[{"generation":"v1","proba":NaN}]}', "bad-query", "the body is not as expected"),
        (b'{"entries":[{"generation":"v1","proba":1e999}]}', "bad-query", "out of range"),
        ({}, "bad-query", "missing required field `entries`"),
    ],
)
def test_a_mapping_that_cannot_be_is_refused_with_the_reason(
    shared_node: NodeProcess, body: Any, code: str, message: str
) -> None:
    sent = {"content": body} if isinstance(body, bytes) else {"json": body}

    answer = shared_node.admin("POST", PATH, **sent)

    assert answer.json()["code"] == code
    assert message in answer.json()["message"]
    assert shared_node.readiness()["services"] == {"cards": "v1"}


def test_a_mapping_with_a_generation_that_cannot_be_loaded_changes_nothing(
    start_node: StartNode, tmp_path: Path
) -> None:
    node = start_node(workers=2)
    fill(node, tmp_path, "v1")
    node.install(make_package(tmp_path, "v2", endpoints=PLAIN, golden=False), switch=False)
    share(node, {"v1": 1.0})

    refused = node.admin("POST", PATH, json=entries({"v1": 0.5, "v2": 0.5}))

    assert (refused.status_code, refused.json()["code"]) == (400, "cannot-load")
    assert "golden row" in refused.json()["message"]
    assert {ask(node) for _ in range(20)} == {"v1"}
    assert loaded(node) == ["v1"]
    assert node.send("GET", "/isReady/").status_code == 200


@pytest.mark.parametrize(
    ("query", "expect", "message"),
    [
        ({"features": {}}, {"prediction": "no"}, "result.prediction differs from what is expected"),
        ({"features": {"amount": []}}, None, "feature 'amount': expected a number"),
    ],
)
def test_a_generation_whose_own_test_queries_fail_does_not_go_live(
    start_node: StartNode, tmp_path: Path, query: dict[str, Any], expect: dict[str, Any] | None, message: str
) -> None:
    node = start_node(workers=2)
    fill(node, tmp_path, "v1")
    share(node, {"v1": 1.0})
    failing = PredictionEndpoint(
        id="plain", model="fraud", test_queries=(TestQuery(name="a refusal", query=query, expect=expect),)
    )
    node.install(make_package(tmp_path, "v2", bias=1.0, endpoints=(failing,)), switch=False)

    for path, body in (
        ("actions/setMapping", entries({"v1": 0.5, "v2": 0.5})),
        ("generations/v2/preload", None),
    ):
        refused = node.admin("POST", f"services/cards/{path}", json=body)
        assert (refused.status_code, refused.json()["code"]) == (400, "cannot-load")
        assert f"test query 1 'a refusal' of endpoint 'plain' fails: {message}" in refused.json()["message"]
    assert loaded(node) == ["v1"]
    assert {ask(node) for _ in range(10)} == {"v1"}


def test_what_answers_is_not_removed_and_what_does_not_is_freed(
    start_node: StartNode, tmp_path: Path
) -> None:
    node = start_node()
    fill(node, tmp_path, "v1", "v2", "v3")
    share(node, {"v1": 0.5, "v2": 0.5})
    node.done("POST", "services/cards/generations/v3/preload")

    for method, path in (("DELETE", "generations/v2"), ("POST", "generations/v2/unload")):
        refused = node.admin(method, f"services/cards/{path}")
        assert (refused.status_code, refused.json()["code"]) == (409, "generation-active")
    node.done("POST", "services/cards/generations/v3/unload")
    assert loaded(node) == ["v1", "v2"]
    assert (node.data / "generations/cards/v3").is_dir()
    node.done("DELETE", "services/cards/generations/v3")
    assert not (node.data / "generations/cards/v3").exists()


def test_memory_and_files_of_what_is_not_wanted_are_freed(start_node: StartNode, tmp_path: Path) -> None:
    node = start_node(workers=2)
    fill(node, tmp_path, "v1")
    share(node, {"v1": 1.0})
    node.install(make_package(tmp_path, "v2", bias=1.0, more_cards=50), switch=False)
    node.install(make_package(tmp_path, "v3", endpoints=PLAIN, golden=False), switch=False)

    def mapped() -> set[str]:
        """The generations with files in the memory of workers."""
        files = [name for pid in node.worker_pids() for name in mapped_files(pid) if "/generations/" in name]
        return {name.split("/generations/cards/")[1].split("/")[0] for name in files}

    share(node, {"v1": 0.5, "v2": 0.5})
    assert mapped() == {"v2"}  # v1 has no lookup
    share(node, {"v1": 1.0})
    assert mapped() == set()
    # What was loaded for a mapping that does not come is let go, too.
    assert node.admin("POST", PATH, json=entries({"v2": 0.5, "v3": 0.5})).status_code == 400
    assert mapped() == set()
    share(node, {"v2": 1.0})
    share(node, {"v1": 1.0}, keepPrevious="true")
    assert mapped() == {"v2"}
    node.done("DELETE", "services/cards/generations/v2")
    assert mapped() == set()
    assert sorted(path.name for path in (node.data / "generations/cards").iterdir()) == ["v1", "v3"]


def test_what_answered_before_is_kept_in_memory_on_demand_until_the_next_switch(
    start_node: StartNode, tmp_path: Path
) -> None:
    node = start_node()
    fill(node, tmp_path, "v1", "v2", "v3")
    share(node, {"v1": 1.0})

    share(node, {"v2": 1.0}, keepPrevious="True")
    assert loaded(node) == ["v1", "v2"]
    share(node, {"v2": 1.0})  # again: the same generations answer
    assert loaded(node) == ["v1", "v2"]
    share(node, {"v3": 1.0}, keepPrevious="true")
    assert loaded(node) == ["v2", "v3"]
    node.done("POST", "services/cards/actions/switchTo/v2", params={"keepPrevious": "true"})
    assert loaded(node) == ["v2", "v3"]
    node.done("POST", "services/cards/generations/v3/unload")
    assert loaded(node) == ["v2"]
    assert (
        node.admin("POST", PATH, json=entries({"v1": 1.0}), params={"keepPrevious": "yes"}).status_code == 400
    )


def test_a_switch_enables_a_service_unless_it_is_told_not_to(start_node: StartNode, tmp_path: Path) -> None:
    node = start_node()
    fill(node, tmp_path, "v1", "v2")
    share(node, {"v1": 1.0})
    node.done("POST", "services/cards/actions/disable")

    share(node, {"v1": 0.5, "v2": 0.5}, enable="false")
    assert node.post("cards/plain/predict", {"features": {}}).json()["code"] == "service-disabled"
    assert node.readiness()["mappings"] == {"cards": None}
    (service,) = node.done("GET", "services")
    assert (service["enabled"], service["generation"]) == (False, None)
    assert service["mapping"] == entries({"v1": 0.5, "v2": 0.5})

    node.done("POST", "services/cards/actions/enable")
    assert {ask(node) for _ in range(40)} == {"v1", "v2"}
    assert node.readiness()["mappings"] == {"cards": entries({"v1": 0.5, "v2": 0.5})}


def test_a_node_that_starts_again_divides_queries_as_before(start_node: StartNode, tmp_path: Path) -> None:
    node = start_node(workers=2)
    fill(node, tmp_path, "v1", "v2", "v3")
    share(node, {"v1": 1.0})
    share(node, {"v2": 0.25, "v3": 0.75}, keepPrevious="true")
    before = node.done("GET", "services/cards/generations")

    node.kill()
    node.start()

    assert node.done("GET", "services/cards/generations") == before
    assert loaded(node) == ["v1", "v2", "v3"]
    assert {ask(node) for _ in range(60)} == {"v2", "v3"}
    text = node.send("GET", "/metrics").text
    assert 'scoreline_active_generation{service="cards",generation="v3"} 0.75\n' in text


def test_the_share_of_a_generation_damaged_on_disk_goes_to_the_others_and_is_told(
    start_node: StartNode, tmp_path: Path
) -> None:
    node = start_node(workers=2)
    fill(node, tmp_path, "v1", "v2", "v3")
    share(node, {"v1": 0.4, "v2": 0.3, "v3": 0.3})
    keys = [f"C_{number}" for number in range(1_000)]
    before = placed(node, keys)
    node.end()
    (node.data / "generations/cards/v2/models/fraud/scorer.json").write_bytes(b"{}")

    node.start()

    after = placed(node, keys)
    assert all(new == old for old, new in zip(before, after, strict=True) if old != "v2")
    assert set(after) == {"v1", "v3"}
    answer = node.send("GET", "/isReady/")
    assert (answer.status_code, set(answer.json()["failures"])) == (503, {"cards/v2"})
    # Another share for it is another promise, which cannot be kept.
    refused = node.admin("POST", PATH, json=entries({"v1": 0.5, "v2": 0.5}))
    assert (refused.status_code, refused.json()["code"]) == (400, "cannot-load")
    node.done("POST", "services/cards/actions/disable")
    refused = node.admin("POST", "services/cards/actions/enable")
    assert (refused.status_code, refused.json()["code"]) == (400, "cannot-load")
    share(node, {"v1": 0.5, "v3": 0.5})
    wait_until(lambda: node.send("GET", "/isReady/").status_code == 200, "the node is ready")


def test_cleaning_removes_what_is_disabled_or_not_loaded(start_node: StartNode, tmp_path: Path) -> None:
    node = start_node()
    fill(node, tmp_path, "v1", "v2", "v3")
    share(node, {"v1": 0.5, "v2": 0.5})
    node.install(make_package(tmp_path, "w1", service="resting", endpoints=PLAIN))
    node.done("POST", "services/resting/actions/disable")
    node.done("POST", "services/", json={"serviceId": "empty"})

    cleaned = node.done("DELETE", "services-clean-unused")

    assert cleaned == {
        "removedServices": ["empty", "resting"],
        "removedGenerations": ["cards/v3", "resting/w1"],
    }
    assert [path.name for path in (node.data / "generations").iterdir()] == ["cards"]
    assert [one["serviceId"] for one in node.done("GET", "services")] == ["cards"]
    assert {ask(node) for _ in range(40)} == {"v1", "v2"}
