"""How published versions, and what changed between two, are shown at a terminal."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from scoreline.cli.console import out, print_facts, print_table
from scoreline.cli.deployment_view import at

if TYPE_CHECKING:
    from scoreline.core.version_changes import VersionChanges
    from scoreline.wire.control import VersionDetails


def print_version(found: VersionDetails) -> None:
    """Where a version comes from, what is in it, who uses it, and what changed."""
    one = found.version
    facts: dict[str, object] = {
        "version": f"{one.service} {one.version} of project {one.project}",
        "created": f"{at(one.created_at)} by {one.created_by}",
        "published": f"{at(one.published_at)} by {one.published_by}",
        "notes": one.release_notes or "-",
        "digest": one.digest,
        "archive": f"{one.size:,} bytes",
        "used by": ", ".join(found.used_by) or "no deployment",
    }
    facts.update({f"endpoint {name}": kind for name, kind in found.endpoints.items()})
    for name, model in found.models.items():
        facts[f"model {name}"] = f"{model.version}, {model.task}, {model.algorithm}"
    for lookup in found.lookups.values():
        facts[f"lookup {lookup.dataset}"] = f"{lookup.rows:,} rows"
    if found.libraries:
        facts["libraries"] = ", ".join(f"{name} {number}" for name, number in found.libraries.items())
    print_facts(facts)
    if found.changes is not None:
        out.print(f"\nsince {found.compared_with}:", markup=False)
        print_changes(found.changes, empty="nothing differs")


def print_changes(changes: VersionChanges | None, *, empty: str) -> None:
    """One line for each thing that changed."""
    rows = list(_rows(changes)) if changes else []
    print_table(("part", "id", "change", "detail"), rows, empty=empty)


def _rows(changes: VersionChanges) -> Iterator[tuple[str, str, str, str]]:
    for name in changes.endpoints_added:
        yield "endpoint", name, "added", ""
    for name in changes.endpoints_removed:
        yield "endpoint", name, "removed", ""
    for endpoint in changes.endpoints_changed:
        yield "endpoint", endpoint.id, "changed", ", ".join(endpoint.settings)
    for name in changes.settings:
        yield "service", name, "changed", ""
    for model in changes.models:
        yield "model", model.id, *_change(model.before, model.after)
    for lookup in changes.lookups:
        before, after = (
            None if count is None else f"{count:,} rows" for count in (lookup.rows_before, lookup.rows_after)
        )
        yield "lookup", lookup.dataset, *_change(before, after)
    for library in changes.libraries:
        yield "library", library.name, *_change(library.before, library.after)


def _change(before: str | None, after: str | None) -> tuple[str, str]:
    if before is None:
        return "added", str(after)
    if after is None:
        return "removed", before
    return "changed", f"{before} -> {after}" if before != after else f"other content, still {after}"
