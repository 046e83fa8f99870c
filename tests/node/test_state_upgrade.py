"""A node takes over the data folder of an earlier release as it stands."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.node.card_packages import PLAIN, make_package
from tests.node.processes import NodeProcess

from scoreline.core.deployment import GenerationsMapping, MappingEntry, single
from scoreline.errors import Invalid
from scoreline.node.state import AdminKey, InstalledGeneration, NodeState, ServiceState
from scoreline.node.state_file import decode_state, encode_state

# As the first release wrote it.
FORMAT_1 = """{"format":1,"services":{"cards":{"enabled":true,"active":"v2","preloaded":["v1"],\
"generations":[\
{"id":"v1","digest":"D1","endpoints":["plain"]},{"id":"v2","digest":"D2","endpoints":["plain"]},\
{"id":"v3","digest":"D3","endpoints":["plain"]}]},\
"empty":{"enabled":true,"active":null,"preloaded":[],"generations":[]},\
"resting":{"enabled":false,"active":"w1","preloaded":[],"generations":[{"id":"w1","digest":"D4","endpoints":["plain"]}]}}}"""


def test_the_first_format_is_read_without_loss() -> None:
    generations = [
        InstalledGeneration(id=name, digest=digest, endpoints=("plain",))
        for name, digest in (("v1", "D1"), ("v2", "D2"), ("v3", "D3"), ("w1", "D4"))
    ]
    assert decode_state(FORMAT_1.encode()) == NodeState(
        services={
            "cards": ServiceState(
                mapping=single("v2"), preloaded=("v1",), generations=tuple(generations[:3])
            ),
            "empty": ServiceState(),
            "resting": ServiceState(enabled=False, mapping=single("w1"), generations=tuple(generations[3:])),
        }
    )


def test_what_is_written_today_is_read_as_it_was() -> None:
    entries = (MappingEntry("v1", 0.1), MappingEntry("v2", 0.2), MappingEntry("v3", 0.7))
    state = NodeState(
        services={
            "cards": ServiceState(
                mapping=GenerationsMapping(entries),
                preloaded=("v4",),
                previous=("v5",),
                generations=(
                    InstalledGeneration(id="v1", digest="D", endpoints=("a",), key_labels=("till",)),
                ),
            )
        },
        keys=(AdminKey(id="1", sha256="0" * 64, created_at=1.5, expires_at=2.5),),
    )
    assert decode_state(encode_state(state)) == state


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        '{"format":2,"services":[]}',
        '{"services":{"a":{"active":5}}}',
        '{"format":3}',
        '{"format":"1"}',
    ],
)
def test_a_state_that_cannot_be_read_is_refused(text: str) -> None:
    with pytest.raises(Invalid) as caught:
        decode_state(text.encode())
    assert caught.value.code == "bad-state"


def test_a_node_answers_from_the_folder_of_the_first_release(
    start_node: Callable[..., NodeProcess], tmp_path: Path
) -> None:
    node = start_node()
    for version in ("v1", "v2", "v3"):
        node.install(make_package(tmp_path, version, endpoints=PLAIN), switch=False)
    node.install(make_package(tmp_path, "w1", service="resting", endpoints=PLAIN), switch=False)
    before = node.done("GET", "services/cards/generations")["generations"]
    resting = node.done("GET", "services/resting/generations")["generations"]
    digests = {one["generation"]: one["digest"] for one in before + resting}
    node.end()
    text = FORMAT_1
    for name, stands in zip(("v1", "v2", "v3", "w1"), ("D1", "D2", "D3", "D4"), strict=True):
        text = text.replace(f'"{stands}"', f'"{digests[name]}"')
    (node.data / "state.json").write_text(text)

    node.start()

    answer = node.ask("cards/plain/predict", {"features": {}})
    assert answer["apiContext"]["serviceGeneration"] == "v2"
    found = node.done("GET", "services/cards/generations")["generations"]
    assert [(one["generation"], one["active"], one["loaded"]) for one in found] == [
        ("v1", False, True),
        ("v2", True, True),
        ("v3", False, False),
    ]
    assert node.post("resting/plain/predict", {"features": {}}).json()["code"] == "service-disabled"
    assert node.post("empty/plain/predict", {"features": {}}).json()["code"] == "no-generation"
    assert json.loads((node.data / "state.json").read_text())["format"] == 1
    node.done("POST", "services/resting/actions/enable")
    assert json.loads((node.data / "state.json").read_text())["format"] == 2
    answer = node.ask("resting/plain/predict", {"features": {}})
    assert answer["apiContext"]["serviceGeneration"] == "w1"
