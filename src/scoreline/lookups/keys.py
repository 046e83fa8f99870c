"""Lookup keys as bytes: values that mean the same key give the same bytes, in tables and in queries alike."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from scoreline.core.schema import ColumnType

KeyEncoder = Callable[[tuple[object, ...]], bytes | None]
PartEncoder = Callable[[object], bytes | None]

LONGEST = 511
"""Bytes of the longest key that LMDB takes; longer ones are stored as their hash."""

# Neither byte occurs in UTF-8 text, so parts cannot run into one another and a hash cannot be a key.
_BETWEEN = b"\xfe"
_HASHED = b"\xff"

_NUMBER = re.compile(r"[ \t]*[+-]?([0-9]{1,400}(\.[0-9]{0,400})?|\.[0-9]{1,400})([eE][+-]?[0-9]{1,4})?[ \t]*")
_WHOLE = re.compile(r"[ \t]*[+-]?[0-9]{1,400}[ \t]*")
_LARGEST = 1 << 63
_BOOLEANS = {"true": b"true", "false": b"false", "1": b"true", "0": b"false"}


def key_encoder(types: Sequence[ColumnType]) -> KeyEncoder:
    """A function from key values (one per key column, in order) to the bytes they are found under.

    It gives None where a value is missing (None or blank text) or cannot be a value of its column's type:
    such a key finds nothing. 5, 5.0 and "5" are the same key of an int column, and of a string column.
    """
    parts = [_PARTS[column_type] for column_type in types]
    return _several(parts) if len(parts) > 1 else _one(parts[0])


def _one(part: PartEncoder) -> KeyEncoder:
    def encode(key: tuple[object, ...]) -> bytes | None:
        (value,) = key
        found = part(value)
        return found if found is None or len(found) <= LONGEST else _hashed(found)

    return encode


def _several(parts: list[PartEncoder]) -> KeyEncoder:
    def encode(key: tuple[object, ...]) -> bytes | None:
        encoded = []
        for part, value in zip(parts, key, strict=True):
            found = part(value)
            if found is None:
                return None
            encoded.append(found)
        joined = _BETWEEN.join(encoded)
        return joined if len(joined) <= LONGEST else _hashed(joined)

    return encode


def _hashed(key: bytes) -> bytes:
    return _HASHED + hashlib.sha256(key).digest()


def _text(value: object) -> bytes | None:
    if type(value) is str:
        return value.encode("utf-8", "surrogatepass") if value and not value.isspace() else None
    if isinstance(value, bool):
        return b"true" if value else b"false"
    if isinstance(value, int):
        return _whole_text(value)
    if isinstance(value, float):
        return _whole_text(int(value)) if value.is_integer() else _double(value)
    return None


def _whole_text(value: int) -> bytes | None:
    # Python refuses to write out integers of thousands of digits; no table holds one.
    return str(value).encode() if value.bit_length() < 2_000 else None


def _int(value: object) -> bytes | None:
    if type(value) is int:
        whole = value
    elif isinstance(value, str):
        if _WHOLE.fullmatch(value):
            whole = int(value)
        else:
            return _int(float(value)) if _NUMBER.fullmatch(value) else None
    elif isinstance(value, int) or (isinstance(value, float) and value.is_integer()):
        whole = int(value)
    else:
        return None
    return b"%d" % whole if -_LARGEST <= whole < _LARGEST else None


def _double(value: object) -> bytes | None:
    if isinstance(value, str):
        if not _NUMBER.fullmatch(value):
            return None
    elif not isinstance(value, (int, float)):
        return None
    try:
        number = float(value) + 0.0  # so that -0.0 becomes 0.0
    except OverflowError:
        return None
    return repr(number).encode() if number == number else None


def _boolean(value: object) -> bytes | None:
    if isinstance(value, (bool, int, float)):
        return b"true" if value == 1 else b"false" if value == 0 else None
    return _BOOLEANS.get(value.strip().lower()) if isinstance(value, str) else None


def _date(value: object) -> bytes | None:
    """Days and instants as UTC without its mark: a day is its midnight. Other text stays as it is."""
    if not isinstance(value, str) or not value or value.isspace():
        return None
    try:
        instant = datetime.fromisoformat(value.strip())
        if instant.tzinfo is not None:
            instant = instant.astimezone(UTC).replace(tzinfo=None)
    except (ValueError, OverflowError):
        return value.encode("utf-8", "surrogatepass")
    return instant.isoformat().encode()


_PARTS: dict[ColumnType, PartEncoder] = {
    ColumnType.STRING: _text,
    ColumnType.INT: _int,
    ColumnType.DOUBLE: _double,
    ColumnType.BOOLEAN: _boolean,
    ColumnType.DATE: _date,
}
