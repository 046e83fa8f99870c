"""Files in multipart forms, passed on as they arrive."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

from python_multipart.exceptions import MultipartParseError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.requests import Request

from scoreline.errors import Invalid
from scoreline.rest.bodies import read_chunks

if TYPE_CHECKING:
    from python_multipart.multipart import MultipartCallbacks


async def read_file(request: Request, field: str, *, idle: float) -> AsyncIterator[bytes]:
    """The bytes of the form's part `field`; other parts are passed over.

    Raises Invalid for a body that is no such form, lacks that part or has it twice, pauses for `idle` seconds
    or breaks off.
    """
    kind, options = parse_options_header(request.headers.get("content-type", ""))
    if kind != b"multipart/form-data" or not options.get(b"boundary"):
        raise _bad(f"the body is no form (multipart/form-data) with a file in its field {field!r}")
    part = _Part(field.encode())
    try:
        parser = MultipartParser(options[b"boundary"], part.callbacks())
        async for chunk in read_chunks(request, idle=idle):
            parser.write(chunk)
            for piece in part.take():
                yield piece
        parser.finalize()
    except MultipartParseError as error:
        raise _bad(f"the form cannot be read: {error}") from error
    if part.seen != 1 or not part.ended:
        raise _bad(f"the form has not exactly one whole file in its field {field!r}")


class _Part:
    """What the parser finds of one field."""

    def __init__(self, field: bytes) -> None:
        self.seen = 0
        self.ended = False
        self._field = field
        self._inside = False
        self._header = b""
        self._value = b""
        self._name: bytes | None = None
        self._data: list[bytes] = []

    def callbacks(self) -> MultipartCallbacks:
        return {
            "on_part_begin": self._part_begins,
            "on_header_field": self._header_field,
            "on_header_value": self._header_value,
            "on_header_end": self._header_ends,
            "on_headers_finished": self._headers_end,
            "on_part_data": self._part_data,
            "on_end": self._all_ends,
        }

    def take(self) -> list[bytes]:
        data, self._data = self._data, []
        return data

    def _part_begins(self) -> None:
        self._name = None

    def _header_field(self, data: bytes, start: int, end: int) -> None:
        self._header += data[start:end]

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _header_ends(self) -> None:
        if self._header.lower() == b"content-disposition":
            self._name = parse_options_header(self._value)[1].get(b"name")
        self._header = self._value = b""

    def _headers_end(self) -> None:
        self._inside = self._name == self._field
        self.seen += self._inside

    def _part_data(self, data: bytes, start: int, end: int) -> None:
        if self._inside and self.seen == 1:
            self._data.append(data[start:end])

    def _all_ends(self) -> None:
        self.ended = True


def _bad(message: str) -> Invalid:
    return Invalid(message, code="bad-form")
