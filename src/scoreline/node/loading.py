"""Loading: from a plan to what a worker holds in memory, beside what answers meanwhile."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from scoreline.errors import Invalid, ScorelineError
from scoreline.node.counters import Series, Words
from scoreline.node.door import Door
from scoreline.node.exchange import report
from scoreline.node.generation import Generation, load_generation, read_service
from scoreline.node.keys import AdminKeys
from scoreline.node.plan import Plan, PlannedGeneration, PlannedService
from scoreline.node.proof import prove
from scoreline.node.routes import Routes, calls_of, make_routes
from scoreline.node.service_routes import LoadedGeneration, ServiceRoutes

Loaded = Mapping[tuple[str, str, str], Generation]
"""By service, generation, digest."""
Failures = dict[str, str]
"""`service/generation` -> why it cannot be loaded."""


@dataclass(frozen=True)
class Held:
    """Generations in memory, the routes to them, and the keys of the admin API."""

    generations: Loaded
    routes: Routes
    keys: AdminKeys


class Loader:
    """Loads what one worker holds."""

    def __init__(self, words: Words, worker: int, *, admin_key: str, kernel: bool | None) -> None:
        """`admin_key`: SHA-256 of the key in the node's key file."""
        self._words = words
        self._worker = worker
        self._admin_key = admin_key
        self._kernel = kernel

    def nothing(self) -> Held:
        """What is held before the first plan."""
        return Held({}, make_routes({}), AdminKeys(self._admin_key))

    def load(self, plan: Plan, held: Held) -> tuple[Held, Failures]:
        """Load what a plan names and is not held yet. What fails is left out, and said."""
        keys = AdminKeys(self._admin_key, plan.keys)
        generations: dict[tuple[str, str, str], Generation] = {}
        failures: Failures = {}
        services: dict[str, ServiceRoutes] = {}
        for service_id, service in plan.services.items():
            for name, planned in service.generations.items():
                key = (service_id, name, planned.digest)
                try:
                    generations[key] = held.generations.get(key) or self._load_one(planned)
                except ScorelineError as error:
                    failures[f"{service_id}/{name}"] = error.message
                except Exception as error:
                    report(f"loading {service_id}/{name}", error)
                    failures[f"{service_id}/{name}"] = (
                        f"unexpected {type(error).__name__}; see the node's log"
                    )
            services[service_id] = self._routes_of(service_id, service, generations, failures, keys)
        return Held(generations, make_routes(services), keys), failures

    def _load_one(self, planned: PlannedGeneration) -> Generation:
        if planned.damage:
            raise Invalid(planned.damage, code="damaged")
        folder = Path(planned.folder)
        generation = load_generation(folder, kernel=self._kernel)
        prove(generation, read_service(folder))
        return generation

    def _routes_of(
        self,
        service_id: str,
        service: PlannedService,
        generations: Loaded,
        failures: Failures,
        keys: AdminKeys,
    ) -> ServiceRoutes:
        loaded: dict[str, LoadedGeneration] = {}
        for name, planned in service.generations.items():
            generation = generations.get((service_id, name, planned.digest))
            if generation is not None:
                rows = planned.rows
                calls = calls_of(generation, lambda endpoint, rows=rows: self._series(rows[endpoint]))  # type: ignore[misc]
                loaded[name] = LoadedGeneration(calls, self._door(generation, planned, keys))
        return ServiceRoutes(
            service_id,
            enabled=service.enabled,
            mapping=service.mapping,
            generations=loaded,
            failures={
                name: failures[f"{service_id}/{name}"] for name in service.generations if name not in loaded
            },
        )

    def _door(self, generation: Generation, planned: PlannedGeneration, admin: AdminKeys) -> Door | None:
        if generation.keys is None:
            return None
        rows = [planned.key_rows.get(key.label, 0) for key in generation.keys]
        counted = [self._series(row) if row else None for row in rows]
        return Door(generation.service, tuple(zip(generation.keys, counted, strict=True)), admin.open)

    def _series(self, row: int) -> Series:
        return Series(self._words, self._worker, row)
