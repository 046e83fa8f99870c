"""Files of declared deployments, read strictly: a value, or all problems with their lines."""

from __future__ import annotations

from pathlib import Path

from scoreline.core.declared import Declaration, Declared
from scoreline.core.declared_checks import own_spots
from scoreline.errors import Invalid, InvalidDeclaration, NotFound, Problem
from scoreline.storage.definitions import read_definition

_LONGEST = 10_000_000  # bytes


def read_declared(path: str | Path) -> Declaration:
    """Read a YAML file of declared deployments strictly.

    Raises NotFound, and InvalidDeclaration with every problem that can be seen without a control plane.
    """
    file = Path(path)
    definition = read_definition(_text(file), Declared)
    if definition.faults:
        raise InvalidDeclaration(
            [Problem(file.name, fault.line, fault.message) for fault in definition.faults]
        )
    found = Declaration(definition.value, file.name, definition.line)
    problems = found.problems(own_spots(found.declared))
    if problems:
        raise InvalidDeclaration(problems)
    return found


def _text(file: Path) -> str:
    try:
        if file.stat().st_size > _LONGEST:
            raise Invalid(f"{file} is longer than {_LONGEST} bytes")
        return file.read_text("utf-8-sig")
    except FileNotFoundError:
        raise NotFound(f"there is no file {str(file)!r}") from None
    except OSError as error:
        raise Invalid(f"{str(file)!r} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise InvalidDeclaration([Problem(file.name, 0, "is not text in UTF-8")]) from error
