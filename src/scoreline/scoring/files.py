"""The files of a scorer: `scorer.json`, and `trees.bin` beside it for trees."""

from __future__ import annotations

from pathlib import Path

import msgspec

from scoreline.errors import Invalid, NotFound
from scoreline.scoring.document import FORMAT, Ensemble, ScorerDocument, check_document
from scoreline.scoring.scorer import ExportedScorer, make_scorer
from scoreline.scoring.trees import Trees, pack_trees, unpack_trees

DOCUMENT = "scorer.json"
TREES = "trees.bin"

_LARGEST_DOCUMENT = 256 * 2**20
_LARGEST_TREES = 2 * 2**30


class _Versioned(msgspec.Struct):
    format: int


def write_scorer(document: ScorerDocument, trees: Trees | None, folder: Path) -> None:
    """Write the files of a scorer into an existing folder."""
    (folder / DOCUMENT).write_bytes(msgspec.json.encode(document))
    if trees is not None:
        (folder / TREES).write_bytes(pack_trees(trees))


def load_scorer(folder: Path, *, kernel: bool | None = None) -> ExportedScorer:
    """The scorer in a folder. `kernel` None: with the tree kernel where it is built, else with its twin.

    Everything in the files is checked first. Raises NotFound if `scorer.json` is missing, Invalid (code
    `invalid-scorer`, or `newer-format`) if the files are not as Scoreline writes them, Unavailable if
    `kernel` is True and the kernel is not built.
    """
    document = _read_document(folder / DOCUMENT)
    trees = None
    if isinstance(document.model, Ensemble):
        trees = unpack_trees(_read(folder / TREES, _LARGEST_TREES))
    return make_scorer(document, trees, kernel=kernel)


def _read_document(path: Path) -> ScorerDocument:
    data = _read(path, _LARGEST_DOCUMENT)
    try:
        found = msgspec.json.decode(data, type=_Versioned).format
        if found > FORMAT:
            raise Invalid(
                f"{path.name} has format {found}, this Scoreline reads up to {FORMAT}: upgrade it",
                code="newer-format",
            )
        document = msgspec.json.decode(data, type=ScorerDocument)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
        raise Invalid(f"{path.name} is not a scorer: {error}", code="invalid-scorer") from error
    check_document(document)
    return document


def _read(path: Path, largest: int) -> bytes:
    try:
        if path.stat().st_size > largest:
            raise Invalid(f"{path.name} is larger than {largest} bytes", code="invalid-scorer")
        return path.read_bytes()
    except FileNotFoundError as error:
        raise NotFound(f"no {path.name} in this folder: export the model first") from error
