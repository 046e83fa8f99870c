"""Expressions: the small, safe language of the conditions of scenarios.

It is a part of Python's syntax, read by `ast` and never run by Python: what stands below is all there is.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from scoreline.core.dotted_name import Path, dotted
from scoreline.core.expression_value import (
    FUNCTIONS,
    LARGEST_NUMBER,
    LITERALS,
    evaluated,
    path_of,
    shown,
    truth,
)
from scoreline.core.names import did_you_mean, shortened
from scoreline.errors import Invalid

LONGEST = 1_000
"""Characters of an expression."""
DEEPEST = 50
"""Levels of brackets and operators in one another."""

_STRING = re.compile(r"'[^'\n]*'|\"[^\"\n]*\"")
_FROM_A_DIGIT = re.compile(r"\b(?=\d)\w+")
_DECIMAL = re.compile(r"[0-9][0-9_]*([eE][0-9]*)?")
_LIKE = "write it like: steps.drift.outcome == 'FAILED' and variables.rows > 1000"
_OPERATORS = (
    *(ast.And, ast.Or, ast.Not, ast.UAdd, ast.USub, ast.Add, ast.Sub, ast.Mult, ast.Div, ast.Mod),
    *(ast.Eq, ast.NotEq, ast.Lt, ast.LtE, ast.Gt, ast.GtE, ast.In, ast.NotIn),
)


@dataclass(frozen=True)
class Expression:
    """An expression that is sound. Its names may not be there all the same."""

    text: str
    root: ast.expr = field(repr=False, compare=False)

    def evaluate(self, names: Mapping[str, Any]) -> Any:
        """Its value. Raises Invalid for a name that is not there, and for kinds that do not fit."""
        try:
            return evaluated(self.root, names)
        except RecursionError:
            raise Invalid(f"{shortened(self.text)} compares values that are too deep") from None

    def paths(self) -> set[Path]:
        """What it names, part by part: parts may hold dots themselves."""
        return set(_paths(self.root))

    def names(self) -> set[str]:
        """The dotted names in it, such as `steps.drift.outcome`."""
        return {dotted(path) for path in self.paths()}


def parse_expression(text: str) -> Expression:
    """The expression written in a text. Raises Invalid saying which part of it is wrong."""
    text = text.strip()
    if not text:
        raise Invalid(f"the condition is empty; {_LIKE}")
    if len(text) > LONGEST:
        raise Invalid(f"the condition has {len(text)} characters; {LONGEST} are allowed: shorten it")
    if "\\" in text:
        # Python warns of some, on the console; the others stand for characters that nobody sees.
        raise Invalid(f"the condition {shortened(text)} has a backslash, which conditions do not know")
    for found in _FROM_A_DIGIT.findall(_STRING.sub("''", text)):
        # Python reads `1or x`, and warns on the console.
        if not _DECIMAL.fullmatch(found):
            raise Invalid(f"{shortened(found)} in the condition is neither a number nor a name; {_LIKE}")
    try:
        root = ast.parse(text, mode="eval").body
        _check(root, 1)
    except SyntaxError as error:
        where = f" at character {error.offset}" if error.offset else ""
        why = (error.msg or "it is wrong")[:200]
        raise Invalid(f"the condition {shortened(text)} cannot be read{where}: {why}; {_LIKE}") from None
    except (RecursionError, MemoryError):
        raise Invalid(f"the condition {shortened(text)} is too deep: simplify it") from None
    except ValueError:
        # A null byte, a number too long, or half of a surrogate pair.
        raise Invalid(
            f"the condition {shortened(text)} has characters that cannot be read; {_LIKE}"
        ) from None
    return Expression(text, root)


def is_true(expression: Expression, names: Mapping[str, Any]) -> bool:
    """Whether a condition holds. Only true and false will do: a text such as "FAILED" is neither."""
    return truth(expression.evaluate(names), expression.root)


def _check(node: ast.expr, depth: int) -> None:
    """Raise Invalid for anything that is not in the language."""
    if depth > DEEPEST:
        raise Invalid(f"the condition has more than {DEEPEST} levels: simplify it")
    for operator in _operators(node):
        if not isinstance(operator, _OPERATORS):
            raise _foreign(node)
    match node:
        case ast.Constant(value=value):
            if not isinstance(value, bool | int | float | str | None):
                raise _foreign(node)
            if isinstance(value, int | float) and not abs(value) < LARGEST_NUMBER:
                raise Invalid(f"the condition has a number too large: {shown(node)}")
            return
        case ast.Name():
            return
        case ast.Attribute() | ast.Subscript():
            if path_of(node) is None:
                raise Invalid(
                    f"{shown(node)} cannot stand in a condition: a dot or [ ] follows a name only, and [ ] "
                    'holds a plain key or number, as in steps["check-drift"].outcome'
                )
            # The parts of a path are no levels: nothing is evaluated for them.
            return
        case ast.Call():
            _check_call(node)
        case (
            ast.BoolOp()
            | ast.UnaryOp()
            | ast.BinOp()
            | ast.Compare()
            | ast.IfExp()
            | ast.List()
            | ast.Tuple()
        ):
            pass
        case _:
            raise _foreign(node)
    for part in _parts(node):
        _check(part, depth + 1)


def _check_call(node: ast.Call) -> None:
    if isinstance(node.func, ast.Name):
        called = node.func.id
    else:
        called = node.func.attr if isinstance(node.func, ast.Attribute) else ""
    if not isinstance(node.func, ast.Name) or called not in FUNCTIONS:
        raise Invalid(
            f"{shown(node.func)} is no function of conditions; {did_you_mean(called, FUNCTIONS)}"
            + (f" Write {called}(…)." if called in FUNCTIONS else "")
        )
    if node.keywords:
        raise Invalid(f"{called} takes values without names; write {called}(a, b)")
    function = FUNCTIONS[called]
    if not function.least <= len(node.args) <= function.most:
        raise Invalid(f"{shown(node)}: {called} takes {function.takes}")


def _operators(node: ast.expr) -> list[ast.AST]:
    match node:
        case ast.BoolOp(op=operator) | ast.UnaryOp(op=operator) | ast.BinOp(op=operator):
            return [operator]
        case ast.Compare(ops=operators):
            return list(operators)
    return []


def _parts(node: ast.expr) -> Iterator[ast.expr]:
    """The expressions directly inside one."""
    if isinstance(node, ast.Call):
        yield from node.args
        return
    yield from (part for part in ast.iter_child_nodes(node) if isinstance(part, ast.expr))


def _paths(node: ast.expr) -> Iterator[Path]:
    path = path_of(node)
    if path is None:
        for part in _parts(node):
            yield from _paths(part)
    elif not (isinstance(node, ast.Name) and node.id in LITERALS):
        yield path


def _foreign(node: ast.expr) -> Invalid:
    return Invalid(
        f"{shown(node)} cannot stand in a condition: it knows names, texts, numbers, lists, and, or, not, "
        "comparisons, in, + - * / %, `a if b else c`, and " + ", ".join(sorted(FUNCTIONS))
    )
