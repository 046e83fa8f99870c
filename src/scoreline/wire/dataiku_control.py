"""Messages of the control API as clients of Dataiku's public API speak it (`dataikuapi.DSSClient`).

Settings of API services, which its designer keeps, stand in `dataiku_service`.
"""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct

PREFIXES = ("/dip/publicapi", "/public/api")
"""Where those clients look for it: the Python client under the first, curl in the docs under the second."""


class Project(Struct, frozen=True, kw_only=True, rename="camel"):
    """A project in the list."""

    project_key: str
    name: str
    short_desc: str


class Package(Struct, frozen=True, kw_only=True, rename="camel"):
    """A version of an API service in its project."""

    id: str
    created_on: int
    """Milliseconds since 1970, as all times here."""
    created_by: str
    release_notes: str


class PackageSummary(Struct, frozen=True, kw_only=True, rename="camel"):
    """What is in a package. The names are ours: Dataiku's are not public."""

    id: str
    service_id: str
    project_key: str
    created_on: int
    created_by: str
    release_notes: str
    digest: str
    size: int
    endpoints: tuple[dict[str, str], ...]
    """`id` and `type` of each."""
    models: dict[str, str]
    """Saved model -> its version."""
    lookups: dict[str, int]
    """Dataset -> how many of its rows are bundled."""


def milliseconds(time: str) -> int:
    """A time of ours (ISO 8601) as theirs."""
    return round(datetime.fromisoformat(time).timestamp() * 1000)
