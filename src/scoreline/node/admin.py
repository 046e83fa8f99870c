"""The admin API, in the supervisor: which call a request means, and its answer or error as bytes."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import msgspec

from scoreline.errors import Invalid, NotFound, ScorelineError
from scoreline.node.admin_generations import Generations
from scoreline.node.admin_keys import Keys
from scoreline.node.admin_services import Services
from scoreline.node.exchange import report
from scoreline.node.metrics import CONTENT_TYPE, node_metrics, prometheus
from scoreline.node.plan import Passed, Reply
from scoreline.node.supervisor import Supervisor
from scoreline.wire import admin
from scoreline.wire.problems import INTERNAL_BODY, encode_problem

_PREFIX = tuple(admin.BASE.strip("/").split("/"))
_encode = msgspec.json.encode
Call = Callable[..., Awaitable[object]]
"""Gets the request, and the names that stand in the path for the stars."""


class Admin:
    """Answers the requests that workers pass on. They have checked the admin key."""

    def __init__(self, node: Supervisor) -> None:
        self._node = node
        files = asyncio.Lock()
        services, generations = Services(node, files), Generations(node, files)
        keys = Keys(node)
        self._calls: Mapping[str, Mapping[str, Call]] = {
            "services": {"GET": services.all, "POST": services.create},
            "services/*": {"DELETE": services.delete},
            "services/*/generations": {"GET": generations.all},
            "services/*/generations/*": {"PUT": generations.install, "DELETE": generations.remove},
            "services/*/generations/actions/importFromArchive": {"POST": generations.import_archive},
            "services/*/generations/*/preload": {"POST": generations.preload},
            "services/*/generations/*/unload": {"POST": generations.unload},
            "services/*/actions/switchTo/*": {"POST": services.switch_to},
            "services/*/actions/switchToNewest": {"POST": services.switch_to_newest},
            "services/*/actions/setMapping": {"POST": services.set_mapping},
            "services/*/actions/enable": {"POST": services.enable},
            "services/*/actions/disable": {"POST": services.disable},
            "services-clean-unused": {"DELETE": services.clean},
            "metrics": {"GET": self._metrics},
            "actions/recycle": {"POST": self._recycle},
            "keys": {"GET": keys.all, "POST": keys.make},
            "keys/*": {"DELETE": keys.delete},
            "keys/*/key": {"DELETE": keys.delete_by_id},
            "cached-code-envs": {"POST": _no_cache, "DELETE": _no_cache},
            "register-global-code-env": {"POST": _no_cache},
            "model-cache": {"POST": _no_cache, "DELETE": _no_cache},
        }

    async def answer(self, request: Passed) -> Reply:
        """The answer to a request; errors as answers."""
        try:
            if request.path == ("metrics",):
                return Reply(200, prometheus(self._node), CONTENT_TYPE)
            if request.path == ("isReady",):
                return self._readiness()
            return await self._administer(request)
        except ScorelineError as error:
            return Reply(*encode_problem(error))
        except Exception as error:
            report("/".join(request.path), error)
            return Reply(500, INTERNAL_BODY)

    async def _administer(self, request: Passed) -> Reply:
        path = request.path[len(_PREFIX) :]
        for pattern, calls in self._calls.items():
            names = _match(pattern.split("/"), path)
            if names is None:
                continue
            if request.method not in calls:
                methods = ", ".join(calls)
                error = Invalid(f"{path[-1][:40]!r} is called with {methods}", code="method-not-allowed")
                return Reply(*encode_problem(error), extra_headers=f"Allow: {methods}\r\n")
            return Reply(200, _encode(await calls[request.method](request, *names)))
        raise NotFound("the admin API has no such call", code="no-such-path")

    def _readiness(self) -> Reply:
        node = self._node
        enabled = {
            name: state.mapping if state.enabled else None for name, state in node.state.services.items()
        }
        found = admin.Readiness(
            ready=node.ready,
            workers=node.workers,
            services={name: mapping.version if mapping else None for name, mapping in enabled.items()},
            mappings=enabled,
            failures=node.failures,
        )
        return Reply(200 if node.ready else 503, _encode(found))

    async def _metrics(self, _: Passed) -> admin.NodeMetrics:
        return node_metrics(self._node)

    async def _recycle(self, request: Passed) -> admin.Recycled:
        await self._node.recycle(request.worker)
        return admin.Recycled(workers=tuple(one.pid for one in self._node.workers))


async def _no_cache(_: Passed) -> admin.CacheAnswer:
    return admin.CacheAnswer()


def _match(pattern: list[str], path: tuple[str, ...]) -> list[Any] | None:
    """The names in a path that stand where the pattern has stars; None when it is another path."""
    if len(pattern) != len(path) or any(
        one not in ("*", name) for one, name in zip(pattern, path, strict=True)
    ):
        return None
    return [name for one, name in zip(pattern, path, strict=True) if one == "*"]
