"""Projects: made from a template, exported to an archive and imported from one."""

from __future__ import annotations

import importlib.resources
import importlib.util
import re
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import msgspec

from scoreline.core.dataset import FilesDataset
from scoreline.core.names import check_id, did_you_mean, is_id
from scoreline.core.project import Project
from scoreline.errors import Conflict, Invalid, NotFound
from scoreline.storage.atomic import new_folder, sweep, write_file
from scoreline.storage.project_edits import ProjectFiles
from scoreline.storage.project_files import read_project
from scoreline.storage.project_layout import SETTINGS, read_texts
from scoreline.storage.step_files import step_files
from scoreline.storage.zip_files import ZipLimits, extract_zip, write_zip

EMPTY = "empty"
Size = Literal["small", "full"]
_GENERATOR = "generate.py"
_DRAFT = ".unfinished-project"
_IMPORT_LIMITS = ZipLimits(entries=20_000, entry_bytes=2 << 30, total_bytes=4 << 30)
_IGNORED = "# What Scoreline makes.\n.scoreline/\n"
# Files at the top of a project that belong to it, though Scoreline does not read them.
_COMPANIONS = re.compile(r"(readme|license|notice|changelog)(\.\w+)?|.+\.md|\.gitignore", re.IGNORECASE)


def template_names() -> list[str]:
    """The templates that a project can be made from."""
    with _templates() as folder:
        made = [path.name for path in folder.iterdir() if (path / SETTINGS).is_file()]
    return sorted([EMPTY, *made])


def create_project(
    folder: Path,
    template: str = EMPTY,
    *,
    id_: str | None = None,
    name: str = "",
    description: str = "",
    size: Size = "small",
    seed: int = 42,
    services: bool = True,
) -> Project:
    """Make a project in `folder`, which appears whole; its data are generated where the template has any.

    Without `id_`, the id is the template's own, or made from the folder's name; name and description are the
    template's, too, unless others are given. `services` False: without its API services, for people who want
    to make them. Raises Conflict when the folder holds something, NotFound for an unknown template.
    """
    if id_ is not None:
        check_id(id_, "a project")
    if template not in template_names():
        hint = did_you_mean(template, template_names())
        raise NotFound(f"there is no template {template!r}; {hint}", code="no-template")
    with _appearing(folder) as draft:
        if template == EMPTY:
            _write_empty(draft, id_ or _id_from(folder.resolve().name))
        else:
            _copy_template(draft, template, size, seed, services=services)
        _settle(draft, id_, name, description)
        if not (draft / ".gitignore").exists():
            write_file(draft / ".gitignore", _IGNORED.encode())
        return read_project(draft)


def export_project(folder: Path, target: Path, *, with_data: bool = True) -> list[str]:
    """Write a sound project as a zip archive; give the names of its files.

    Left out: what Scoreline made (`.scoreline/`), hidden files, and without `with_data` the data.
    """
    project = read_project(folder)
    names = {*read_texts(folder).files}
    names |= {path.name for path in folder.iterdir() if _is_file(path) and _COMPANIONS.fullmatch(path.name)}
    names |= set(step_files(project))
    if with_data:
        for dataset in project.datasets.values():
            if isinstance(dataset, FilesDataset):
                names |= _files_under(folder, folder / dataset.path)
        names |= _files_under(folder, folder / "data")
    names -= {_inside(folder, target)}
    if len(names) > _IMPORT_LIMITS.entries:
        raise Invalid(f"the project has more than {_IMPORT_LIMITS.entries} files; export it without data")
    write_zip(folder, sorted(names), target)
    return sorted(names)


def import_project(source: Path, folder: Path) -> Project:
    """Unpack the project in the zip archive `source` as `folder`, which appears whole.

    The project may stand in one folder of the archive, as the downloads of code hosts have it. Raises Invalid
    for a hostile or damaged archive, or one without a project, InvalidProject for one with problems, Conflict
    when the folder holds something.
    """
    with _appearing(folder) as draft:
        unpacked = draft / _DRAFT
        unpacked.mkdir()
        extract_zip(source, unpacked, _IMPORT_LIMITS)
        for path in list(_root_of(unpacked, source).iterdir()):
            # Hidden files can make other programs act: a `.git` has hooks, an editor's folder has tasks.
            if not path.name.startswith(".") or path.name == ".gitignore":
                path.rename(draft / path.name)
        shutil.rmtree(unpacked)
        return read_project(draft)


