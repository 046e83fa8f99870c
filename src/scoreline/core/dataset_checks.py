"""What must hold for datasets and connections beyond their types."""

from __future__ import annotations

import re
from collections.abc import Iterator

from scoreline.core.complaint import Known, Spot, repeated
from scoreline.core.dataset import Dataset, FilesDataset, SqlDataset
from scoreline.core.names import shortened
from scoreline.core.project import Connection, Kind

_REFERENCE = re.compile(r"\$\{env:[A-Za-z_][A-Za-z0-9_]*\}")
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+_.-]*:")
_PASSWORD = re.compile(r"//[^/@]*?:[^/]+@|[?&](password|passwd|pwd)=[^&]", re.IGNORECASE)
_DRIVE = re.compile(r"[A-Za-z]:")


def dataset_spots(dataset: Dataset, known: Known) -> Iterator[Spot]:
    """What is wrong in a dataset."""
    match dataset:
        case FilesDataset():
            yield from _path_spots(dataset.path)
            if len(dataset.delimiter) != 1 or dataset.delimiter in '"\r\n':
                yield ("delimiter",), "must be one character, neither a quote nor a line end"
            if dataset.format != "csv" and dataset.delimiter != ",":
                yield ("delimiter",), f"is for csv files only, not for {dataset.format}"
        case SqlDataset():
            yield from known.dangling(Kind.CONNECTION, dataset.connection, ("connection",))
            if not dataset.table.strip():
                yield ("table",), "must name a table"
    if dataset.columns is None:
        return
    if not dataset.columns:
        yield ("columns",), "must list at least one column; leave the key out to have them found"
    for position, column in enumerate(dataset.columns):
        if not column.name.strip():
            yield ("columns", position), "a column needs a name"
    for position, name in repeated([column.name for column in dataset.columns]):
        yield ("columns", position), f"column {shortened(name)} is listed twice"


def _path_spots(path: str) -> Iterator[Spot]:
    parts = path.split("/")
    if not path.strip() or "\0" in path:
        yield ("path",), "must name a file or a folder of the project"
    elif path.startswith("/") or _DRIVE.match(path) or "\\" in path:
        yield ("path",), "must be relative to the project's folder, with forward slashes"
    elif ".." in parts:
        yield ("path",), "must stay inside the project's folder: no '..'"
    elif [part for part in parts if part not in ("", ".")][:1] in ([], [".scoreline"]):
        yield ("path",), "must name a file or a folder of the project, outside .scoreline"


def connection_spots(connection: Connection) -> Iterator[Spot]:
    """What is wrong in a connection. Messages never hold a part of the URL: it may hold a secret."""
    url = _REFERENCE.sub("reference", connection.url)
    if "${" in url:
        yield ("url",), "a reference is written ${env:NAME}, with the name of an environment variable"
    elif url != "reference" and not _URL.match(url):
        yield ("url",), "must be a database URL, such as postgresql+psycopg://reader@db.example.com/cards"
    if _PASSWORD.search(_REFERENCE.sub("", connection.url)):
        yield ("url",), "a password does not belong into a file; write ${env:NAME} in its place"
