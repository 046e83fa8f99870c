"""The admin API, in the supervisor: install generations, switch between them, see how the node does."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import msgspec
from msgspec.structs import replace

from scoreline.core.names import check_id, did_you_mean
from scoreline.errors import Conflict, Invalid, NotFound, ScorelineError
from scoreline.node.exchange import report
from scoreline.node.install import install
from scoreline.node.metrics import CONTENT_TYPE, node_metrics, prometheus
from scoreline.node.plan import Passed, Reply
from scoreline.node.state import InstalledGeneration, NodeState, ServiceState
from scoreline.node.supervisor import Supervisor
from scoreline.wire import admin
from scoreline.wire.problems import INTERNAL_BODY, encode_problem

T = TypeVar("T")
_PREFIX = tuple(admin.BASE.strip("/").split("/"))
_encode = msgspec.json.encode


class Admin:
    """Answers the requests that workers pass on. They have checked the admin key."""

    def __init__(self, node: Supervisor) -> None:
        self._node = node
        self._installing = asyncio.Lock()

    async def answer(self, request: Passed) -> Reply:
        """The answer to a request; errors as answers."""
        try:
            if request.path == ("metrics",):
                return Reply(200, prometheus(self._node), CONTENT_TYPE)
            if request.path == ("isReady",):
                return self._readiness()
            return Reply(200, _encode(await self._admin(request)))
        except ScorelineError as error:
            return Reply(*encode_problem(error))
        except Exception as error:
            report("/".join(request.path), error)
            return Reply(500, INTERNAL_BODY)

    async def _admin(self, request: Passed) -> object:
        match (request.method, *request.path[len(_PREFIX) :]):
            case ("GET", "services"):
                return self._services()
            case ("POST", "services"):
                return await self._create(_body(request, admin.CreateService))
            case ("DELETE", "services", service):
                return await self._delete(service)
            case ("DELETE", "services-clean-unused"):
                return await self._clean()
            case ("GET", "metrics"):
                return node_metrics(self._node)
            case (_, "services", service, *rest):
                return await self._service(request, service, tuple(rest))
        raise NotFound("the admin API has no such call", code="no-such-path")

    async def _service(self, request: Passed, service: str, rest: tuple[str, ...]) -> object:
        match (request.method, *rest):
            case ("GET", "generations"):
                return self._generations(service)
            case ("PUT", "generations", generation):
                if request.archive is None:
                    raise Invalid("the body of this call is an archive", code="bad-archive")
                return await self._install(service, generation, Path(request.archive))
            case ("POST", "generations", "actions", "importFromArchive"):
                return await self._install(service, None, _file_path(request))
            case ("POST", "generations", generation, "preload"):
                return await self._preload(service, generation)
            case ("DELETE", "generations", generation):
                return await self._remove(service, generation)
            case ("POST", "actions", "switchTo", generation):
                return await self._switch(service, lambda _: generation)
            case ("POST", "actions", "switchToNewest"):
                return await self._switch(service, _newest)
            case ("POST", "actions", "setMapping"):
                entries = _body(request, admin.GenerationsMapping).entries
                return await self._switch(service, lambda _: _only(entries))
            case ("POST", "actions", "enable" | "disable" as action):
                return await self._enable(service, action == "enable")
        raise NotFound("the admin API has no such call", code="no-such-path")

    # What is there

    def _readiness(self) -> Reply:
        node = self._node
        found = admin.Readiness(
            ready=node.ready,
            workers=node.workers,
            services={name: state.active if state.enabled else None for name, state in _items(node.state)},
            failures=node.failures,
        )
        return Reply(200 if node.ready else 503, _encode(found))

    def _services(self) -> tuple[admin.ServiceEntry, ...]:
        return tuple(
            admin.ServiceEntry(service_id=name, enabled=state.enabled, generation=state.active)
            for name, state in _items(self._node.state)
        )

    def _generations(self, service_id: str) -> admin.GenerationList:
        service = _service(self._node.state, service_id)
        loaded = {one.id for one in service.loaded}
        return admin.GenerationList(
            generations=tuple(
                admin.GenerationEntry(
                    generation=one.id,
                    digest=one.digest,
                    active=one.id == service.active,
                    loaded=one.id in loaded,
                )
                for one in service.generations
            )
        )

    # Changes

    async def _create(self, wanted: admin.CreateService) -> admin.Done:
        check_id(wanted.service_id, "a service")
        await self._node.change(
            lambda state: (
                state
                if wanted.service_id in state.services
                else state.with_service(wanted.service_id, ServiceState())
            )
        )
        return admin.Done()

    async def _install(self, service_id: str, generation_id: str | None, archive: Path) -> admin.Installed:
        node = self._node
        async with self._installing:
            installed = await asyncio.to_thread(
                install, node.data, node.state, archive, service_id, generation_id
            )

            def add(state: NodeState) -> NodeState:
                service = state.services.get(service_id, ServiceState())
                if service.generation(installed.id) is not None:
                    return state
                return state.with_service(
                    service_id, replace(service, generations=(*service.generations, installed))
                )

            try:
                await node.change(add)
            except BaseException:
                if _holds(node.state, service_id, installed.id) is None:
                    node.data.remove(service_id, installed.id)
                raise
        return admin.Installed(service_id=service_id, generation=installed.id, digest=installed.digest)

    async def _preload(self, service_id: str, generation_id: str) -> admin.Done:
        def alter(state: NodeState) -> NodeState:
            service = _service(state, service_id)
            _generation(service_id, service, generation_id)
            if generation_id == service.active or generation_id in service.preloaded:
                return state
            preloaded = (*service.preloaded, generation_id)
            return state.with_service(service_id, replace(service, preloaded=preloaded))

        await self._node.change(alter)
        self._check_loaded(service_id, generation_id)
        return admin.Done()

    async def _switch(self, service_id: str, choose: Callable[[ServiceState], str]) -> admin.Switched:
        chosen = ""

        def alter(state: NodeState) -> NodeState:
            nonlocal chosen
            service = _service(state, service_id)
            chosen = _generation(service_id, service, choose(service)).id
            preloaded = tuple(name for name in service.preloaded if name != chosen)
            changed = replace(service, active=chosen, preloaded=preloaded, enabled=True)
            return state.with_service(service_id, changed)

        await self._node.change(alter)
        self._check_loaded(service_id, chosen)
        return admin.Switched(service_id=service_id, generation=chosen)

    def _check_loaded(self, service_id: str, generation_id: str) -> None:
        why = self._node.failures.get(f"{service_id}/{generation_id}")
        if why is not None:
            raise Invalid(f"generation {generation_id!r} cannot be loaded: {why}", code="cannot-load")

    async def _enable(self, service_id: str, enabled: bool) -> admin.Done:
        await self._node.change(
            lambda state: state.with_service(
                service_id, replace(_service(state, service_id), enabled=enabled)
            )
        )
        return admin.Done()

    async def _remove(self, service_id: str, generation_id: str) -> admin.Done:
        def alter(state: NodeState) -> NodeState:
            service = _service(state, service_id)
            _generation(service_id, service, generation_id)
            if service.active == generation_id:
                raise Conflict(
                    f"generation {generation_id!r} of {service_id!r} answers; switch to another first",
                    code="generation-active",
                )
            return state.with_service(service_id, _without(service, {generation_id}))

        async with self._installing:
            await self._node.change(alter)
            await asyncio.to_thread(self._node.data.remove, service_id, generation_id)
        return admin.Done()

    async def _delete(self, service_id: str) -> admin.Done:
        doomed: tuple[InstalledGeneration, ...] = ()

        def alter(state: NodeState) -> NodeState:
            nonlocal doomed
            doomed = _service(state, service_id).generations
            return state.with_service(service_id, None)

        async with self._installing:
            await self._node.change(alter)
            for one in doomed:
                await asyncio.to_thread(self._node.data.remove, service_id, one.id)
        return admin.Done()

    async def _clean(self) -> admin.Cleaned:
        """Remove generations that are not loaded, and services that have none then."""
        removed: list[tuple[str, str]] = []
        emptied: list[str] = []

        def alter(state: NodeState) -> NodeState:
            for name, service in _items(state):
                unused = {one.id for one in service.generations} - {one.id for one in service.loaded}
                removed.extend((name, one) for one in sorted(unused))
                left = _without(service, unused)
                if not left.generations:
                    emptied.append(name)
                state = state.with_service(name, left if left.generations else None)
            return state

        async with self._installing:
            await self._node.change(alter)
            for service_id, generation_id in removed:
                await asyncio.to_thread(self._node.data.remove, service_id, generation_id)
        return admin.Cleaned(
            removed_services=tuple(emptied),
            removed_generations=tuple("/".join(pair) for pair in removed),
        )


def _items(state: NodeState) -> list[tuple[str, ServiceState]]:
    return list(state.services.items())


def _service(state: NodeState, service_id: str) -> ServiceState:
    if service_id not in state.services:
        hint = did_you_mean(service_id, state.services)
        raise NotFound(f"this node has no service {service_id[:40]!r}; {hint}", code="no-such-service")
    return state.services[service_id]


def _generation(service_id: str, service: ServiceState, generation_id: str) -> InstalledGeneration:
    found = service.generation(generation_id)
    if found is None:
        hint = did_you_mean(generation_id, (one.id for one in service.generations))
        raise NotFound(
            f"service {service_id!r} has no generation {generation_id[:40]!r} on this node; {hint}",
            code="no-such-generation",
        )
    return found


def _holds(state: NodeState, service_id: str, generation_id: str) -> InstalledGeneration | None:
    service = state.services.get(service_id)
    return service.generation(generation_id) if service else None


def _without(service: ServiceState, doomed: set[str]) -> ServiceState:
    return replace(
        service,
        generations=tuple(one for one in service.generations if one.id not in doomed),
        preloaded=tuple(name for name in service.preloaded if name not in doomed),
    )


def _newest(service: ServiceState) -> str:
    if not service.generations:
        raise NotFound("the service has no generation to switch to; install one", code="no-such-generation")
    return service.generations[-1].id


def _only(entries: tuple[admin.MappingEntry, ...]) -> str:
    if len(entries) != 1 or abs(entries[0].proba - 1) > 1e-9:
        raise Invalid("a mapping holds one generation with probability 1", code="bad-mapping")
    return entries[0].generation


def _file_path(request: Passed) -> Path:
    path = request.parameters.get("filePath", "")
    if not path.startswith("/"):
        raise Invalid("filePath must be an absolute path on the node's disk", code="bad-path")
    return Path(path)


def _body(request: Passed, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(request.body or b"{}", type=kind)
    except msgspec.MsgspecError as error:
        raise Invalid(f"the body is not as expected: {error}", code="bad-query") from error
