"""Notes on model versions and evaluations, changed and audited."""

from __future__ import annotations

from scoreline.core.notes import Notes
from scoreline.storage.catalog_audit import CatalogAudit
from scoreline.storage.evaluations import Evaluations
from scoreline.storage.models import ModelStore


def note_version(store: ModelStore, version: str, notes: Notes, project: str, audit: CatalogAudit) -> None:
    """Replace the notes on a version of a model of a project. Raises NotFound."""
    told = {"model": store.model, "version": version}
    _note(store, version, notes, audit, f"project:{project}", "note model version", told)


def note_evaluation(
    evaluations: Evaluations, evaluation: str, notes: Notes, project: str, audit: CatalogAudit
) -> None:
    """Replace the notes on an evaluation of a store of a project. Raises NotFound."""
    told = {"store": evaluations.folder.name, "evaluation": evaluation}
    _note(evaluations, evaluation, notes, audit, f"project:{project}", "note evaluation", told)


def _note(
    of: ModelStore | Evaluations,
    id_: str,
    notes: Notes,
    audit: CatalogAudit,
    on: str,
    what: str,
    told: dict[str, str],
) -> None:
    before = of.notes(id_)
    of.note(id_, notes)
    audit.record(what, on, before={**told, "notes": before}, after={**told, "notes": notes})
