"""A generation: a version of a service as loaded from its package folder, ready to answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter_ns

import msgspec

from scoreline.core import service as definitions
from scoreline.core.lookup import Lookup
from scoreline.core.names import did_you_mean
from scoreline.core.package import Manifest, lookup_id
from scoreline.core.service import Service
from scoreline.core.service_key import ServiceKey
from scoreline.errors import Invalid, NotFound
from scoreline.lookups.bundled import BundledLookup
from scoreline.node.endpoint import Clock, LookupEndpoint, PredictionEndpoint
from scoreline.node.lookup import RecordLookup
from scoreline.scoring.files import load_scorer
from scoreline.scoring.golden import check_golden
from scoreline.scoring.scorer import Scorer

Endpoint = PredictionEndpoint | LookupEndpoint


@dataclass(frozen=True)
class Generation:
    """Endpoints by id. Never changes; holds its lookup files open as long as it lives."""

    service: str
    id: str
    endpoints: Mapping[str, Endpoint]
    keys: tuple[ServiceKey, ...] | None
    """Whom it answers: callers with one of these keys; everybody when None."""
    clock: Clock

    def call(self, endpoint_id: str, action: str, body: bytes) -> bytes:
        """Answer one query without HTTP: the body of the answer. Raises NotFound and Invalid."""
        begun = self.clock()
        endpoint = self.endpoints.get(endpoint_id)
        if endpoint is None:
            raise NotFound(
                f"{self.service} {self.id} has no endpoint {endpoint_id[:40]!r}; "
                f"{did_you_mean(endpoint_id, self.endpoints)}",
                code="no-such-endpoint",
            )
        chosen = endpoint.actions.get(action)
        if chosen is None:
            raise NotFound(
                f"endpoint {endpoint_id!r} cannot {action[:40]!r}; {did_you_mean(action, endpoint.actions)}",
                code="no-such-action",
            )
        reply = chosen.run(chosen.decode(body), begun)
        return reply if isinstance(reply, bytes) else reply.body


def load_generation(
    folder: Path, *, kernel: bool | None = None, clock: Clock = perf_counter_ns
) -> Generation:
    """Load a package folder: scorers, lookups, endpoints. The golden rows of every model have been checked.

    The folder's files have been verified when it was written; what is read here is checked in itself. Raises
    Invalid when it cannot be loaded or a golden row gets another answer than at packaging time. `kernel`
    None: trees are walked by the kernel where it is built, else by its twin.
    """
    manifest = read_manifest(folder)
    service = read_service(folder)
    scorers = {model: _load_model(folder / "models" / model, kernel) for model in manifest.models}
    tables = {name: BundledLookup.open(folder / "lookups" / name) for name in manifest.lookups}
    endpoints = {
        endpoint.id: _endpoint(endpoint, manifest, scorers, tables, clock) for endpoint in service.endpoints
    }
    return Generation(
        service=manifest.service,
        id=manifest.version,
        endpoints=endpoints,
        keys=service.api_keys if service.authorization == "api_keys" else None,
        clock=clock,
    )


def read_manifest(folder: Path) -> Manifest:
    """The manifest of a package folder. Raises Invalid when it cannot be read."""
    try:
        return msgspec.json.decode((folder / "manifest.json").read_bytes(), type=Manifest)
    except (OSError, ValueError) as error:
        raise Invalid(
            f"package folder {folder.name!r} has no readable manifest.json", code="bad-package"
        ) from error


def read_service(folder: Path) -> Service:
    """The service of a package folder. Raises Invalid when it cannot be read."""
    try:
        return msgspec.json.decode((folder / "service.json").read_bytes(), type=Service)
    except (OSError, ValueError) as error:
        raise Invalid(
            f"package folder {folder.name!r} has no readable service.json", code="bad-package"
        ) from error


def _load_model(folder: Path, kernel: bool | None) -> Scorer:
    scorer = load_scorer(folder, kernel=kernel)
    check_golden(scorer, folder)
    return scorer


def _endpoint(
    endpoint: definitions.Endpoint,
    manifest: Manifest,
    scorers: Mapping[str, Scorer],
    tables: Mapping[str, BundledLookup],
    clock: Clock,
) -> Endpoint:
    api_context = msgspec.json.encode(
        {
            "serviceId": manifest.service,
            "endpointId": endpoint.id,
            "serviceGeneration": manifest.version,
        }
    )
    lookups = [_bind(lookup, tables) for lookup in definitions.lookups_of(endpoint)]
    if isinstance(endpoint, definitions.LookupEndpoint):
        return LookupEndpoint(lookups, api_context, clock=clock)
    if endpoint.model not in scorers:
        raise Invalid(f"the package holds no model {endpoint.model!r}", code="bad-package")
    return PredictionEndpoint(
        scorers[endpoint.model],
        lookups,
        api_context,
        show_enriched=endpoint.return_post_enrichment,
        clock=clock,
    )


def _bind(lookup: Lookup, tables: Mapping[str, BundledLookup]) -> RecordLookup:
    table = tables.get(lookup_id(lookup))
    if table is None:
        raise Invalid(f"the package holds no rows of {lookup.dataset!r}", code="bad-package")
    return RecordLookup(lookup, table)
