"""Rows of deployments as values. Thousands are read at once, so texts that are the same are read once."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import msgspec
from sqlalchemy import Row

from scoreline.core.deployment import Deployment, GenerationsMapping

_MOST_TEXTS = 4096


def deployment_of(row: Row[Any]) -> Deployment:
    """The deployment of a row of its table."""
    return Deployment(
        id=row.id,
        service=row.service,
        infrastructure=row.infrastructure,
        deployed_service=row.deployed_service,
        enabled=row.enabled,
        tags=_tags(row.tags),
        mapping=mapping_of(row.mapping),
        live=mapping_of(row.live),
        live_enabled=row.live_enabled,
        former=_mappings(row.former),
        leaving=row.leaving,
        revision=row.revision,
    )


@lru_cache(_MOST_TEXTS)
def mapping_of(text: str | None) -> GenerationsMapping | None:
    """The generations mapping in a column."""
    return None if text is None else msgspec.json.decode(text, type=GenerationsMapping)


@lru_cache(_MOST_TEXTS)
def _mappings(text: str) -> tuple[GenerationsMapping, ...]:
    return msgspec.json.decode(text, type=tuple[GenerationsMapping, ...])


@lru_cache(_MOST_TEXTS)
def _tags(text: str) -> tuple[str, ...]:
    return msgspec.json.decode(text, type=tuple[str, ...])
