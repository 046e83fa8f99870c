"""The value of an expression that was found sound: numbers, texts, lists and names, within bounds."""

from __future__ import annotations

import ast
import math
import operator
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from scoreline.core.dotted_name import Path, kind_of, value_at
from scoreline.errors import Invalid

LITERALS = {"true": True, "false": False, "null": None}
"""Names that JSON has for what Python writes True, False and None."""
LONGEST_TEXT = 100_000
"""Characters of a text that an expression makes."""
LARGEST_NUMBER = 2**63
_MOST_DIGITS = 15
_LONGEST_PATH = 20

_ARITHMETIC: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Mod: operator.mod,
}
_ORDER: dict[type[ast.cmpop], Callable[[Any, Any], bool]] = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}


def evaluated(node: ast.expr, names: Mapping[str, Any]) -> Any:
    """The value of a node. Raises Invalid naming the part that has none."""
    match node:
        case ast.Constant(value=value):
            return value
        case ast.Name(id=name) if name in LITERALS:
            return LITERALS[name]
        case ast.Name() | ast.Attribute() | ast.Subscript():
            path = path_of(node)
            assert path is not None
            return value_at(names, path)
        case ast.List(elts=items) | ast.Tuple(elts=items):
            return [evaluated(item, names) for item in items]
        case ast.BoolOp(op=joined, values=parts):
            enough = isinstance(joined, ast.Or)
            return enough if any(truth(evaluated(p, names), p) is enough for p in parts) else not enough
        case ast.UnaryOp(op=ast.Not(), operand=part):
            return not truth(evaluated(part, names), part)
        case ast.UnaryOp(op=sign, operand=part):
            value = _number(evaluated(part, names), part)
            return -value if isinstance(sign, ast.USub) else value
        case ast.BinOp():
            return _computed(node, evaluated(node.left, names), evaluated(node.right, names))
        case ast.Compare():
            return _compared(node, names)
        case ast.IfExp(test=test, body=body, orelse=other):
            return evaluated(body if truth(evaluated(test, names), test) else other, names)
        case ast.Call(func=ast.Name(id=name), args=parts):
            return FUNCTIONS[name].call(node, *(evaluated(part, names) for part in parts))
    raise Invalid(f"{shown(node)} cannot stand in a condition")


def path_of(node: ast.expr) -> Path | None:
    """What a node names, part by part; None when it is no name with plain keys and numbers behind it."""
    parts: list[str | int] = []
    while not isinstance(node, ast.Name):
        match node:
            case ast.Attribute(value=inner, attr=name):
                parts.append(name)
            case ast.Subscript(value=inner, slice=ast.Constant(value=str() | int() as key)) if not isinstance(
                key, bool
            ):
                parts.append(key)
            case ast.Subscript(
                value=inner, slice=ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() as key))
            ):
                parts.append(-key)
            case _:
                return None
        node = inner
        if len(parts) > _LONGEST_PATH:
            return None
    return (node.id, *reversed(parts))


def truth(value: Any, node: ast.expr) -> bool:
    """A value that is true or false; Invalid when it is neither."""
    if isinstance(value, bool):
        return value
    raise Invalid(
        f"{shown(node)} is {_kind(value, node)}, neither true nor false; compare it with something, as in "
        + ("outcome == 'FAILED'" if isinstance(value, str) else "variables.rows > 0")
    )


def _number(value: Any, node: ast.expr) -> Any:
    if _is_number(value):
        return value
    raise Invalid(f"{shown(node)} is {_kind(value, node)}, where a number is needed")


def _text(value: Any, node: ast.expr) -> str:
    if isinstance(value, str):
        return value
    raise Invalid(f"{shown(node)} is {_kind(value, node)}, where a text is needed")


def _computed(node: ast.BinOp, left: Any, right: Any) -> Any:
    if isinstance(node.op, ast.Add) and isinstance(left, str) and isinstance(right, str):
        return _bounded(left + right if len(left) + len(right) <= LONGEST_TEXT else None, node)
    one, other = _number(left, node.left), _number(right, node.right)
    try:
        return _bounded(_ARITHMETIC[type(node.op)](one, other), node)
    except ZeroDivisionError:
        raise Invalid(f"{shown(node)} divides by zero") from None
    except OverflowError:
        return _bounded(None, node)


