"""Expressions: conditions of scenarios say what Python would, and reach nothing but the names given."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from scoreline.core.expression import DEEPEST, LONGEST, is_true, parse_expression
from scoreline.core.expression_value import LARGEST_NUMBER, LONGEST_TEXT
from scoreline.errors import Invalid, ScorelineError

NAMES: dict[str, Any] = {
    "outcome": "FAILED",
    "always": True,
    "never": False,
    "limit": 0.6,
    "count": 7,
    "nothing": None,
    "items": ["a", "b"],
    "steps": {
        "check_drift": {"outcome": "FAILED", "output": {"rows": [{"n": 3}, {"n": 4}]}},
        "check-drift": {"outcome": "SUCCESS"},
        "v1.2": {"outcome": "WARNING"},
    },
    "trigger": {"params": {"day": "2026-03-01", "__secret": "s3cret"}},
}


def value(text: str, names: Mapping[str, Any] = NAMES) -> Any:
    return parse_expression(text).evaluate(names)


def refusal(text: str, names: Mapping[str, Any] = NAMES) -> str:
    with pytest.raises(Invalid) as raised:
        value(text, names)
    return raised.value.message


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1", 1), ("1.5", 1.5), ("1_000", 1000), ("2e3", 2000.0), (".5e-1", 0.05),
        ("'1or' + \"it's 2if\"", "1orit's 2if"),
        ("'a'", "a"), ('"it\'s"', "it's"), ("true", True), ("True", True),
        ("false", False),
        ("False", False), ("null", None), ("None", None), ("-3", -3), ("+3", 3),
        ("[1, 'a', [null]]", [1, "a", [None]]),
        ("(1, 2)", [1, 2]), ("[]", []),
        ("limit", 0.6), ("steps.check_drift.outcome", "FAILED"), ('steps["check-drift"].outcome', "SUCCESS"),
        ("steps['v1.2']['outcome']", "WARNING"), ("steps.check_drift.output.rows[1].n", 4),
        ("steps.check_drift.output.rows[-2].n", 3), ("trigger.params.day", "2026-03-01"),
        ("items", ["a", "b"]),
        ("1 + 2 * 3 - 4 / 2", 5.0), ("(1 + 2) * 3", 9), ("7 % 4", 3), ("-7 % 4", 1), ("0.1 + 0.2", 0.1 + 0.2),
        ("'a' + 'b'", "ab"), ("-limit", -0.6), ("--3", 3),
        ("1 == 1.0", True), ("1 != 2", True), ("'a' == 1", False), ("nothing == null", True),
        ("items == ['a', 'b']", True),
        ("1 < 2", True), ("2 <= 1", False), ("'b' > 'a'", True), ("2 >= 2.0", True),
        ("1 < 2 < 3", True), ("1 < 2 > 5", False), ("0 <= limit < 1", True),
        ("'a' in items", True), ("'c' not in items", True), ("'AIL' in outcome", True),
        ("'v1.2' in steps", True),
        ("outcome in ('FAILED', 'WARNING')", True), ("outcome in ['OK']", False),
        ("true and false", False), ("true or false", True), ("not true", False),
        ("not never and always", True),
        ("never or never or always", True), ("always and always and never", False),
        ("'yes' if always else 'no'", "yes"), ("'yes' if never else 'no'", "no"),
        ("len('abc')", 3), ("len(items)", 2), ("len(steps)", 3), ("min(3, 1, 2)", 1), ("max([1, 2.5])", 2.5),
        ("max('a', 'b')", "b"), ("abs(-2)", 2), ("round(2.567, 2)", 2.57), ("round(2.5)", 2),
        ("round(1234, -2)", 1200),
        ("lower('AbC')", "abc"), ("upper('straße')", "STRASSE"), ("contains(outcome, 'AIL')", True),
        ("contains(items, 'c')", False), ("startswith(outcome, 'F')", True),
        ("  always  ", True), ("(always\n and\n not never)", True), ("always # a remark", True),
        ("'ünïcode 🙂'", "ünïcode 🙂"),
    ],
)  # fmt: skip
def test_an_expression_has_the_value_that_python_gives_it(text: str, expected: Any) -> None:
    found = value(text)

    assert found == expected
    assert type(found) is type(expected)


def test_what_is_not_reached_is_not_looked_up() -> None:
    for text in (
        "always or steps.later.outcome == 'OK'",
        "not (never and missing)",
        "true if always else missing",
        "'a' == 'b' == missing",
    ):
        assert value(text) is True or value(text) is False


def test_names_are_told_before_anything_runs() -> None:
    expression = parse_expression(
        "steps.drift.outcome == 'FAILED' and len(variables.rows) > limit or "
        "steps['a.b'].output.rows[0].n in [x, true, null] and not (y if z else 'w')"
    )

    assert expression.names() == {
        "steps.drift.outcome", "variables.rows", "limit", "steps.a.b.output.rows.0.n", "x", "y", "z",
    }  # fmt: skip
    assert ("steps", "a.b", "output", "rows", 0, "n") in expression.paths()
    assert parse_expression("1 + 2 == 3").names() == set()


def test_only_true_and_false_are_an_answer() -> None:
    assert is_true(parse_expression("outcome == 'FAILED'"), NAMES) is True
    assert is_true(parse_expression("never"), NAMES) is False
    for text, kind in (
        ("outcome", "a text"),
        ("count", "a number"),
        ("nothing", "null"),
        ("items", "a list"),
    ):
        for condition in (
            text,
            f"{text} and true",
            f"never or {text}",
            f"not {text}",
            f"true if {text} else false",
        ):
            with pytest.raises(Invalid) as raised:
                is_true(parse_expression(condition), NAMES)
            assert raised.value.message.startswith(f"`{text}` is {kind}, neither true nor false; compare it")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("outcom == 'OK'", "there is no 'outcom'; did you mean 'outcome'?"),
        ("steps.chek_drift.outcome == 'OK'", "there is no 'steps.chek_drift'; did you mean 'check_drift'?"),
        ("steps['check_drifts'].outcome", "there is no 'steps.check_drifts'; did you mean 'check_drift'?"),
        ("limit.x", "'limit' is a number: there is no 'limit.x'"),
        ("items.x", "'items' is a list: there is no 'items.x'"),
        ("steps[0]", "'steps' is a mapping: there is no 'steps.0'"),
        ("items[2]", "'items' has 2 items, and none at 2"),
        ("1 / 0", "`1 / 0` divides by zero"),
        ("count % 0.0", "`count % 0.0` divides by zero"),
        ("limit + 'a'", "`'a'` is a text, where a number is needed"),
        ("'a' * 3", "`'a'` is a text, where a number is needed"),
        ("3 * 'a'", "`'a'` is a text, where a number is needed"),
        ("'a' % 3", "`'a'` is a text, where a number is needed"),
        ("items + items", "`items` is a list, where a number is needed"),
        ("always + 1", "`always` is true or false, where a number is needed"),
        ("-outcome", "`outcome` is a text, where a number is needed"),
        ("limit > '0.5'",
        "`limit` is a number and `'0.5'` is a text: only two numbers or two texts have an order"),
        ("nothing < 1", "`nothing` is null and `1` is a number: only two numbers or two texts have an order"),
        ("items < items",
        "`items` is a list and `items` is a list: only two numbers or two texts have an order"),
        ("'a' in 3", "`3` is a number: nothing can be in it"),
        ("3 in 'abc'", "`3` is a number, where a text is needed"),
        ("len(3)", "`3` is a number, which has no length"),
        ("min([])", "`min([])` needs numbers only, or texts only, and at least one"),
        ("max(1, 'a')", "`max(1, 'a')` needs numbers only, or texts only, and at least one"),
        ("lower(3)", "`3` is a number, where a text is needed"),
        ("round(1, -1000000000)", "`round(1, -1000000000)`: round to a whole number of digits up to 15"),
        ("lenn(items)", "`lenn` is no function of conditions; did you mean 'len'?"),
        ("outcome.lower()",
        "`outcome.lower` is no function of conditions; did you mean 'lower'? Write lower(…)."),
        ("lower()", "`lower()`: lower takes one text"),
        ("max(1, key=2)", "max takes values without names; write max(a, b)"),
        ("", "the condition is empty; write it like: steps.drift"),
        ("a = 3", "the condition 'a = 3' cannot be read at character 3: "),
        ("(1", "the condition '(1' cannot be read at character 1: '(' was never closed; write it like: "),
        ("a && b", "the condition 'a && b' cannot be read at character 4: "),
        ("1or always", "'1or' in the condition is neither a number nor a name; write it like: "),
        ("0x1f == 31", "'0x1f' in the condition is neither a number nor a name; write it like: "),
        ("a\nb", "the condition 'a\\nb' cannot be read at character 1: "),
        ("x" * 1001, "the condition has 1001 characters; 1000 are allowed: shorten it"),
        ("'a\\n'", "the condition \"'a\\\\n'\" has a backslash, which conditions do not know"),
    ],
)  # fmt: skip
def test_a_refusal_says_which_part_and_what_to_do(text: str, message: str) -> None:
    assert refusal(text).startswith(message)


@pytest.mark.parametrize(
    "text",
    [
        "().__class__.__bases__[0].__subclasses__()",
        "''.__class__.__mro__[1].__subclasses__()",
        "outcome.__class__.__init__.__globals__",
        "steps.__class__", "steps['__class__']", "trigger.params.__secret", "trigger.params['__secret']",
        "__import__('os').system('true')", "__builtins__", "__builtins__['eval']", "__name__", "__file__",
        "eval('1')", "exec('1')", "open('/etc/passwd')", "getattr(outcome, 'upper')", "globals()",
        "locals()", "vars()",
        "type(1)", "dir()", "print(1)", "compile('1', '', 'eval')", "breakpoint()", "input()", "help()",
        "outcome.upper()", "outcome.format(steps)", "'{0.__class__}'.format(outcome)", "'%s' % outcome",
        "f'{outcome}'",
        "f'{outcome.__class__}'", "items.append(1)", "steps.keys()", "steps.get('a')", "len.__self__",
        "len.__globals__",
        "(lambda: 1)()", "lambda: 1", "[x for x in items]", "{x for x in items}", "{x: 1 for x in items}",
        "(x for x in items)", "[*items]", "max(*items)", "max(**steps)", "{'a': 1}", "{1, 2}",
        "(x := 1)", "await x",
        "yield 1", "items[0:1]", "items[:]", "items[count]", "steps[outcome]", "items[True]",
        "(1, 2)[0]", "'abc'[0]",
        "len(items)(1)", "(len)(items).real", "1 .real", "1j", "...", "b'a'", "x is None",
        "outcome is not null",
        "9**9**9", "2 ** 64", "1 << 99", "7 // 2", "1 | 2", "1 & 2", "1 ^ 2", "~1", "items @ items",
        "import os", "a; b", "x = 1", "del x", "assert x", "raise x", "pass", "return 1", "if a: b",
        "class A: pass",
        "'a' * 1000000000", "items * 1000000000", "[0] * 1000000000", "1e999", "-1e999", "9" * 999,
        "0x" + "f" * 900, "len", "abs", "max", "min(items, key=len)",
        "\0", "always\0", "'\0'", "\ud800", "'\ud800'", "\u202ealways", "always\u200b",
        "\ufeffalways or x", "٣", "１ == ٣x", "“a”",
        "𝐥𝐞𝐧", "ｏｕｔｃｏｍｅ.__class__", "os", "sys", "self", "builtins",
    ],
)  # fmt: skip
def test_nothing_but_the_language_and_the_names_can_be_reached(text: str) -> None:
    message = refusal(text)

    assert len(message) < 500
    assert "s3cret" not in message


@pytest.mark.parametrize(
    "text",
    [
        "(" * 499 + "1" + ")" * 499, "[" * 499 + "]" * 499, "-" * 999 + "1", "not " * 240 + "always",
        "+".join("1" * 500), "1 if always else " * 50 + "1", "abs(" * 190 + "1" + ")" * 190, "a" + ".a" * 490,
        "a" + "[0]" * 330, "f'{" * 150, "lambda:" * 140 + "1", "[" * 900, "(" * 1000, "{" * 1000,
    ],
)  # fmt: skip
def test_deep_nesting_is_refused(text: str) -> None:
    assert len(refusal(text)) < 500


def test_what_is_below_the_bounds_is_accepted() -> None:
    deep = DEEPEST - 1
    assert value("-" * deep + "1") == (-1) ** deep
    assert value("(" * 150 + "1" + ")" * 150) == 1
    assert value(" or ".join(["never"] * 100 + ["always"])) is True
    assert value("0 < " + "1 <= " * 190 + "1") is True
    assert value("'" + "x" * (LONGEST - 2) + "'") == "x" * (LONGEST - 2)
    assert refusal("-" * DEEPEST + "1") == f"the condition has more than {DEEPEST} levels: simplify it"


def test_results_are_bounded() -> None:
    names = {"long": "x" * 60_000, "big": 2**62, "huge": 10**5_000, "nan": math.nan, "up": "ŉ" * 60_000}

    large = " * ".join(["1e18"] * 18)
    for text in (
        *(
            "long + long",
            "upper(up)",
            "big + big",
            "huge * 1.5",
            "huge / 1",
            "huge + 1",
            "round(nan)",
            "nan + 1",
        ),
        large,
    ):
        message = refusal(text, names)
        assert message.endswith(" is too large, or no number")
        assert len(message) < 100
    assert value("big * 1.0 * big", names) == 2.0**124
    assert value("huge > big and huge == huge and not (nan > 1)", names) is True


def test_only_plain_json_is_seen() -> None:
    class Trap(str):
        __slots__ = ()

    for foreign in (object(), print, ValueError, {1, 2}, b"bytes", 1j):
        assert refusal("a.b == 1", {"a": {"b": foreign}}).startswith("'a.b' is not plain JSON: ")
        assert refusal("a.b.c == 1", {"a": {"b": foreign}}).startswith("'a.b' is not plain JSON: ")
    assert refusal("a.upper", {"a": Trap("x")}) == "'a' is a text: there is no 'a.upper'"


def test_values_too_deep_to_compare_are_refused() -> None:
    deep: list[Any] = []
    other: list[Any] = []
    for _ in range(100_000):
        deep, other = [deep], [other]

    assert refusal("a == b", {"a": deep, "b": other}) == "'a == b' compares values that are too deep"


def test_equal_expressions_are_equal_and_show_their_text() -> None:
    assert parse_expression(" a == 1 ") == parse_expression("a == 1")
    assert repr(parse_expression(" a == 1 ")) == "Expression(text='a == 1')"


PIECES = (
    "outcome", "steps", ".check_drift", ".outcome", "['check-drift']", "[0]", "[-1]", "items", "limit",
    "nothing", "count",
    ".__class__", "__import__", " and ", " or ", " not ", "not ", " in ", " is ", " if ", " else ",
    "==", "!=", "<", ">=",
    "+", "-", "*", "**", "/", "//", "%", "(", ")", "[", "]", "{", "}", ",", ":", ":=", "len(", "min(",
    "max(", "abs(", "round(", "lower(",
    "upper(", "contains(", "startswith(", "lambda x: ", " for x in ", "1", "0", "0.5", "1e308",
    "9" * 30, "0x1f", "1_0", "'a'", '"', "'",
    "f'{", "true", "null", "None", "#", "\n", "\t", " ", "\0", "é", "\u202e", "\\", ";", "=", "@",
    "await ", "...",
)  # fmt: skip


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
TEXTS = st.text(max_size=1_100) | st.lists(st.sampled_from(PIECES), max_size=40).map("".join)


@given(text=TEXTS, replaced=st.dictionaries(st.sampled_from(sorted(NAMES)), JSON, max_size=4))
@example(text="1or always", replaced={})
@example(text="'a'if always else'b'", replaced={})
def test_any_text_has_a_bounded_value_or_is_refused(text: str, replaced: dict[str, Any]) -> None:
    names = {**NAMES, **replaced}
    given_values = list(everything_in(names))

    found = value_or_refusal(text, names)

    if isinstance(found, ScorelineError):
        assert len(found.message) < 600
        return
    for part in everything_in(found):
        assert part is None or isinstance(part, bool | int | float | str | list | tuple | Mapping)
        if any(part is one for one in given_values):
            continue
        if isinstance(part, int | float):
            assert abs(part) <= LARGEST_NUMBER or (isinstance(part, float) and math.isfinite(part))
        if isinstance(part, str):
            assert len(part) <= LONGEST_TEXT


def value_or_refusal(text: str, names: Mapping[str, Any]) -> Any:
    try:
        expression = parse_expression(text)
        found = expression.evaluate(names)
        if isinstance(found, bool):
            assert is_true(expression, names) is found
    except Invalid as error:
        return error
    return found


def everything_in(value: Any) -> list[Any]:
    inner = value.values() if isinstance(value, Mapping) else value if isinstance(value, list | tuple) else ()
    return [value, *(part for one in inner for part in everything_in(one))]


NUMBERS = st.integers(-50, 50).map(str)
TERMS = st.recursive(
    NUMBERS | st.sampled_from(["x", "y"]),
    lambda inner: st.tuples(inner, st.sampled_from(["+", "-", "*"]), inner).map(
        lambda t: f"({t[0]} {t[1]} {t[2]})"
    ),
    max_leaves=8,
)
CONDITIONS = st.recursive(
    st.tuples(TERMS, st.sampled_from(["<", "<=", "==", "!=", ">", ">="]), TERMS).map(" ".join)
    | st.sampled_from(["True", "False"]),
    lambda inner: (
        st.tuples(inner, st.sampled_from(["and", "or", "== True and not"]), inner).map(
            lambda t: f"({t[0]}) {t[1]} ({t[2]})"
        )
        | inner.map(lambda one: f"not ({one})")
    ),
    max_leaves=6,
)


@given(text=CONDITIONS, x=st.integers(-9, 9), y=st.integers(-9, 9))
def test_conditions_of_numbers_hold_where_pythons_do(text: str, x: int, y: int) -> None:
    names = {"x": x, "y": y}
    if len(text) <= LONGEST:
        assert is_true(parse_expression(text), names) == eval(text, {}, dict(names))
