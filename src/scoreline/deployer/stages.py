"""Stages: the steps of the lifecycle, as the people who run it name and order them."""

from __future__ import annotations

from collections.abc import Sequence

from scoreline.core.names import check_id, did_you_mean
from scoreline.core.stage import Stage
from scoreline.errors import Conflict, Invalid, NotFound
from scoreline.storage.catalog import Catalog

_MOST = 50
_LONGEST_DESCRIPTION = 1_000


class Stages:
    """The stages of the catalog. Each change is one transaction."""

    def __init__(self, catalog: Catalog) -> None:
        self._infrastructures = catalog.infrastructures

    def all(self) -> list[Stage]:
        """All stages, in the order of promotion."""
        return self._infrastructures.stages()

    def add(self, stage: Stage) -> Stage:
        """Add a stage after the last one. Raises Conflict when its id is taken, Invalid when it cannot be."""
        _check(stage)

        def alter(stages: list[Stage]) -> list[Stage]:
            if any(one.id == stage.id for one in stages):
                raise Conflict(f"there is a stage {stage.id!r} already", code="stage-exists")
            if len(stages) >= _MOST:
                raise Invalid(f"there can be {_MOST} stages")
            return [*stages, stage]

        self._infrastructures.change_stages(alter)
        return stage

    def describe(self, stage: Stage) -> Stage:
        """Give a stage another description. Raises NotFound."""
        _check(stage)

        def alter(stages: list[Stage]) -> list[Stage]:
            _check_known(stage.id, stages)
            return [stage if one.id == stage.id else one for one in stages]

        self._infrastructures.change_stages(alter)
        return stage

    def order(self, ids: Sequence[str]) -> list[Stage]:
        """Put the stages into this order. Raises Invalid unless each is named once."""

        def alter(stages: list[Stage]) -> list[Stage]:
            known = {one.id: one for one in stages}
            if sorted(ids) != sorted(known):
                raise Invalid(f"the order names each stage once; there is: {', '.join(known)}")
            return [known[name] for name in ids]

        return self._infrastructures.change_stages(alter)

    def remove(self, stage: str) -> None:
        """Raises NotFound, and Conflict for the last stage or while infrastructures stand in it."""

        def alter(stages: list[Stage]) -> list[Stage]:
            _check_known(stage, stages)
            left = [one for one in stages if one.id != stage]
            if not left:
                raise Conflict("the last stage stays; add another one first", code="stage-used")
            return left

        self._infrastructures.change_stages(alter)


def _check(stage: Stage) -> None:
    check_id(stage.id, "a stage")
    if len(stage.description) > _LONGEST_DESCRIPTION:
        raise Invalid(f"a description has at most {_LONGEST_DESCRIPTION} characters")


def _check_known(stage: str, stages: Sequence[Stage]) -> None:
    known = [one.id for one in stages]
    if stage not in known:
        raise NotFound(f"no stage {stage!r}; {did_you_mean(stage, known)}", code="no-such-stage")
