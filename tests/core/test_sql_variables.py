"""Variables in SQL: literals where code is, refused within quotes, never more SQL than what was written."""

from __future__ import annotations

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scoreline.core.sql_variables import filled, variable_faults, variables_in
from scoreline.errors import Invalid

HOSTILE = "x' OR 1=1 -- \\' */ $$ ${limit}"


def answer(sql: str, **variables: str | int | float | bool) -> object:
    row = duckdb.execute(filled(sql, variables)).fetchone()
    assert row is not None
    return row[0]


def test_a_text_becomes_a_literal_in_quotes_that_compares_as_one_that_is_written() -> None:
    sql = "SELECT TIMESTAMP '2017-11-14' < ${until} AND NOT TIMESTAMP '2017-11-16' < ${ until }"

    assert answer(sql, until="2017-11-15") is True


@pytest.mark.parametrize(
    ("value", "written"), [(7, "7"), (-7, "(-7)"), (0.25, "0.25"), (-1e-9, "(-1e-09)"), (True, "TRUE")]
)
def test_numbers_and_truth_values_are_written_as_they_are(value: float, written: str) -> None:
    assert filled("SELECT ${x}", {"x": value}) == f"SELECT  {written} "


def test_infinity_is_a_number_too() -> None:
    assert answer("SELECT ${x} > 1e300 AND -${x} < -1e300", x=float("inf")) is True


def test_a_negative_number_behind_a_minus_is_no_comment() -> None:
    assert answer("SELECT 3 -${x}", x=-2) == 5


@given(st.text(st.characters(blacklist_characters="\0", blacklist_categories=("Cs",)), max_size=30))
def test_whatever_a_text_holds_it_stays_that_text(value: str) -> None:
    assert answer("SELECT ${x}", x=value) == value


@pytest.mark.parametrize("sql", ["SELECT e${x}", "SELECT 'a'${x}", "SELECT ${x}'b'", "SELECT 1${x}"])
def test_a_literal_joins_no_other_one(sql: str) -> None:
    with pytest.raises(duckdb.Error):
        duckdb.sql(filled(sql, {"x": HOSTILE}))


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT 1 -- ${x} '${x}'",
        "SELECT 1 /* '${x}' /* ${x} */ ${x} */",
        "SELECT $$${x}$$",
        "SELECT $t$ ${x} $t$",
        'SELECT $${"x": 1}$$',
        "SELECT format('${:,.2f}', 12.5)",
        "SELECT '${0}'",
    ],
)
def test_comments_and_what_is_no_name_are_left_alone(sql: str) -> None:
    assert filled(sql, {"x": HOSTILE}) == sql
    assert list(variable_faults(sql, {})) == []


@pytest.mark.parametrize(
    "sql", ["SELECT '${x}'", "SELECT 'it''s ${x}'", 'SELECT "${x}"', "SELECT E'\\'${x}'"]
)
def test_a_placeholder_within_quotes_is_refused(sql: str) -> None:
    with pytest.raises(Invalid, match=r"'\$\{x\}' stands within quotes; write it without them"):
        filled(sql, {"x": 1})


def test_two_dollars_stand_for_one_within_quotes() -> None:
    assert answer("SELECT '$${x}'", x=1) == "${x}"


def test_a_word_that_ends_like_the_mark_of_escapes_begins_no_such_text() -> None:
    assert filled(r"SELECT DATE'2018-01-01\' + ${days}", {"days": 3}) == r"SELECT DATE'2018-01-01\' +  3 "


def test_a_name_that_is_no_variable_is_told_with_its_line_and_the_nearest_one() -> None:
    sql = "SELECT *\nFROM t -- ${nobody}\nWHERE day < ${train_untl}\n  AND day > '${train_until}'"

    (first, unknown), (second, quoted) = variable_faults(sql, {"train_until": "2018-01-01"})

    assert (first, second) == (3, 4)
    assert "there is no 'train_untl'; did you mean 'train_until'?" in unknown
    assert "stands within quotes" in quoted


def test_the_variables_that_texts_name_are_found() -> None:
    known = {"a": 1, "b": "x", "c": True}

    assert variables_in(["SELECT ${b}, '${c}'", "day < ${ a } -- ${c}"], known) == {
        "a": 1,
        "b": "x",
        "c": True,
    }


def test_values_in_mappings_are_named_with_dots_and_nothing_is_null() -> None:
    names = {"steps": {"count": {"output": {"value": "x' OR 1=1 --", "rows": [[1]]}}}, "limit": None}

    assert filled("SELECT ${steps.count.output.value}, ${limit}", names) == (
        "SELECT  'x'' OR 1=1 --' ,  NULL "
    )
    with pytest.raises(Invalid, match="rows"):
        filled("SELECT ${steps.count.output.rows}", names)
