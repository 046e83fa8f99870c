"""Due times of cron expressions in a time zone, through changes of its clocks.

Where the hours are all 24, it is due whenever the clock on the wall shows such a minute. Else each time of
day is due once: one that is skipped right after the change, one that comes twice at the first of them.
"""

from __future__ import annotations

import contextlib
import functools
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import takewhile
from zoneinfo import ZoneInfo, available_timezones

from cronsim import CronSim, CronSimError

from scoreline.core.names import did_you_mean, nearest, shortened
from scoreline.errors import Invalid

ALIASES = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}
_FIELDS = {
    "minute": (59, "0 to 59"),
    "hour": (23, "0 to 23"),
    "day-of-month": (31, "1 to 31, a day that its months have, or L for the last"),
    "month": (12, "1 to 12 or JAN to DEC"),
    "day-of-week": (7, "0 to 7 or SUN to SAT (0 and 7 are Sunday)"),
}
"""By the library's names: the longest step, and what may stand there."""
_STEP = re.compile(r"/([0-9]+)")
_LIKE = "write minute, hour, day of the month, month and day of the week, such as '30 3 * * MON-FRI'"
_LONGEST = 200
"""Characters of an expression."""
_ALL_HOURS = set(range(24))
_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
"""The library looks 50 years ahead; from here, those hold every date on every day of the week."""


def check_cron(cron: str, zone: str) -> None:
    """Raise Invalid for an expression that cannot be read or never comes, and for a zone that is none."""
    if next_due(cron, zone, _EPOCH) is None:
        raise Invalid(f"cron {shortened(cron)} never comes: no date is all that it asks for; {_LIKE}")


def check_zone(zone: str) -> None:
    """Raise Invalid, naming the nearest one, for a time zone that is none."""
    _zone(zone)


def next_due(cron: str, zone: str, after: datetime) -> datetime | None:
    """The first due time later than `after`, in UTC; None when none comes within 50 years."""
    return next(_due(cron, zone, after), None)


def due_between(cron: str, zone: str, after: datetime, until: datetime) -> Iterator[datetime]:
    """The due times later than `after` and not later than `until`, in UTC and in order."""
    return takewhile(lambda due: due <= until, _due(cron, zone, after))


def _due(cron: str, zone: str, after: datetime) -> Iterator[datetime]:
    """All due times later than `after`."""
    return _times(_read(cron), after, _zone(zone))


def _times(read: CronSim, after: datetime, zone: ZoneInfo) -> Iterator[datetime]:
    all_hours = read.hours == _ALL_HOURS
    days = " ".join(read.parts[3:])
    # The library tells fixed hours from all by the star that a field begins with.
    if all_hours:
        # With one minute it jumps from hour to hour, over a change by half an hour too: hence another one.
        cron = f"{_listed({*read.minutes, (min(read.minutes) + 1) % 60})} * {days}"
    else:
        cron = f"{_listed(read.minutes)} {_listed(read.hours)} {days}"
    last = after
    with contextlib.suppress(OverflowError):  # the calendar ends
        for time in CronSim(cron, after.astimezone(zone)):
            due = time.astimezone(UTC)
            # From within the second of two equal hours, it begins with the first.
            if due > last and (time.minute in read.minutes or not all_hours):
                yield due
                last = due


def _read(cron: str) -> CronSim:
    text = ALIASES.get(cron.strip().lower(), cron)
    if text.startswith("@"):
        raise Invalid(f"cron {shortened(cron)} is not known; {did_you_mean(cron, ALIASES)}")
    fields = text.split()
    if len(fields) != len(_FIELDS) or len(text) > _LONGEST:
        raise Invalid(f"cron {shortened(cron)} is not {len(_FIELDS)} short fields; {_LIKE}")
    by_name = dict(zip(_FIELDS, fields, strict=True))
    for name, field in by_name.items():
        # Cron would take `*/90` for every hour.
        if any(int(step) > _FIELDS[name][0] for step in _STEP.findall(field)):
            raise _wrong(cron, name, field)
    try:
        return CronSim(text, _EPOCH)
    except CronSimError as error:
        name = str(error).removeprefix("Bad ")
        raise _wrong(cron, name, by_name[name]) from None


def _wrong(cron: str, name: str, field: str) -> Invalid:
    return Invalid(
        f"cron {shortened(cron)}: its {name} is {shortened(field)}; use {_FIELDS[name][1]}; {_LIKE}"
    )


def _listed(numbers: set[int]) -> str:
    return ",".join(str(number) for number in sorted(numbers))


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        close = nearest(name, _places(), cutoff=0.5)
        hint = f"did you mean {close!r}?" if close else "use a name such as Europe/Paris, or UTC"
        raise Invalid(f"there is no time zone {shortened(name)}; {hint}") from None


@functools.cache
def _places() -> tuple[str, ...]:
    return tuple(sorted(place for place in available_timezones() if "/" in place))
