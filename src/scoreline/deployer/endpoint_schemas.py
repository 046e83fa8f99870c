"""What the endpoints of a published version take and give, as its package says."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

import msgspec
from msgspec import Struct

from scoreline.core.endpoint_schema import EndpointSchema, LookupTable, endpoint_schema
from scoreline.core.lookup import Lookup
from scoreline.core.model import Signature
from scoreline.core.package import PublishedVersion, lookup_id
from scoreline.errors import Invalid
from scoreline.storage.zip_files import ZipLimits, checked_zip

T = TypeVar("T")


class _Scorer(Struct):
    signature: Signature


def endpoint_schemas(version: PublishedVersion, archive: Path) -> tuple[EndpointSchema, ...]:
    """The endpoints of a version, in order. Raises NotFound and Invalid when its archive cannot be read."""
    with checked_zip(archive, ZipLimits()) as files:

        def part(name: str, kind: type[T]) -> T:
            try:
                return msgspec.json.decode(files.read(name), type=kind)
            except (KeyError, msgspec.MsgspecError) as error:
                raise Invalid(f"{name} of the package cannot be read", code="bad-package") from error

        def table(lookup: Lookup) -> LookupTable:
            return part(f"lookups/{lookup_id(lookup)}/lookup.json", LookupTable)

        def signature(model: str) -> Signature:
            return part(f"models/{model}/scorer.json", _Scorer).signature

        return tuple(endpoint_schema(one, table, signature) for one in version.service.endpoints)
