"""Triggers by time as clients of Dataiku write them, and as cron expressions."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Literal

from msgspec import UNSET, Struct, UnsetType

from scoreline.core.names import did_you_mean, shortened
from scoreline.wire.dataiku_settings import refused

_SERVER = "SERVER"
_DAYS = {
    "Monday": "MON",
    "Tuesday": "TUE",
    "Wednesday": "WED",
    "Thursday": "THU",
    "Friday": "FRI",
    "Saturday": "SAT",
    "Sunday": "SUN",
}
_LAST_DAY = "LAST_DAY_OF_THE_MONTH"
_PLAIN = re.compile(r"(\d{1,2}) (\d{1,2}) (\*|L|\d{1,2}) (\S+) (\*|[A-Z]{3}(?:,[A-Z]{3})*)")
_MINUTELY = re.compile(r"\*(?:/(\d{1,2}))? \* \* \* \*")
_HOURLY = re.compile(r"(\d{1,2}) (\S+) \* \* \*")


class Temporal(Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """`params` of a trigger of type `temporal`."""

    frequency: Literal["Minutely", "Hourly", "Daily", "Weekly", "Monthly"]
    repeat_frequency: int = 1
    hour: int = 0
    minute: int = 0
    days_of_week: tuple[str, ...] = ()
    monthly_run_on: str | None = None
    starting_from: str | UnsetType | None = UNSET
    timezone: str = _SERVER


def temporal_read(given: Temporal, at: datetime | None) -> tuple[str, str]:
    """The cron expression and the time zone. Raises Invalid, naming the key, for what cron cannot say.

    `at`: now. A start that lies ahead is refused, since a trigger here begins when it is saved.
    """
    start = _start(given)
    if at is not None and start is not None and start > at:
        raise refused(f"startingFrom lies ahead ({start.date()}); a trigger begins when it is saved")
    for key, value, most in (("hour", given.hour, 23), ("minute", given.minute, 59)):
        if not 0 <= value <= most:
            raise refused(f"{key} is {value}; use 0 to {most}")
    zone = "UTC" if given.timezone in (_SERVER, "") else given.timezone
    return _cron(given, start), zone


def temporal_written(cron: str, zone: str) -> Temporal | None:
    """A cron expression as they write it; None where they cannot."""
    if match := _MINUTELY.fullmatch(cron):
        return Temporal(frequency="Minutely", repeat_frequency=int(match[1] or 1), timezone=zone)
    if (match := _PLAIN.fullmatch(cron)) is None:
        match = _HOURLY.fullmatch(cron)
        return _hourly(int(match[1]), match[2], zone) if match else None
    minute, hour, day, months, days = int(match[1]), int(match[2]), match[3], match[4], match[5]
    if day == "*" and days == "*" and months == "*":
        return Temporal(frequency="Daily", hour=hour, minute=minute, timezone=zone)
    if day == "*" and months == "*":
        names = tuple(name for name, short in _DAYS.items() if short in days.split(","))
        return Temporal(frequency="Weekly", hour=hour, minute=minute, days_of_week=names, timezone=zone)
    if day == "*" or days != "*":
        return None
    first, repeat = _months_written(months)
    return Temporal(
        frequency="Monthly",
        repeat_frequency=repeat,
        hour=hour,
        minute=minute,
        monthly_run_on=_LAST_DAY if day == "L" else "ON_THE_DAY",
        starting_from=f"2000-{first:02d}-{1 if day == 'L' else int(day):02d}T00:00:00.000+0000",
        timezone=zone,
    )


def _cron(given: Temporal, start: datetime | None) -> str:
    repeat, minute, hour = given.repeat_frequency, given.minute, given.hour
    match given.frequency:
        case "Minutely":
            _check_repeat(repeat, 60, "an hour")
            return "* * * * *" if repeat == 1 else f"*/{repeat} * * * *"
        case "Hourly":
            _check_repeat(repeat, 24, "a day")
            hours = "*" if repeat == 1 else ",".join(str(one) for one in range(hour % repeat, 24, repeat))
            return f"{minute} {hours} * * *"
        case "Daily":
            _check_each(repeat, "day")
            return f"{minute} {hour} * * *"
        case "Weekly":
            _check_each(repeat, "week")
            return f"{minute} {hour} * * {_days(given.days_of_week)}"
        case "Monthly":
            _check_repeat(repeat, 12, "a year")
            first = start.month if start else 1
            months = "*" if repeat == 1 else ",".join(map(str, sorted(_months(first, repeat))))
            return f"{minute} {hour} {_day(given, start)} {months} *"


def _start(given: Temporal) -> datetime | None:
    if not given.starting_from:
        return None
    try:
        found = datetime.fromisoformat(given.starting_from)
    except ValueError:
        raise refused(f"startingFrom {shortened(given.starting_from)} is no time in ISO 8601") from None
    if found.tzinfo is None:
        raise refused(f"startingFrom {shortened(given.starting_from)} has no time zone")
    return found


def _check_repeat(repeat: int, whole: int, what: str) -> None:
    choices = [n for n in range(1, whole + 1) if whole % n == 0]
    if repeat not in choices:
        listed = ", ".join(map(str, choices))
        raise refused(f"repeatFrequency is {repeat}, by which {what} cannot be divided; use {listed}")


def _check_each(repeat: int, what: str) -> None:
    if repeat != 1:
        raise refused(f"repeatFrequency is {repeat}; a trigger here is due each {what}: use 1")


def _days(names: Sequence[str]) -> str:
    if not names:
        raise refused("daysOfWeek must list at least one day")
    for name in names:
        if name not in _DAYS:
            raise refused(f"daysOfWeek has {shortened(name)}; {did_you_mean(name, _DAYS)}")
    return ",".join(short for name, short in _DAYS.items() if name in names)


def _day(given: Temporal, start: datetime | None) -> str:
    if given.monthly_run_on in (None, "ON_THE_DAY"):
        return str(start.day if start else 1)
    if given.monthly_run_on == _LAST_DAY:
        return "L"
    run_on = shortened(given.monthly_run_on or "")
    raise refused(f"monthlyRunOn {run_on} cannot be kept here; use ON_THE_DAY or {_LAST_DAY}")


def _months(first: int, repeat: int) -> set[int]:
    return {(first - 1 + step) % 12 + 1 for step in range(0, 12, repeat)}


def _months_written(months: str) -> tuple[int, int]:
    """The first month and how many lie between two; what is none of theirs reads back as something else."""
    numbers = [int(one) for one in months.split(",") if one.isdigit()]
    if months == "*" or not numbers:
        return 1, 1
    return min(numbers), 12 // len(numbers) if 12 % len(numbers) == 0 else 1


def _hourly(minute: int, hours: str, zone: str) -> Temporal | None:
    if hours == "*":
        return Temporal(frequency="Hourly", minute=minute, timezone=zone)
    numbers = [int(one) for one in hours.split(",") if one.isdigit()]
    if len(numbers) < 2 or 24 % len(numbers):
        return None
    return Temporal(
        frequency="Hourly",
        repeat_frequency=24 // len(numbers),
        hour=min(numbers),
        minute=minute,
        timezone=zone,
    )
