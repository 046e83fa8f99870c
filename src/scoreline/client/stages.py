"""Calls on stages."""

from __future__ import annotations

from collections.abc import Sequence

from scoreline.client.connection import Connection, path_to
from scoreline.core.stage import Stage
from scoreline.wire.control import NewStage, StageDescription, StageOrder


class StageCalls:
    """What `scoreline stage` does."""

    _control: Connection

    def stages(self) -> tuple[Stage, ...]:
        """All stages, in the order of promotion."""
        return self._control.call("GET", "/stages", tuple[Stage, ...])

    def add_stage(self, stage: str, description: str = "") -> Stage:
        """Add a stage after the last one. Raises Conflict when there is one of that id."""
        return self._control.call("POST", "/stages", Stage, body=NewStage(id=stage, description=description))

    def describe_stage(self, stage: str, description: str) -> Stage:
        """Give a stage another description. Raises NotFound."""
        wanted = StageDescription(description=description)
        return self._control.call("PUT", path_to("stages", stage), Stage, body=wanted)

    def order_stages(self, order: Sequence[str]) -> tuple[Stage, ...]:
        """Put all stages into another order of promotion. Raises Invalid unless each is named once."""
        return self._control.call("PUT", "/stages", tuple[Stage, ...], body=StageOrder(order=tuple(order)))

    def delete_stage(self, stage: str) -> tuple[Stage, ...]:
        """Delete a stage, and give those that are left.

        Raises NotFound, and Conflict while infrastructures stand in it.
        """
        return self._control.call("DELETE", path_to("stages", stage), tuple[Stage, ...])
