"""Services over the admin API: which generations answer for them, and whether they do."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from msgspec.structs import replace

from scoreline.core.deployment import GenerationsMapping, single
from scoreline.core.names import check_id
from scoreline.errors import Invalid, NotFound
from scoreline.node.admin_requests import body_of, flag_of, generation_of, service_of
from scoreline.node.plan import Passed
from scoreline.node.state import NodeState, ServiceState
from scoreline.node.supervisor import Supervisor
from scoreline.wire import admin


class Services:
    """The services of one node."""

    def __init__(self, node: Supervisor, files: asyncio.Lock) -> None:
        """`files` is held while packages come or go."""
        self._node = node
        self._files = files

    async def all(self, _: Passed) -> tuple[admin.ServiceEntry, ...]:
        """All of them."""
        return tuple(
            admin.ServiceEntry(
                service_id=name,
                enabled=state.enabled,
                generation=state.mapping.version if state.mapping else None,
                mapping=state.mapping,
            )
            for name, state in self._node.state.services.items()
        )

    async def create(self, request: Passed) -> admin.Done:
        """Make one known; nothing changes when it is."""
        wanted = body_of(request, admin.CreateService).service_id
        check_id(wanted, "a service")

        def alter(state: NodeState) -> NodeState:
            return state if wanted in state.services else state.with_service(wanted, ServiceState())

        await self._node.change(alter)
        return admin.Done()

    async def enable(self, _: Passed, service_id: str) -> admin.Done:
        """Let a service answer."""
        return await self._enable(service_id, True)

    async def disable(self, _: Passed, service_id: str) -> admin.Done:
        """Let a service answer no more; its generations stay in memory."""
        return await self._enable(service_id, False)

    async def switch_to(self, request: Passed, service_id: str, generation_id: str) -> admin.Switched:
        """Let one generation answer."""
        return await self._switch(request, service_id, lambda _: single(generation_id))

    async def switch_to_newest(self, request: Passed, service_id: str) -> admin.Switched:
        """Let the generation answer that was installed last."""
        return await self._switch(request, service_id, _newest)

    async def set_mapping(self, request: Passed, service_id: str) -> admin.Switched:
        """Let several generations answer, each for its share."""
        mapping = body_of(request, GenerationsMapping)
        return await self._switch(request, service_id, lambda _: mapping)

    async def delete(self, _: Passed, service_id: str) -> admin.Done:
        """Remove a service with its generations."""
        doomed: list[str] = []

        def alter(state: NodeState) -> NodeState:
            doomed[:] = [one.id for one in service_of(state, service_id).generations]
            return state.with_service(service_id, None)

        async with self._files:
            await self._node.change(alter)
            await self._delete_files([(service_id, name) for name in doomed])
        return admin.Done()

    async def clean(self, _: Passed) -> admin.Cleaned:
        """Remove services that are disabled, generations that are not loaded, and services with none left."""
        services: list[str] = []
        generations: list[tuple[str, str]] = []

        def alter(state: NodeState) -> NodeState:
            services.clear()
            generations.clear()
            for name, service in state.services.items():
                loaded = {one.id for one in service.loaded} if service.enabled else set()
                unused = {one.id for one in service.generations} - loaded
                generations.extend((name, one) for one in sorted(unused))
                if not loaded:
                    services.append(name)
                state = state.with_service(name, service.without(unused) if loaded else None)
            return state

        async with self._files:
            await self._node.change(alter)
            await self._delete_files(generations)
        return admin.Cleaned(
            removed_services=tuple(services),
            removed_generations=tuple("/".join(pair) for pair in generations),
        )

    async def _enable(self, service_id: str, enabled: bool) -> admin.Done:
        def alter(state: NodeState) -> NodeState:
            return state.with_service(service_id, replace(service_of(state, service_id), enabled=enabled))

        await self._node.change(alter)
        return admin.Done()

    async def _switch(
        self, request: Passed, service_id: str, choose: Callable[[ServiceState], GenerationsMapping]
    ) -> admin.Switched:
        keep = flag_of(request, "keepPrevious", default=False)
        enable = flag_of(request, "enable", default=True)
        mapping = single("")

        def alter(state: NodeState) -> NodeState:
            nonlocal mapping
            service = service_of(state, service_id)
            mapping = choose(service)
            for name in mapping.generations:
                generation_of(service_id, service, name)
            changed = _switched(service, mapping, keep=keep)
            return state.with_service(service_id, replace(changed, enabled=enable or service.enabled))

        await self._node.change(alter)
        for name in mapping.generations:
            why = self._node.failures.get(f"{service_id}/{name}")
            if why is not None:
                raise Invalid(f"generation {name!r} cannot be loaded: {why}", code="cannot-load")
        return admin.Switched(service_id=service_id, generation=mapping.version, mapping=mapping)

    async def _delete_files(self, generations: list[tuple[str, str]]) -> None:
        for service_id, generation_id in generations:
            await asyncio.to_thread(self._node.data.remove, service_id, generation_id)


def _switched(service: ServiceState, mapping: GenerationsMapping, *, keep: bool) -> ServiceState:
    wanted = set(mapping.generations)
    previous = service.previous
    if wanted != set(service.live):
        previous = tuple(name for name in service.live if name not in wanted) if keep else ()
    return replace(
        service,
        mapping=mapping,
        preloaded=tuple(name for name in service.preloaded if name not in wanted),
        previous=previous,
    )


def _newest(service: ServiceState) -> GenerationsMapping:
    if not service.generations:
        raise NotFound("the service has no generation to switch to; install one", code="no-such-generation")
    return single(service.generations[-1].id)
