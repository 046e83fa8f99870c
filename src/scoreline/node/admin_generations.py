"""Generations over the admin API: onto the disk, into memory, and away again."""

from __future__ import annotations

import asyncio
from pathlib import Path

from msgspec.structs import replace

from scoreline.errors import Conflict, Invalid
from scoreline.node.admin_requests import generation_of, service_of
from scoreline.node.install import install
from scoreline.node.plan import Passed
from scoreline.node.state import InstalledGeneration, NodeState, ServiceState
from scoreline.node.supervisor import Supervisor
from scoreline.wire import admin


class Generations:
    """The generations of one node."""

    def __init__(self, node: Supervisor, files: asyncio.Lock) -> None:
        """`files` is held while packages come or go."""
        self._node = node
        self._files = files

    async def all(self, _: Passed, service_id: str) -> admin.GenerationList:
        """Those of a service."""
        service = service_of(self._node.state, service_id)
        loaded = {one.id for one in service.loaded}
        entries = service.mapping.entries if service.mapping else ()
        shares = {entry.generation: entry.proba for entry in entries}
        return admin.GenerationList(
            generations=tuple(
                admin.GenerationEntry(
                    generation=one.id,
                    digest=one.digest,
                    active=one.id in shares,
                    proba=shares.get(one.id, 0.0),
                    loaded=one.id in loaded,
                )
                for one in service.generations
            )
        )

    async def install(self, request: Passed, service_id: str, generation_id: str) -> admin.Installed:
        """Install the archive that is the body; with the parameter `sha256`, only if it has that."""
        if request.archive is None:
            raise Invalid("the body of this call is an archive", code="bad-archive")
        announced = request.parameters.get("sha256")
        return await self._install(service_id, generation_id, Path(request.archive), announced)

    async def import_archive(self, request: Passed, service_id: str) -> admin.Installed:
        """Install an archive that stands on the node's own disk."""
        path = request.parameters.get("filePath", "")
        if not path.startswith("/"):
            raise Invalid("filePath must be an absolute path on the node's disk", code="bad-path")
        return await self._install(service_id, None, Path(path))

    async def preload(self, _: Passed, service_id: str, generation_id: str) -> admin.Done:
        """Load a generation into every worker."""

        def alter(state: NodeState) -> NodeState:
            service = service_of(state, service_id)
            generation = generation_of(service_id, service, generation_id)
            if generation in service.loaded:
                return state
            preloaded = (*service.preloaded, generation_id)
            return state.with_service(service_id, replace(service, preloaded=preloaded))

        await self._node.change(alter)
        why = self._node.failures.get(f"{service_id}/{generation_id}")
        if why is not None:
            raise Invalid(f"generation {generation_id!r} cannot be loaded: {why}", code="cannot-load")
        return admin.Done()

    async def unload(self, _: Passed, service_id: str, generation_id: str) -> admin.Done:
        """Free the memory of a generation that does not answer; its files stay."""

        def alter(state: NodeState) -> NodeState:
            service = _at_rest(state, service_id, generation_id)
            return state.with_service(
                service_id, replace(service.without({generation_id}), generations=service.generations)
            )

        await self._node.change(alter)
        return admin.Done()

    async def remove(self, _: Passed, service_id: str, generation_id: str) -> admin.Done:
        """Remove a generation that does not answer, from memory and disk."""

        def alter(state: NodeState) -> NodeState:
            service = _at_rest(state, service_id, generation_id)
            return state.with_service(service_id, service.without({generation_id}))

        async with self._files:
            await self._node.change(alter)
            await asyncio.to_thread(self._node.data.remove, service_id, generation_id)
        return admin.Done()

    async def _install(
        self, service_id: str, generation_id: str | None, archive: Path, sha256: str | None = None
    ) -> admin.Installed:
        node = self._node
        async with self._files:
            installed = await asyncio.to_thread(
                install, node.data, node.state, archive, service_id, generation_id, sha256
            )
            try:
                await node.change(lambda state: _with(state, service_id, installed))
            except BaseException:
                if not _holds(node.state, service_id, installed):
                    node.data.remove(service_id, installed.id)
                raise
        return admin.Installed(service_id=service_id, generation=installed.id, digest=installed.digest)


def _with(state: NodeState, service_id: str, installed: InstalledGeneration) -> NodeState:
    if _holds(state, service_id, installed):
        return state
    service = state.services.get(service_id, ServiceState())
    return state.with_service(service_id, replace(service, generations=(*service.generations, installed)))


def _holds(state: NodeState, service_id: str, installed: InstalledGeneration) -> bool:
    service = state.services.get(service_id)
    return service is not None and service.generation(installed.id) is not None


def _at_rest(state: NodeState, service_id: str, generation_id: str) -> ServiceState:
    """The service of a generation. Raises NotFound, and Conflict when the generation answers."""
    service = service_of(state, service_id)
    generation_of(service_id, service, generation_id)
    if generation_id in service.live:
        raise Conflict(
            f"generation {generation_id!r} of {service_id!r} answers; take it out of the mapping first",
            code="generation-active",
        )
    return service
