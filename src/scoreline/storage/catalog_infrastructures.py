"""Stages and infrastructures in the catalog."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy import Connection, Row
from sqlalchemy.exc import IntegrityError

from scoreline.core.access import Kind, Place
from scoreline.core.infrastructure import Infrastructure, StaticNode
from scoreline.core.names import did_you_mean
from scoreline.core.stage import Stage
from scoreline.errors import Conflict, NotFound
from scoreline.storage import catalog_tables as tables
from scoreline.storage.catalog_audit import audited
from scoreline.storage.catalog_columns import to_text
from scoreline.storage.catalog_grants import forget_grants
from scoreline.storage.lost_updates import stale
from scoreline.storage.transactions import Transactions


class CatalogInfrastructures:
    """The stages in their order, and the infrastructures that stand in them."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    def stages(self) -> list[Stage]:
        """All stages, the first one first."""
        with self._transactions.reading() as connection:
            return _stages(connection)

    def change_stages(self, alter: Callable[[list[Stage]], list[Stage]]) -> list[Stage]:
        """Replace all stages by what `alter` makes of them. Raises Conflict when one in use would go."""
        with self._transactions.writing() as connection:
            before = _stages(connection)
            stages = alter(before)
            i = tables.infrastructures.c
            unknown = i.stage.not_in([stage.id for stage in stages])
            lost = connection.execute(sa.select(i.id, i.stage).where(unknown).order_by(i.id)).first()
            if lost is not None:
                raise Conflict(
                    f"infrastructure {lost.id!r} stands in stage {lost.stage!r}; move it first",
                    code="stage-used",
                )
            connection.execute(tables.stages.delete())
            if stages:
                connection.execute(tables.stages.insert(), _positions(stages))
            audited(
                connection, "update", "control-plane", before={"stages": before}, after={"stages": stages}
            )
        return stages

    def all(self) -> list[Infrastructure]:
        """All infrastructures, sorted by id."""
        query = sa.select(tables.infrastructures).order_by(tables.infrastructures.c.id)
        with self._transactions.reading() as connection:
            return [_infrastructure(row) for row in connection.execute(query)]

    def one(self, infrastructure: str) -> Infrastructure | None:
        """One infrastructure, or None."""
        with self._transactions.reading() as connection:
            return _one(connection, infrastructure)

    def add(self, infrastructure: Infrastructure) -> None:
        """Add an infrastructure. Raises NotFound for an unknown stage, Conflict when its id is taken."""
        with self._transactions.writing() as connection:
            _check_stage(connection, infrastructure.stage)
            try:
                connection.execute(tables.infrastructures.insert().values(_values(infrastructure)))
            except IntegrityError as error:
                raise Conflict(
                    f"there is an infrastructure {infrastructure.id!r} already; change that one",
                    code="infrastructure-exists",
                ) from error
            audited(connection, "create", _target(infrastructure.id), after=infrastructure)

    def save(self, infrastructure: Infrastructure) -> Infrastructure:
        """Save what was changed of an infrastructure; gives it with its new revision.

        Raises NotFound for an unknown stage or when it was deleted, Conflict when somebody else saved since
        its revision was read.
        """
        c = tables.infrastructures.c
        saved = msgspec.structs.replace(infrastructure, revision=infrastructure.revision + 1)
        row = tables.infrastructures.update().where(
            c.id == infrastructure.id, c.revision == infrastructure.revision
        )
        with self._transactions.writing() as connection:
            _check_stage(connection, infrastructure.stage)
            before = _one(connection, infrastructure.id)
            if before is None:
                raise NotFound(
                    f"infrastructure {infrastructure.id!r} is not there any more",
                    code="no-such-infrastructure",
                )
            if not connection.execute(row.values(_values(saved))).rowcount:
                raise stale(connection, _target(saved.id), infrastructure.revision)
            audited(connection, "update", _target(saved.id), before=before, after=saved)
        return saved

    def remove(self, infrastructure: str) -> None:
        """Remove an infrastructure; one that is not there is no error. Raises Conflict when it is used."""
        row = tables.infrastructures.delete().where(tables.infrastructures.c.id == infrastructure)
        with self._transactions.writing() as connection:
            before = _one(connection, infrastructure)
            try:
                connection.execute(row)
            except IntegrityError as error:
                raise Conflict(
                    f"infrastructure {infrastructure!r} has deployments; delete them first",
                    code="infrastructure-used",
                ) from error
            if before is not None:
                forget_grants(connection, Place(Kind.INFRASTRUCTURE, infrastructure))
                audited(connection, "delete", _target(infrastructure), before=before)


def _target(infrastructure: str) -> str:
    return f"infrastructure:{infrastructure}"


def _one(connection: Connection, infrastructure: str) -> Infrastructure | None:
    query = sa.select(tables.infrastructures).where(tables.infrastructures.c.id == infrastructure)
    row = connection.execute(query).one_or_none()
    return None if row is None else _infrastructure(row)


def _stages(connection: Connection) -> list[Stage]:
    c = tables.stages.c
    rows = connection.execute(sa.select(c.id, c.description).order_by(c.position))
    return [Stage(id=row.id, description=row.description) for row in rows]


def _positions(stages: list[Stage]) -> list[dict[str, Any]]:
    return [
        {"id": stage.id, "position": position, "description": stage.description}
        for position, stage in enumerate(stages)
    ]


def _check_stage(connection: Connection, stage: str) -> None:
    known = [found.id for found in _stages(connection)]
    if stage not in known:
        raise NotFound(f"no stage {stage!r}; {did_you_mean(stage, known)}", code="no-such-stage")


def _values(infrastructure: Infrastructure) -> dict[str, Any]:
    return {
        **msgspec.structs.asdict(infrastructure),
        "nodes": to_text(infrastructure.nodes),
        "connections": to_text(infrastructure.connections),
    }


def _infrastructure(row: Row[Any]) -> Infrastructure:
    return Infrastructure(
        **{
            **row._mapping,
            "nodes": msgspec.json.decode(row.nodes, type=tuple[StaticNode, ...]),
            "connections": msgspec.json.decode(row.connections),
        }
    )
