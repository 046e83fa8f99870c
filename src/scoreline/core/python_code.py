"""Python code that somebody else has written, looked at before it runs."""

from __future__ import annotations

import ast
import warnings
from collections.abc import Iterator

from scoreline.core.names import shortened


def python_faults(text: str, function: str, caller: str) -> Iterator[tuple[int, str]]:
    """What keeps a `caller` (a recipe, a step) from calling a function in the code: the line, and why."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        reason = error.msg if isinstance(error, SyntaxError) else "it cannot be read"
        yield getattr(error, "lineno", None) or 1, f"not Python: {reason}"
        return
    defined = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
    if function not in defined and not _may_import(tree, function):
        yield 1, f"has no function {shortened(function)}, which the {caller} calls"


def _may_import(tree: ast.Module, function: str) -> bool:
    """Whether the name could come from an import or an assignment at the top."""
    bound = {
        alias.asname or alias.name
        for node in tree.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    targets = [target for node in tree.body if isinstance(node, ast.Assign) for target in node.targets]
    bound |= {target.id for target in targets if isinstance(target, ast.Name)}
    return function in bound
