"""Due times of cron expressions: none lost and none doubled, whatever the clocks of the zone do."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scoreline.core.schedule import ALIASES, check_cron, due_between, next_due
from scoreline.errors import Invalid

MINUTE = timedelta(minutes=1)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def due(cron: str, zone: str, after: str, until: str) -> list[str]:
    """Due times, shortened to day, hour and minute."""
    return [f"{time:%d %H:%M}" for time in due_between(cron, zone, at(after), at(until))]


def refusal(cron: str, zone: str = "UTC") -> str:
    with pytest.raises(Invalid) as raised:
        check_cron(cron, zone)
    return raised.value.message


@pytest.mark.parametrize(
    ("cron", "zone", "after", "until", "expected"),
    [
        # The clocks of Paris skip 02:00 to 03:00 at 01:00 UTC.
        ("30 2 * * *", "Europe/Paris", "2024-03-30", "2024-04-02", ["30 01:30", "31 01:00", "01 00:30"]),
        ("0,15,30 2 * * *", "Europe/Paris", "2024-03-31", "2024-03-31T12:00", ["31 01:00"]),
        ("*/15 2 * * *", "Europe/Paris", "2024-03-31", "2024-03-31T12:00", ["31 01:00"]),
        ("30 2,3 * * *", "Europe/Paris", "2024-03-31", "2024-03-31T12:00", ["31 01:00", "31 01:30"]),
        ("0 2,3 * * *", "Europe/Paris", "2024-03-31", "2024-03-31T12:00", ["31 01:00"]),
        ("30 2 31 3 *", "Europe/Paris", "2024-03-01", "2024-05-01", ["31 01:00"]),
        ("0 */2 * * *", "Europe/Paris", "2024-03-30T22:00", "2024-03-31T03:00",
         ["30 23:00", "31 01:00", "31 02:00"]),
        ("30 * * * *", "Europe/Paris", "2024-03-30T23:45", "2024-03-31T02:45",
         ["31 00:30", "31 01:30", "31 02:30"]),
        # They show 02:00 to 03:00 twice: from 00:00 and from 01:00 UTC.
        ("30 2 * * *", "Europe/Paris", "2024-10-26", "2024-10-29", ["26 00:30", "27 00:30", "28 01:30"]),
        ("*/30 2 * * *", "Europe/Paris", "2024-10-27T00:00", "2024-10-27T23:00", ["27 00:30"]),
        ("0 1-4 * * *", "Europe/Paris", "2024-10-26T22:30", "2024-10-27T12:00",
         ["26 23:00", "27 00:00", "27 02:00", "27 03:00"]),
        ("0 * * * *", "Europe/Paris", "2024-10-26T22:30", "2024-10-27T02:30",
         ["26 23:00", "27 00:00", "27 01:00", "27 02:00"]),
        ("0 0-23 * * *", "Europe/Paris", "2024-10-26T23:30", "2024-10-27T02:30",
         ["27 00:00", "27 01:00", "27 02:00"]),
        ("*/30 * * * *", "Europe/Paris", "2024-10-27T00:15", "2024-10-27T01:45",
         ["27 00:30", "27 01:00", "27 01:30"]),
        ("30 2 * * *", "America/New_York", "2024-03-09T12:00", "2024-03-11T12:00", ["10 07:00", "11 06:30"]),
        ("30 1 * * *", "America/New_York", "2024-11-02T12:00", "2024-11-04T12:00", ["03 05:30", "04 06:30"]),
        # Half an hour: 02:00 to 02:30 is skipped, and 01:30 to 02:00 comes twice.
        ("15 2 * * *", "Australia/Lord_Howe", "2024-10-04T20:00", "2024-10-06T20:00",
         ["05 15:30", "06 15:15"]),
        ("45 1 * * *", "Australia/Lord_Howe", "2024-04-05T20:00", "2024-04-07T20:00",
         ["06 14:45", "07 15:15"]),
        ("45 * * * *", "Australia/Lord_Howe", "2024-04-06T14:00", "2024-04-06T16:30",
         ["06 14:45", "06 15:15", "06 16:15"]),
        # Midnight itself is skipped, or a whole day.
        ("0 0 * * *", "Africa/Cairo", "2024-04-25T12:00", "2024-04-27T12:00", ["25 22:00", "26 21:00"]),
        ("0 9 30 12 *", "Pacific/Apia", "2011-01-01", "2013-01-01", ["30 10:00", "29 19:00"]),
        ("0 3 * * *", "Asia/Kathmandu", "2024-03-30", "2024-04-01", ["30 21:15", "31 21:15"]),
        ("0 3 * * *", "UTC", "2024-03-30", "2024-04-01", ["30 03:00", "31 03:00"]),
        ("0 6 29 2 *", "UTC", "2023-01-01", "2029-01-01", ["29 06:00", "29 06:00"]),
        ("0 0 L * *", "UTC", "2024-01-31T00:00", "2024-03-31T00:00", ["29 00:00", "31 00:00"]),
        ("0 0 1 * MON", "UTC", "2024-03-01", "2024-03-12", ["04 00:00", "11 00:00"]),
        ("0 0 */10 * MON", "UTC", "2024-03-01", "2024-04-30", ["11 00:00", "01 00:00"]),
    ],
)  # fmt: skip
def test_each_time_is_due_once(cron: str, zone: str, after: str, until: str, expected: list[str]) -> None:
    check_cron(cron, zone)

    assert due(cron, zone, after, until) == expected


def test_a_due_time_is_not_due_again() -> None:
    cron, zone = "30 2 * * *", "Europe/Paris"
    changed = at("2024-03-31T01:00")

    for before in (
        timedelta(microseconds=1),
        timedelta(seconds=1),
        timedelta(seconds=59, microseconds=999_999),
    ):
        assert next_due(cron, zone, changed - before) == changed
    for later in (timedelta(0), timedelta(microseconds=1), timedelta(seconds=59), timedelta(hours=1)):
        assert next_due(cron, zone, changed + later) == at("2024-04-01T00:30")
    assert list(due_between(cron, zone, changed - MINUTE, changed)) == [changed]
    assert list(due_between(cron, zone, changed, changed + MINUTE)) == []
    assert list(due_between(cron, zone, changed, changed - MINUTE)) == []


def test_any_zone_of_the_caller_will_do_and_the_answer_is_in_utc() -> None:
    after = datetime(2024, 3, 31, 1, 59, tzinfo=ZoneInfo("Europe/Paris"))

    found = next_due("30 2 * * *", "Europe/Paris", after)

    assert found == at("2024-03-31T01:00")
    assert found.tzinfo is UTC


def test_aliases_stand_for_what_cron_takes_them_for() -> None:
    after = at("2024-03-30T12:30")
    expected = {
        "@hourly": "2024-03-30T13:00", "@daily": "2024-03-31", "@midnight": "2024-03-31",
        "@weekly": "2024-03-31",
        "@monthly": "2024-04-01", "@yearly": "2025-01-01", "@annually": "2025-01-01",
    }  # fmt: skip

    assert set(expected) == set(ALIASES)
    for alias, time in expected.items():
        check_cron(alias, "UTC")
        assert next_due(alias, "UTC", after) == at(time)
        assert next_due(f" {alias.upper()} ", "UTC", after) == at(time)


def test_rare_dates_are_found() -> None:
    check_cron("0 0 * 2 MON#5", "Europe/Paris")

    times = islice(due_between("0 0 * 2 MON#5", "UTC", at("2024-01-01"), at("2120-01-01")), 5)

    assert [f"{time:%Y-%m-%d}" for time in times] == ["2044-02-29", "2072-02-29", "2112-02-29"]


@pytest.mark.parametrize(
    ("cron", "message"),
    [
        ("0 0 30 2 *",
         "cron '0 0 30 2 *': its day-of-month is '30'; use 1 to 31, a day that its months have"),
        ("0 0 31 4,6,9,11 *",
         "cron '0 0 31 4,6,9,11 *': its day-of-month is '31'; use 1 to 31, a day that its"),
        ("0 0 */20 * 1L",
         "cron '0 0 */20 * 1L' never comes: no date is all that it asks for; write minute, hour, "),
        ("60 * * * *",
         "cron '60 * * * *': its minute is '60'; use 0 to 59; write minute, hour, day of the month, "),
        ("0 24 * * *", "cron '0 24 * * *': its hour is '24'; use 0 to 23; "),
        ("0 0 0 * *", "cron '0 0 0 * *': its day-of-month is '0'; "),
        ("0 0 * 13 *", "cron '0 0 * 13 *': its month is '13'; use 1 to 12 or JAN to DEC; "),
        ("0 0 * * 8",
         "cron '0 0 * * 8': its day-of-week is '8'; use 0 to 7 or SUN to SAT (0 and 7 are Sunday); "),
        ("0 0 * * FRY", "cron '0 0 * * FRY': its day-of-week is 'FRY'; "),
        ("*/90 * * * *", "cron '*/90 * * * *': its minute is '*/90'; use 0 to 59; "),
        ("*/0 * * * *", "cron '*/0 * * * *': its minute is '*/0'; "),
        ("30-10 * * * *", "cron '30-10 * * * *': its minute is '30-10'; "),
        ("0 0 ² * *", "cron '0 0 ² * *': its day-of-month is '²'; "),
        ("* * * *",
         "cron '* * * *' is not 5 short fields; write minute, hour, day of the month, month and day of the "),
        ("0 0 0 * * *", "cron '0 0 0 * * *' is not 5 short fields; "),
        ("", "cron '' is not 5 short fields; "),
        ("1" * 999 + " * * * *", "cron '1111111111111111111111111111111111111111…' is not 5 short fields; "),
        ("@dayly", "cron '@dayly' is not known; did you mean '@daily'?"),
        ("@reboot", "cron '@reboot' is not known; there is: @annually, @daily, "),
        ("every day", "cron 'every day' is not 5 short fields; "),
    ],
)  # fmt: skip
def test_a_wrong_expression_is_refused_with_the_field_and_an_example(cron: str, message: str) -> None:
    assert refusal(cron).startswith(message)


@pytest.mark.parametrize(
    ("zone", "hint"),
    [
        ("Europe/Pariss", "did you mean 'Europe/Paris'?"), ("paris", "did you mean 'Europe/Paris'?"),
        ("", "use a name such as Europe/Paris, or UTC"), ("CEST", "use a name such as Europe/Paris, or UTC"),
        ("../../etc/passwd",
         ""), ("/etc/passwd", ""), ("America", "did you mean 'America/"), ("zone.tab", ""),
        ("\0", ""), ("é", ""), ("\ud800", ""), ("x" * 5_000, "use a name such as Europe/Paris, or UTC"),
    ],
)  # fmt: skip
def test_a_wrong_zone_is_refused_with_the_nearest_one(zone: str, hint: str) -> None:
    message = refusal("0 3 * * *", zone)

    assert message.startswith("there is no time zone '")
    assert f"; {hint}" in message
    assert len(message) < 200


def test_a_system_without_time_zones_has_them_all_the_same() -> None:
    code = "from scoreline.core.schedule import check_cron; check_cron('0 3 * * *', 'Europe/Paris')"

    subprocess.run([sys.executable, "-c", code], env={**os.environ, "PYTHONTZPATH": ""}, check=True)


def test_what_is_wrong_is_said_at_once() -> None:
    for cron, zone in (("60 * * * *", "UTC"), ("0 3 * * *", "Nowhere")):
        with pytest.raises(Invalid):
            due_between(cron, zone, at("2024-01-01"), at("2024-01-02"))


def test_the_end_of_the_calendar_is_the_end() -> None:
    for zone in ("UTC", "Europe/Paris", "America/New_York", "Asia/Kathmandu"):
        for cron in ("0 3 * * *", "* * * * *", "0 0 1 1 *", "0 0 29 2 *"):
            assert next_due(cron, zone, datetime.max.replace(tzinfo=UTC)) is None
            assert len(list(due_between(cron, zone, at("9999-12-30"), at("9999-12-31T23:59")))) <= 2 * 24 * 60


@given(
    text=st.text(max_size=30)
    | st.lists(
        st.sampled_from([*"0123456789*/-,#L ", "LW", "MON", "JAN", " * ", "²", "@", "\0"]), max_size=20
    ).map("".join)
    | st.lists(
        st.lists(st.sampled_from([*"0123456789*/-,#L", "LW", "MON", "JAN"]), min_size=1, max_size=4).map(
            "".join
        ),
        min_size=5,
        max_size=5,
    ).map(" ".join)
)
def test_any_text_is_a_schedule_or_refused(text: str) -> None:
    try:
        check_cron(text, "Europe/Paris")
    except Invalid as error:
        assert len(error.message) < 400  # noqa: PT017
        return
    assert next_due(text, "Europe/Paris", at("2024-01-01")) is not None


CHANGES = [
    ("Europe/Paris", "2024-03-31"), ("Europe/Paris", "2024-10-27"), ("America/New_York", "2024-03-10"),
    ("America/New_York", "2024-11-03"), ("Australia/Lord_Howe", "2024-04-07"),
    ("Australia/Lord_Howe", "2024-10-06"),
    ("UTC", "2024-02-29"), ("Asia/Kathmandu", "2024-02-29"), ("Africa/Cairo", "2024-04-26"),
    ("Africa/Cairo", "2024-11-01"),
    ("America/Havana", "2024-03-10"), ("America/Havana", "2024-11-03"), ("America/Santiago", "2024-04-07"),
    ("America/Santiago", "2024-09-08"),
]  # fmt: skip
NUMBERS = {"minute": range(60), "hour": range(24), "day": range(1, 32)}


def fields(name: str) -> st.SearchStrategy[str]:
    numbers = st.sampled_from(NUMBERS[name])
    # The library takes 3-3/2 for 3/2, from 3 on.
    spans = st.tuples(numbers, numbers).filter(lambda ends: ends[0] < ends[1])
    return st.one_of(
        st.just("*"),
        st.integers(1, 15).map(lambda step: f"*/{step}"),
        st.lists(numbers, min_size=1, max_size=4).map(lambda chosen: ",".join(map(str, chosen))),
        spans.map(lambda ends: f"{ends[0]}-{ends[1]}"),
        st.tuples(spans, st.integers(1, 9)).map(lambda parts: f"{parts[0][0]}-{parts[0][1]}/{parts[1]}"),
    )


CRONS = st.tuples(
    fields("minute"),
    # The hours that are skipped or come twice, more often than others.
    st.sampled_from(["1", "2", "1,2", "2,3", "0", "23", "0-23", "*", "*/2"]) | fields("hour"),
    st.sampled_from(["*", "*", "*", "*/2"]) | fields("day"),
    st.just("*"),
    st.sampled_from(["*", "*", "*", "0", "7", "5,6,0", "MON-FRI", "*/2"]),
).map(" ".join)


@given(cron=CRONS, change=st.sampled_from(CHANGES), offset=st.integers(-2_000, 500))
def test_due_times_are_those_of_the_clock_on_the_wall_followed_by_the_minute(
    cron: str, change: tuple[str, str], offset: int
) -> None:
    zone, day = change
    after = at(day) + offset * MINUTE
    until = after + timedelta(days=2)

    assert list(due_between(cron, zone, after, until)) == followed(cron, ZoneInfo(zone), after, until)


@given(
    cron=CRONS,
    change=st.sampled_from([*CHANGES, ("Pacific/Apia", "2011-12-30")]),
    cuts=st.lists(st.integers(-2 * 86_400_000, 2 * 86_400_000), max_size=12),
)
def test_however_time_is_cut_none_is_lost_and_none_is_doubled(
    cron: str, change: tuple[str, str], cuts: list[int]
) -> None:
    zone, day = change
    after, until = at(day) - timedelta(days=2), at(day) + timedelta(days=2)
    whole = list(due_between(cron, zone, after, until))
    times = [after, *sorted(at(day) + timedelta(milliseconds=cut) for cut in cuts), until]

    assert all(one < other for one, other in pairwise([after, *whole]))
    assert [time for one, other in pairwise(times) for time in due_between(cron, zone, one, other)] == whole
    for moment in times:
        assert next_due(cron, zone, moment) == next(
            (time for time in whole if time > moment), next_due(cron, zone, until)
        )
    for time in whole[:50]:
        assert (
            list(islice(due_between(cron, zone, time, until), 1))
            == [later for later in whole if later > time][:1]
        )


def followed(cron: str, zone: ZoneInfo, after: datetime, until: datetime) -> list[datetime]:
    """What is due, told without the library: by the clock on the wall, one minute after the other."""
    fields = cron.split()
    both = fields[2].startswith("*") or fields[4].startswith("*")
    minutes, hours, days = (
        numbers_in(fields[0], 0, 59),
        numbers_in(fields[1], 0, 23),
        numbers_in(fields[2], 1, 31),
    )
    weekdays = {number % 7 for number in numbers_in(fields[4], 0, 7)}

    def matches(wall: datetime) -> bool:
        by_date, by_weekday = wall.day in days, wall.isoweekday() % 7 in weekdays
        by_day = by_date and by_weekday if both else by_date or by_weekday
        return by_day and wall.hour in hours and wall.minute in minutes

    if hours == set(range(24)):
        return [time for time in each_minute(after, until) if matches(wall_of(time, zone))]
    found = set()
    margin = timedelta(hours=14)
    for wall in each_minute(after - margin, until + margin):
        if matches(wall.replace(tzinfo=None)):
            found.add(shown_first(wall.replace(tzinfo=None), zone))
    return sorted(time for time in found if after < time <= until)


def shown_first(wall: datetime, zone: ZoneInfo) -> datetime:
    """When the clock on the wall first shows this time, or a later one."""
    time = wall.replace(tzinfo=zone, fold=0).astimezone(UTC)
    while wall_of(time - MINUTE, zone) > wall:
        time -= MINUTE
    return time


def wall_of(time: datetime, zone: ZoneInfo) -> datetime:
    return time.astimezone(zone).replace(tzinfo=None)


def each_minute(after: datetime, until: datetime) -> Iterator[datetime]:
    time = after.replace(second=0, microsecond=0)
    while (time := time + MINUTE) <= until:
        yield time


def numbers_in(field: str, least: int, most: int) -> set[int]:
    names: dict[str, Any] = {"MON-FRI": {1, 2, 3, 4, 5}, "*": set(range(least, most + 1))}
    if field in names:
        return names[field]
    found: set[int] = set()
    for term in field.split(","):
        span, _, step = term.partition("/")
        first, _, last = span.partition("-")
        numbers = range(least, most + 1) if span == "*" else range(int(first), int(last or first) + 1)
        found.update(numbers[:: int(step or 1)])
    return found
