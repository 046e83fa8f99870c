"""Small sound packages for tests: a service that looks merchants up, with test queries."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

import msgspec

from scoreline.core.lookup import Lookup, LookupColumn, LookupKey
from scoreline.core.package import FORMAT, Manifest, PackagedLookup, content_digest, lookup_id
from scoreline.core.schema import Column, ColumnType
from scoreline.core.service import LookupEndpoint, Service, TestQuery
from scoreline.lookups.building import build_lookup
from scoreline.storage.archives import file_entries, write_archive, write_manifest

MERCHANTS = Lookup(
    dataset="merchant_info", keys=(LookupKey(column="merchant_id"),), columns=(LookupColumn(column="state"),)
)


def make_package(
    folder: Path,
    version: str = "v1",
    *,
    service: str = "merchants",
    project: str = "cards",
    state: str | None = None,
    expect: str | None = None,
    rows: int = 2,
    queries: int = 1,
    release_notes: str = "",
    created_at: str = "2030-01-01T00:00:00+00:00",
) -> Path:
    """A package whose merchant M_1 stands in `state` (None: `State of <version>`).

    Its test queries expect `expect` (None: what is right).
    """
    target = folder / f"{service}-{version}.zip"
    found = state if state is not None else f"State of {version}"
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        package = Path(scratch)
        answer = {"data": {"state": expect if expect is not None else found}}
        query = TestQuery(query={"data": {"merchant_id": "M_1"}}, expect=answer)
        endpoint = LookupEndpoint(id="merchant_lookup", lookups=(MERCHANTS,), test_queries=(query,) * queries)
        definition = Service(endpoints=(endpoint,))
        (package / "service.json").write_bytes(msgspec.json.encode(definition))
        merchants: Sequence[tuple[str, str]] = [(f"M_{n}", found) for n in range(1, rows + 1)]
        info = build_lookup(
            package / "lookups" / lookup_id(MERCHANTS),
            (Column("merchant_id", ColumnType.STRING),),
            (Column("state", ColumnType.STRING),),
            merchants,
        )
        files = file_entries(package)
        packaged = PackagedLookup(dataset="merchant_info", rows=info.rows, digest=info.digest)
        manifest = Manifest(
            format=FORMAT,
            project=project,
            service=service,
            version=version,
            digest=content_digest(files),
            created_at=created_at,
            created_by="somebody",
            release_notes=release_notes,
            lookups={lookup_id(MERCHANTS): packaged},
            files=files,
        )
        write_manifest(package, manifest)
        write_archive(package, target)
    return target
