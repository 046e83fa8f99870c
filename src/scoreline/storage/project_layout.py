"""The layout of a project's folder: which files are definitions and which are code, read as bytes."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from scoreline.core.names import nearest, shortened
from scoreline.core.project import Kind
from scoreline.errors import NotFound, Problem

SETTINGS = "project.yaml"
CODE_SUFFIXES = {"sql": ".sql", "python": ".py"}
"""Kind of recipe -> suffix of the file beside it."""
LARGEST = 1_000_000
"""Bytes of a definition or of a recipe's code, at most."""
LARGEST_TOGETHER = 20_000_000
_FOLDERS = {kind.value: kind for kind in Kind}


@dataclass(frozen=True)
class ProjectTexts:
    """The files of a project that Scoreline reads, by their path with forward slashes."""

    files: dict[str, bytes]
    problems: tuple[Problem, ...]
    """Files that are out of place or cannot be read."""


def file_of(kind: Kind, id_: str) -> str:
    """The path of a definition inside the project."""
    return f"{kind.value}/{id_}.yaml"


def read_texts(folder: Path) -> ProjectTexts:
    """Read the definitions and the code of a project. Raises NotFound when `folder` holds no project."""
    if not (folder / SETTINGS).is_file():
        raise NotFound(f"{str(folder)!r} is not a project: it holds no {SETTINGS}", code="no-project")
    files: dict[str, bytes] = {}
    problems = list(_lookalikes(folder))
    total = 0
    for path in [folder / SETTINGS, *_defining(folder, problems)]:
        name = path.relative_to(folder).as_posix()
        total += path.lstat().st_size
        message = _unreadable(path, total)
        if message is None:
            files[name] = path.read_bytes()
        else:
            problems.append(Problem(name, 0, message))
    return ProjectTexts(files, tuple(problems))


def _defining(folder: Path, problems: list[Problem]) -> Iterator[Path]:
    """The files in the folders of the kinds; what does not belong there becomes a problem."""
    for name, kind in _FOLDERS.items():
        if not (folder / name).is_dir():
            continue
        allowed = (".yaml", *CODE_SUFFIXES.values()) if kind is Kind.RECIPE else (".yaml",)
        for path in sorted((folder / name).iterdir()):
            if path.name.startswith(".") or path.name == "__pycache__":
                continue
            if path.suffix in allowed and not path.is_dir():
                yield path
            else:
                there = " or ".join(f"<id>{suffix}" for suffix in allowed)
                message = f"does not belong here; this folder holds only files {there}"
                problems.append(Problem(f"{name}/{path.name}", 0, message))


def _unreadable(path: Path, total: int) -> str | None:
    found = path.lstat()
    if not stat.S_ISREG(found.st_mode):
        return "is a link or no file at all; put the file itself here"
    if found.st_size > LARGEST:
        return f"is larger than {LARGEST:,} bytes"
    if total > LARGEST_TOGETHER:
        return f"is too much: definitions and code are larger than {LARGEST_TOGETHER:,} bytes together"
    return None


def _lookalikes(folder: Path) -> Iterator[Problem]:
    """Files and folders at the top that were meant for definitions, but have another name."""
    for path in sorted(folder.iterdir()):
        if path.name.startswith(".") or path.name in (*_FOLDERS, SETTINGS):
            continue
        is_folder = path.is_dir()
        if is_folder and not any(inner.suffix in (".yaml", ".yml") for inner in path.iterdir()):
            continue
        meant = nearest(path.name, _FOLDERS if is_folder else [SETTINGS], cutoff=0.8)
        if meant is not None:
            what = "folder" if is_folder else "file"
            message = f"Scoreline does not read this {what} {shortened(path.name)}; did you mean {meant!r}?"
            yield Problem(path.name, 0, message)
