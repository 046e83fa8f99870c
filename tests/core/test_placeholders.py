"""Placeholders: `${name}` in texts of scenarios is replaced once, by plain JSON and by nothing else."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scoreline.core.placeholders import (
    DEEPEST,
    LONGEST_RESULT,
    LONGEST_TEXT,
    MOST_PARTS,
    expand,
    expand_all,
    placeholders,
)
from scoreline.errors import Invalid

NAMES: dict[str, Any] = {
    "limit": 0.6,
    "version": "auto_deploy_api",
    "ready": True,
    "nothing": None,
    "rows": [1, "a", {"b": None}],
    "tricky": "${limit} $${limit} ${env:HOME}",
    "steps": {"check-drift": {"outcome": "FAILED", "output": {"n": 3}}, "__private": 1},
}


def refusal(value: Any, where: str = "") -> str:
    with pytest.raises(Invalid) as raised:
        expand_all(value, NAMES, where=where)
    return raised.value.message


@pytest.mark.parametrize(
    "name", ["limit", "version", "ready", "nothing", "rows", "steps", "steps.check-drift.output.n"]
)
def test_a_text_that_is_one_placeholder_becomes_the_value_itself(name: str) -> None:
    expected: Any = NAMES
    for part in name.split("."):
        expected = expected[part]

    assert expand(f"${{{name}}}", NAMES) is expected
    assert expand(f"${{ {name} }}", NAMES) is expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ""), ("no placeholder", "no placeholder"), ("${limit} ", "0.6 "),
        ("${version}1", "auto_deploy_api1"),
        ("${version}${version}", "auto_deploy_apiauto_deploy_api"),
        ("it is ${ready}, ${nothing}", "it is true, null"),
        ("rows: ${rows}", 'rows: [1,"a",{"b":null}]'), ("${steps.check-drift.outcome}!", "FAILED!"),
        ("$${limit}", "${limit}"), ("$${", "${"), ("a $${limit} ${limit}", "a ${limit} 0.6"),
        ("$$${limit}", "$${limit}"),
        ("$", "$"), ("$$", "$$"), ("$5 {limit} }", "$5 {limit} }"), ("$limit", "$limit"),
        ("$$5", "$$5"), ("{}", "{}"),
        ("é ${version} 🙂", "é auto_deploy_api 🙂"),
    ],
)  # fmt: skip
def test_placeholders_in_longer_texts_are_replaced_by_text(text: str, expected: str) -> None:
    assert expand(text, NAMES) == expected


def test_what_was_inserted_is_never_expanded_again() -> None:
    tricky = NAMES["tricky"]

    assert expand("${tricky}", NAMES) == tricky
    assert expand("<${tricky}>", NAMES) == f"<{tricky}>"
    assert expand("$${${version}}", NAMES) == "${auto_deploy_api}"
    assert expand("${a}${b}", {"a": "$", "b": "{limit}"}) == "${limit}"
    assert expand_all({"${limit}": ["${tricky}"]}, NAMES) == {"${limit}": [tricky]}


def test_all_texts_of_a_structure_are_expanded_and_everything_else_stays() -> None:
    given_ = {
        "shares": [{"version": "${version}", "share": "${limit}"}, {"version": "v1", "share": 0.4}],
        "text": ("at ${limit}", None, True, 1),
        "${version}": "key",
    }

    expanded = expand_all(given_, NAMES)

    assert expanded == {
        "shares": [{"version": "auto_deploy_api", "share": 0.6}, {"version": "v1", "share": 0.4}],
        "text": ["at 0.6", None, True, 1],
        "${version}": "key",
    }
    assert placeholders(given_) == {"version", "limit"}


def test_the_names_of_a_text_are_told() -> None:
    text = "${a} $${b} ${c.d-e.f} ${ a }"

    assert placeholders(text) == {"a", "c.d-e.f"}
    assert placeholders("none") == set()
    assert placeholders(3) == set()
    with pytest.raises(Invalid, match="env"):
        placeholders({"a": ["${env:HOME}"]})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("${limt}", "query: there is no 'limt'; did you mean 'limit'?"),
        ("a ${steps.chek-drift.outcome}",
         "query: there is no 'steps.chek-drift'; did you mean 'check-drift'?"),
        ("${limit.x}", "query: 'limit' is a number: there is no 'limit.x'"),
        ("${rows.0}", "query: 'rows' is a list: there is no 'rows.0'"),
        ("${version.upper}", "query: 'version' is a text: there is no 'version.upper'"),
        ("${version.__class__}", "query: 'version' is a text: there is no 'version.__class__'"),
        ("${steps.__private}", "query: there is no 'steps.__private'; there is: check-drift"),
        ("${__name__}", "query: there is no '__name__'; "),
        ("${limit+1}", "query: there is no 'limit+1'; did you mean 'limit'?"),
        ("${env:HOME}",
         "query: '${env:HOME}' is no placeholder of scenarios: secrets belong to connections, "),
        ("a ${ENV: HOME} b", "query: '${ENV: HOME}' is no placeholder of scenarios: secrets belong "),
        ("${env:${version}}", "query: '${env:$' is no placeholder of scenarios: secrets belong "),
        ("${file:/etc/passwd}",
         "query: '${file:/etc/passwd}' is no placeholder; write it like ${limit} or ${steps."),
        ("${}",
         "query: '${}' is no placeholder; write it like ${limit} or ${steps.drift.outcome}, and $${"),
        ("${ }", "query: '${ }' is no placeholder; "),
        ("${a b}", "query: '${a b}' is no placeholder; "),
        ("${a..b}", "query: '${a..b}' is no placeholder; "),
        ("${.a}", "query: '${.a}' is no placeholder; "),
        ("${limit", "query: '${limit' has no closing brace; write $${ where ${ itself is meant"),
        ("${${limit}}", "query: '${$' has no closing brace; "),
        ("${" * 1_000, "query: '${$' has no closing brace; "),
        ("${" + "a" * 90_000 + "}",
         "query: there is no 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa…'; there is: "),
    ],
)  # fmt: skip
def test_a_refusal_says_where_what_and_what_to_do(text: str, message: str) -> None:
    assert refusal({"query": text}).startswith(message)
    assert refusal(text, where="query").startswith(message)


def test_places_are_named_by_their_path() -> None:
    assert refusal({"a": [{"b": "${x}"}]}, "step 'x'").startswith("step 'x'.a[0].b: there is no 'x'")
    assert refusal([["${x}"]]).startswith("[0][0]: there is no 'x'")
    assert len(refusal({"k" * 5_000: "${x}"})) < 300


def test_only_plain_json_is_inserted() -> None:
    for foreign in (object(), print, {1, 2}, b"bytes", 1j):
        for text in ("${a}", "<${a}>"):
            with pytest.raises(Invalid, match="'a' is not plain JSON"):
                expand(text, {"a": foreign})
    for odd, kind in (([object()], "list"), ({"b": print}, "mapping"), (10**5_000, "number")):
        with pytest.raises(Invalid, match=f"'a' is a {kind} that cannot be written as a text"):
            expand("<${a}>", {"a": odd})
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]
    with pytest.raises(Invalid, match="'a' is a list that cannot be written as a text"):
        expand("<${a}>", {"a": deep})
    assert expand("${a}", {"a": deep}) is deep


def test_sizes_are_bounded() -> None:
    long = {"long": "x" * 1_000}

    assert len(expand("${long}" * 1_000, long)) == LONGEST_RESULT
    with pytest.raises(Invalid, match="this is too large"):
        expand("${long}" * 1_000 + "y", long)
    with pytest.raises(Invalid, match=r"^\[1\]: this is too large"):
        expand_all(["${long}" * 999] * 2, long)
    assert expand("x" * LONGEST_TEXT, {}) == "x" * LONGEST_TEXT
    with pytest.raises(
        Invalid, match=f"a text has {LONGEST_TEXT + 1} characters; {LONGEST_TEXT} are allowed"
    ):
        expand("x" * (LONGEST_TEXT + 1), {})
    assert len(expand_all([0] * (MOST_PARTS - 1), {})) == MOST_PARTS - 1
    with pytest.raises(Invalid, match="this is too large"):
        expand_all([0] * MOST_PARTS, {})
    nested: Any = "${limit}"
    for _ in range(DEEPEST - 1):
        nested = [nested]
    assert placeholders(nested) == {"limit"}
    expand_all(nested, NAMES)
    for call in (lambda: expand_all([nested], NAMES), lambda: placeholders([nested])):
        with pytest.raises(Invalid, match="this is too large"):
            call()


PIECES = st.sampled_from(
    ("${", "}", "$", "$$", "{", "$${", "limit", "version", "steps", ".", "check-drift", "output", "n",
     "env:", ":", " ", "é", "\ud800", "__class__", "${limit}", "${version}", "${tricky}", "\0",
     "\n")
)  # fmt: skip


@given(text=st.text(max_size=50) | st.lists(PIECES, max_size=15).map("".join))
def test_any_text_is_expanded_or_refused(text: str) -> None:
    try:
        found = expand(text, NAMES)
        used = placeholders(text)
    except Invalid as error:
        assert len(error.message) < 500  # noqa: PT017
        return
    if not used:
        assert found == text.replace("$${", "${")


@given(text=st.text(max_size=50))
def test_a_text_that_is_escaped_comes_out_as_it_was(text: str) -> None:
    assert expand(text.replace("${", "$${"), {}) == text


@given(
    value=st.recursive(
        st.none()
        | st.booleans()
        | st.integers()
        | st.floats(allow_nan=False, allow_infinity=False)
        | st.text(max_size=8),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
        max_leaves=8,
    )
)
def test_a_value_is_kept_whole_and_reads_back_from_a_text(value: Any) -> None:
    assert expand("${a.b}", {"a": {"b": value}}) is value
    if not isinstance(value, str):
        assert json.loads(expand(" ${a}", {"a": value})) == value
