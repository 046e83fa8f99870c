"""What the reader of one library hands to the export: the model as data."""

from __future__ import annotations

from dataclasses import dataclass

from scoreline.scoring.document import Ensemble, Linear
from scoreline.scoring.trees import Trees


@dataclass(frozen=True)
class ExportedModel:
    """A model as data."""

    library: str
    exact: bool
    """Whether its answers must equal the library's bit for bit."""
    model: Linear | Ensemble
    trees: Trees | None = None
