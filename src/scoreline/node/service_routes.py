"""The routes of one service: which generation answers a query, and whether the caller may ask it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from scoreline.core.deployment import GenerationsMapping
from scoreline.core.dispatch import Dispatch
from scoreline.core.names import did_you_mean, shortened
from scoreline.errors import NotFound, Unavailable
from scoreline.node.counters import Series
from scoreline.node.door import Door, shared_door
from scoreline.node.endpoint import Reply
from scoreline.wire import dataiku

Draw = Callable[[], float]
"""A number from 0 up to, not including, 1; another one each time."""
Action = tuple[str, str]
"""Endpoint, action."""


@dataclass(frozen=True, slots=True)
class Call:
    """One action of one endpoint of one generation."""

    service: str
    generation: str
    endpoint: str
    name: str
    method: bytes
    decode: Callable[[bytes], Any]
    run: Callable[[Any, int], bytes | Reply]
    series: Series


@dataclass(frozen=True, slots=True)
class LoadedGeneration:
    """A generation that stands in memory."""

    calls: Mapping[Action, Call]
    door: Door | None
    """None: it is public."""


class ServiceRoutes:
    """What a service answers with. Never changes."""

    def __init__(
        self,
        service_id: str,
        *,
        enabled: bool,
        mapping: GenerationsMapping | None,
        generations: Mapping[str, LoadedGeneration],
        failures: Mapping[str, str],
    ) -> None:
        """`failures`: generation -> why it could not be loaded."""
        entries = mapping.entries if mapping else ()
        # The share of one that could not be loaded after a restart goes to the others.
        answering = [entry for entry in entries if entry.generation in generations]
        self._id = service_id
        self._enabled = enabled
        self._generations = generations
        self._live = frozenset(entry.generation for entry in answering)
        self._dispatch = Dispatch(service_id, answering) if answering else None
        self._door = shared_door([generations[name].door for name in self._live])
        self._failure = next(
            (f"{one.generation!r} of service {service_id!r} could not be loaded: {failures[one.generation]}"
             for one in entries if one.generation in failures),
            None,
        )  # fmt: skip

    @property
    def plain(self) -> Mapping[Action, Call]:
        """The calls for which there is nothing to choose and nothing to check; most services have them."""
        if not self._enabled or len(self._live) != 1 or self._door is not None:
            return {}
        return self._generations[next(iter(self._live))].calls

    @property
    def others(self) -> set[Action]:
        """The endpoints and actions of a service that has no plain calls."""
        if self.plain or not self._enabled:
            return set()
        return {action for name in self._live for action in self._generations[name].calls}

    def call(
        self,
        action: Action,
        dispatch: dataiku.Dispatch | None,
        headers: Mapping[bytes, bytes],
        draw: Draw,
    ) -> Call:
        """The call that a query means.

        A forced generation need not be one that answers, nor need there be one: so a generation is tried
        before it is switched to. Raises NotFound, NotAllowed, and Unavailable when nothing answers.
        """
        if not self._enabled:
            raise Unavailable(f"service {self._id!r} is disabled; enable it", code="service-disabled")
        forced = dispatch.forced_generation if dispatch is not None else None
        self._admit(headers, forced)
        generation = self._chosen(dispatch, draw) if forced is None else forced
        loaded = self._generations.get(generation)
        if loaded is None:
            raise NotFound(
                f"generation {shortened(generation)} of service {self._id!r} is not loaded; "
                f"{did_you_mean(generation, self._generations)}",
                code="no-such-generation",
            )
        return loaded.calls.get(action) or self._no_call(loaded.calls, action)

    def _chosen(self, dispatch: dataiku.Dispatch | None, draw: Draw) -> str:
        if self._dispatch is None:
            if self._failure is not None:
                raise Unavailable(f"generation {self._failure}", code="generation-not-loaded")
            raise Unavailable(
                f"no generation of service {self._id!r} answers; switch to one", code="no-generation"
            )
        if dispatch is None or dispatch.dispatch_key is None:
            return self._dispatch.drawn(draw)
        return self._dispatch.keyed(str(dispatch.dispatch_key))

    def _admit(self, headers: Mapping[bytes, bytes], forced: str | None) -> None:
        """Raise NotAllowed unless the caller may ask what answers, and what is forced beside it.

        So neither does an older generation let anybody in whom today's keep out, nor is one open before it
        answers.
        """
        counted = self._door.check(headers) if self._door is not None else None
        if forced is not None and forced not in self._live and forced in self._generations:
            door = self._generations[forced].door
            counted = door.check(headers) if door is not None else counted
        if counted is not None:
            counted.count_one(0)

    def _no_call(self, calls: Mapping[Action, Call], action: Action) -> Call:
        endpoint, name = action
        names = [known for one, known in calls if one == endpoint]
        if not names:
            raise NotFound(
                f"service {self._id!r} has no endpoint {shortened(endpoint)}; "
                f"{did_you_mean(endpoint, {one for one, _ in calls})}",
                code="no-such-endpoint",
            )
        raise NotFound(
            f"endpoint {endpoint!r} cannot {shortened(name)}; {did_you_mean(name, names)}",
            code="no-such-action",
        )
