"""Forms: what was typed, as text, numbers and flags, and the complaints beside the fields."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from starlette.datastructures import FormData, UploadFile
from starlette.requests import Request
from starlette.types import Message

from scoreline.errors import Invalid

_MOST_FIELDS = 5_000


class Form:
    """What was typed into a form. A template shows it again by `form.text(name)`."""

    def __init__(self, data: FormData | Mapping[str, str] | None = None) -> None:
        self._data = data if isinstance(data, FormData) else FormData(dict(data or {}))

    def __contains__(self, name: str) -> bool:
        return name in self._data

    def __iter__(self) -> Iterator[str]:
        return iter(self._data)

    def text(self, name: str, default: str = "") -> str:
        """One field, without the blanks around it."""
        return self.raw(name, default).strip()

    def raw(self, name: str, default: str = "") -> str:
        """One field as it was typed, with line ends as Python writes them."""
        found = self._data.get(name, default)
        return found.replace("\r\n", "\n") if isinstance(found, str) else default

    def texts(self, name: str) -> list[str]:
        """All fields of that name, in order."""
        return [one for one in self._data.getlist(name) if isinstance(one, str)]

    def flag(self, name: str) -> bool:
        """Whether a box is ticked."""
        return self.text(name) not in ("", "0", "false", "no")

    def number(self, name: str, label: str) -> float | None:
        """A number, or nothing. Raises Invalid with the name of the field as its code."""
        typed = self.text(name)
        if not typed:
            return None
        try:
            return float(typed)
        except ValueError:
            raise Invalid(f"{label} is to be a number", code=name) from None

    def whole(self, name: str, label: str) -> int | None:
        """A whole number, or nothing. Raises Invalid with the name of the field as its code."""
        typed = self.text(name)
        if not typed:
            return None
        try:
            return int(typed)
        except ValueError:
            raise Invalid(f"{label} is to be a whole number", code=name) from None

    def file(self, name: str) -> UploadFile | None:
        """A file that was chosen, or nothing."""
        found = self._data.get(name)
        return found if isinstance(found, UploadFile) and found.filename else None


async def read_form(request: Request, longest: int) -> Form:
    """The form that a request carries. Raises Invalid (code `body-too-large`) beyond so many bytes."""
    declared = request.headers.get("content-length", "")
    received = int(declared) if declared.isdecimal() else 0
    _check(received, longest)
    received = 0

    async def receive() -> Message:
        nonlocal received
        message = await request.receive()
        received += len(message.get("body", b""))
        _check(received, longest)
        return message

    fields = await Request(request.scope, receive).form(max_part_size=longest, max_fields=_MOST_FIELDS)
    return Form(fields)


def _check(received: int, longest: int) -> None:
    if received > longest:
        raise Invalid(f"this form is larger than {longest:,} bytes; send less", code="body-too-large")