def _bounded(value: Any, node: ast.expr) -> Any:
    """A value that was made, when it is not too large; None stands for one that was not even made."""
    if isinstance(value, str) and len(value) <= LONGEST_TEXT:
        return value
    if isinstance(value, int) and abs(value) < LARGEST_NUMBER:
        return value
    if isinstance(value, float) and math.isfinite(value):
        return value
    raise Invalid(f"{shown(node)} is too large, or no number")


def _compared(node: ast.Compare, names: Mapping[str, Any]) -> bool:
    left_node, left = node.left, evaluated(node.left, names)
    for comparison, right_node in zip(node.ops, node.comparators, strict=True):
        right = evaluated(right_node, names)
        if not _holds(comparison, left_node, left, right_node, right):
            return False
        left_node, left = right_node, right
    return True


def _holds(comparison: ast.cmpop, left_node: ast.expr, left: Any, right_node: ast.expr, right: Any) -> bool:
    match comparison:
        case ast.Eq():
            return bool(left == right)
        case ast.NotEq():
            return bool(left != right)
        case ast.In():
            return _contains(right, left, right_node, left_node)
        case ast.NotIn():
            return not _contains(right, left, right_node, left_node)
    if not _have_order(left, right):
        raise Invalid(
            f"{shown(left_node)} is {_kind(left, left_node)} and {shown(right_node)} is "
            f"{_kind(right, right_node)}: only two numbers or two texts have an order"
        )
    return _ORDER[type(comparison)](left, right)


def _have_order(*values: Any) -> bool:
    return all(isinstance(value, str) for value in values) or all(_is_number(value) for value in values)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _contains(whole: Any, part: Any, whole_node: ast.expr, part_node: ast.expr) -> bool:
    match whole:
        case str() | Mapping():
            return _text(part, part_node) in whole
        case list() | tuple():
            return part in whole
    raise Invalid(f"{shown(whole_node)} is {_kind(whole, whole_node)}: nothing can be in it")


def _length(node: ast.Call, value: Any) -> int:
    if isinstance(value, str | list | tuple | Mapping):
        return len(value)
    raise Invalid(f"{shown(node.args[0])} is {_kind(value, node.args[0])}, which has no length")


def _extreme(pick: Callable[[Any], Any], node: ast.Call, values: tuple[Any, ...]) -> Any:
    """The least or greatest of several values, or of one list."""
    if len(values) == 1 and isinstance(values[0], list | tuple):
        values = tuple(values[0])
    if not values or not _have_order(*values):
        raise Invalid(f"{shown(node)} needs numbers only, or texts only, and at least one")
    return pick(values)


def _rounded(node: ast.Call, value: Any, digits: Any = 0) -> Any:
    if not isinstance(digits, int) or isinstance(digits, bool) or abs(digits) > _MOST_DIGITS:
        raise Invalid(f"{shown(node)}: round to a whole number of digits up to {_MOST_DIGITS}")
    number = _number(value, node.args[0])
    try:
        return round(number, digits) if len(node.args) > 1 else round(number)
    except (ValueError, OverflowError):
        return _bounded(None, node)


class Function(NamedTuple):
    """A function that expressions may call, with how many values it takes."""

    call: Callable[..., Any]
    takes: str
    least: int
    most: int


FUNCTIONS = {
    "abs": Function(lambda node, a: abs(_number(a, node.args[0])), "one number", 1, 1),
    "contains": Function(
        lambda node, whole, part: _contains(whole, part, node.args[0], node.args[1]),
        "a text or a list, and what may be in it", 2, 2,
    ),
    "len": Function(_length, "one text, list or mapping", 1, 1),
    "lower": Function(lambda node, a: _bounded(_text(a, node.args[0]).lower(), node), "one text", 1, 1),
    "max": Function(lambda node, *values: _extreme(max, node, values), "a list, or several values", 1, 100),
    "min": Function(lambda node, *values: _extreme(min, node, values), "a list, or several values", 1, 100),
    "round": Function(_rounded, "a number, and to how many digits", 1, 2),
    "startswith": Function(
        lambda node, a, b: _text(a, node.args[0]).startswith(_text(b, node.args[1])),
        "a text, and how it may start", 2, 2,
    ),
    "upper": Function(lambda node, a: _bounded(_text(a, node.args[0]).upper(), node), "one text", 1, 1),
}  # fmt: skip


def _kind(value: Any, node: ast.expr) -> str:
    return kind_of(value, ast.unparse(node))


def shown(node: ast.expr) -> str:
    """A part of an expression for a message, cut after 60 characters."""
    code = ast.unparse(node)
    return f"`{code if len(code) <= 60 else code[:60] + '…'}`"
