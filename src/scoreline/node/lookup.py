"""One lookup as an endpoint makes it: the row for a record, or what to do when there is not exactly one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from scoreline.core.prediction import Ignored
from scoreline.errors import Invalid

if TYPE_CHECKING:
    from scoreline.core.lookup import Lookup
    from scoreline.lookups.bundled import BundledLookup

Row = tuple[object, ...]

LOOKUP_KEY_MISSING = "LOOKUP_KEY_MISSING"
NO_LOOKUP_MATCH = "NO_LOOKUP_MATCH"
MULTIPLE_LOOKUP_MATCHES = "MULTIPLE_LOOKUP_MATCHES"


class RecordLookup:
    """A `Lookup` of the service bound to its rows. `names` are the columns it adds, under their new names."""

    def __init__(self, lookup: Lookup, table: BundledLookup) -> None:
        wanted = (
            [(column, column) for column in table.columns]
            if lookup.columns == "all"
            else [(choice.column, choice.output_name) for choice in lookup.columns]
        )
        places = {column: place for place, column in enumerate(table.columns)}
        missing = next((column for column, _ in wanted if column not in places), None)
        if missing is not None:
            raise Invalid(f"the rows of {lookup.dataset!r} have no column {missing!r}", code="bad-package")
        self.lookup = lookup
        self.names = tuple(name for _, name in wanted)
        self._picks = tuple((places[column], name) for column, name in wanted)
        self._keys = tuple(key.query_name for key in lookup.keys)
        self._table = table  # its file is open as long as somebody holds it
        # The usual lookup has one key and one match; anything else is left to `row`.
        self._key = self._keys[0]
        self._find_row = table.find_row if len(self._keys) == 1 else _find_no_row
        self._query_first = lookup.precedence == "query"

    def enrich(self, record: dict[str, Any]) -> Ignored | None:
        """Add the columns to `record`, in place. Returns why the record is to be ignored, else None.

        Raises Invalid where the lookup says `error`, or the key cannot be a key.
        """
        find_row = self._find_row
        row: Row | Ignored | None = find_row(record.get(self._key))
        if row is None:
            row = self.row(record)
        if type(row) is tuple:
            if self._query_first:
                for place, name in self._picks:
                    held = record.get(name)
                    if held is None or (type(held) is str and not held.strip()):
                        record[name] = row[place]
            else:
                for place, name in self._picks:
                    record[name] = row[place]
            return None
        if row is None:
            for name in self.names:
                record.setdefault(name, None)
            return None
        return row  # type: ignore[return-value]

    def found(self, row: Row) -> dict[str, object]:
        """The wanted columns of a row, under their new names."""
        return {name: row[place] for place, name in self._picks}

    def row(self, record: dict[str, Any]) -> Row | Ignored | None:
        """The row for a record; None: leave its columns empty; Ignored: ignore the record."""
        key = tuple([record.get(name) for name in self._keys])
        if None in key:
            return self._abnormal(self.lookup.on_missing_key, LOOKUP_KEY_MISSING)
        rows = self._table.find(key)
        if len(rows) == 1:
            return rows[0]
        if not rows:
            if any(isinstance(part, str) and (not part or part.isspace()) for part in key):
                return self._abnormal(self.lookup.on_missing_key, LOOKUP_KEY_MISSING)
            return self._abnormal(self.lookup.on_no_match, NO_LOOKUP_MATCH)
        if self.lookup.on_several_matches == "first":
            return rows[0]
        return self._abnormal(self.lookup.on_several_matches, MULTIPLE_LOOKUP_MATCHES)

    def _abnormal(self, behaviour: str, reason: str) -> Ignored | None:
        if behaviour == "leave_empty":
            return None
        detail = f"{_WHAT[reason]} {self.lookup.dataset!r} by {', '.join(self._keys)}"
        if behaviour == "ignore_record":
            return Ignored(reason, detail)
        raise Invalid(detail, code=reason.lower().replace("_", "-"))


def _find_no_row(_: object) -> None:
    return None


_WHAT = {
    LOOKUP_KEY_MISSING: "the record has no value for a key of the lookup in",
    NO_LOOKUP_MATCH: "no row matches in",
    MULTIPLE_LOOKUP_MATCHES: "several rows match in",
}