@contextmanager
def _templates() -> Iterator[Path]:
    with importlib.resources.as_file(importlib.resources.files("scoreline") / "templates") as folder:
        yield folder


@contextmanager
def _appearing(folder: Path) -> Iterator[Path]:
    """A draft that becomes `folder` when the block ends well; an empty folder may be there already."""
    folder = folder.resolve()
    if not folder.exists():
        with new_folder(folder) as draft:
            yield draft
        return
    if not folder.is_dir() or any(not path.name.startswith(_DRAFT) for path in folder.iterdir()):
        raise Conflict(f"{str(folder)!r} exists and is not an empty folder; choose another one")
    sweep(folder)
    with new_folder(folder / _DRAFT) as draft:
        yield draft
    # Somebody may stand in this folder, or have mounted it: fill it. It is a project from the last file on.
    for path in sorted((folder / _DRAFT).iterdir(), key=lambda path: path.name == SETTINGS):
        path.rename(folder / path.name)
    (folder / _DRAFT).rmdir()


def _write_empty(draft: Path, id_: str) -> None:
    text = (
        "# A project is this folder: one YAML file for each object, in datasets/, recipes/, models/,\n"
        "# evaluation-stores/, services/, scenarios/ and connections/. `scoreline check` reads them all.\n"
        f"id: {id_}\n"
    )
    write_file(draft / SETTINGS, text.encode())


def _id_from(name: str) -> str:
    id_ = re.sub(r"[^A-Za-z0-9_-]+", "-", name).strip("-")[:128]
    return id_ if is_id(id_) else "project"


def _copy_template(draft: Path, template: str, size: Size, seed: int, *, services: bool) -> None:
    with _templates() as templates:
        source = templates / template
        leave = shutil.ignore_patterns("__pycache__", *(() if services else ("services",)))
        shutil.copytree(source, draft, dirs_exist_ok=True, ignore=leave, copy_function=shutil.copyfile)
        (draft / _GENERATOR).unlink(missing_ok=True)
        if (source / _GENERATOR).is_file():
            _generator(source / _GENERATOR)(draft, size, seed)


def _settle(draft: Path, id_: str | None, name: str, description: str) -> None:
    """Write the settings that were given."""
    given = {"id": id_, "name": name, "description": description}
    before = read_project(draft).settings
    settings = msgspec.structs.replace(before, **{word: value for word, value in given.items() if value})
    if settings != before:
        files = ProjectFiles(draft)
        files.save(None, "", settings, since=files.revision(None))


def _generator(file: Path) -> Callable[[Path, str, int], None]:
    """The function `generate` of a template."""
    name = f"scoreline_template_{file.parent.name.replace('-', '_')}"
    spec = importlib.util.spec_from_file_location(name, file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # its dataclasses look themselves up there
    spec.loader.exec_module(module)
    generate: Callable[[Path, str, int], None] = module.generate
    return generate


def _is_file(path: Path) -> bool:
    return path.is_file() and not path.is_symlink()


def _files_under(folder: Path, path: Path) -> set[str]:
    """Names, inside the project, of a file or of all files of a folder; hidden ones and links left out."""
    found = path.rglob("*") if path.is_dir() and not path.is_symlink() else [path]
    names = {file.relative_to(folder) for file in found if _is_file(file)}
    return {name.as_posix() for name in names if not any(part.startswith(".") for part in name.parts)}


def _inside(folder: Path, target: Path) -> str | None:
    try:
        return target.resolve().relative_to(folder.resolve()).as_posix()
    except ValueError:
        return None


def _root_of(unpacked: Path, source: Path) -> Path:
    if (unpacked / SETTINGS).is_file():
        return unpacked
    inner = list(unpacked.iterdir())
    if len(inner) == 1 and (inner[0] / SETTINGS).is_file():
        return inner[0]
    raise Invalid(f"{source.name!r} holds no project: there is no {SETTINGS} in it", code="not-a-project")
