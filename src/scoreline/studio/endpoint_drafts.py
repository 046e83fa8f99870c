"""Drafts of endpoints: frozen and loaded as a node would, kept while nothing that is in them changes."""

from __future__ import annotations

import hashlib
import tempfile
import threading
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path

import msgspec

from scoreline.core.project import Project
from scoreline.core.service import Endpoint, PredictionEndpoint, Service, lookups_of
from scoreline.node.generation import Generation, load_generation
from scoreline.storage.models import ModelStore
from scoreline.storage.tables import Tables
from scoreline.storage.workspace import Workspace
from scoreline.studio.freezing import Label, Workshop, freeze

_KEPT = 4
_DRAFT = "draft"


@dataclass(frozen=True)
class Draft:
    """An endpoint that can be asked, and what was said when it was made."""

    generation: Generation
    log: tuple[str, ...]


class EndpointDrafts:
    """The last few drafts. Threads may share it."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, Draft] = OrderedDict()
        self._guard = threading.Lock()

    def of(
        self, project: Project, folder: Path, service_id: str, endpoint: Endpoint, tables: Tables
    ) -> Draft:
        """The draft of an endpoint, which tells the record as it was scored. Raises what `freeze` raises."""
        key = _key(folder, service_id, endpoint, tables)
        with self._guard:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        draft = _make(project, folder, service_id, endpoint, tables)
        with self._guard:
            self._kept[key] = draft
            while len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
        return draft


def _key(folder: Path, service_id: str, endpoint: Endpoint, tables: Tables) -> str:
    """Equal while the definition, the model and the rows are."""
    model = ""
    if isinstance(endpoint, PredictionEndpoint):
        store = ModelStore(Workspace(folder).model(endpoint.model))
        model = "" if store.active() is None else store.active_version().digest
    rows = [tables.digest(lookup.dataset) for lookup in lookups_of(endpoint)]
    shape = msgspec.json.encode([str(folder), service_id, _shown(endpoint), model, rows])
    return hashlib.sha256(shape).hexdigest()


def _make(project: Project, folder: Path, service_id: str, endpoint: Endpoint, tables: Tables) -> Draft:
    log: list[str] = []
    service = Service(endpoints=(_shown(endpoint),))
    drafted = msgspec.structs.replace(project, services={**project.services, service_id: service})
    with tempfile.TemporaryDirectory(prefix="scoreline-draft-") as name:
        freeze(
            Workshop(drafted, Workspace(folder), tables, log.append),
            service_id,
            Label(_DRAFT, _DRAFT),
            Path(name),
        )
        # What is loaded stays open when its folder goes.
        return Draft(load_generation(Path(name)), tuple(log))


def _shown(endpoint: Endpoint) -> Endpoint:
    endpoint = msgspec.structs.replace(endpoint, test_queries=())
    if isinstance(endpoint, PredictionEndpoint):
        return msgspec.structs.replace(endpoint, return_post_enrichment=True)
    return endpoint
