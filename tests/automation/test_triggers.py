"""Triggers start their scenarios: each due time, change and ended run once, whatever happens meanwhile."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa
from tests.automation.watched import QUICK, WAITING, Watched, watched
from tests.postgres import running_postgres

from scoreline.errors import Conflict, NotFound

HOURLY = "  - {kind: time, cron: '0 * * * *'}\n"


@pytest.fixture
def cards(tmp_path: Path) -> Iterator[Watched]:
    with watched(tmp_path) as found:
        yield found


@pytest.fixture(scope="module")
def postgres_url() -> Iterator[str]:
    with running_postgres() as url:
        yield url


def test_a_time_trigger_begins_when_it_is_first_seen(cards: Watched) -> None:
    cards.write("nightly", HOURLY)

    cards.look(2)
    assert cards.due("nightly") == []
    cards.later(minutes=59)
    assert cards.due("nightly") == []
    cards.later(minutes=1)
    cards.look(3)

    [run] = cards.of("nightly")
    assert run.fire.kind == "time"
    assert run.fire.due_at == "2027-01-04T13:00:00+00:00"
    assert run.fire.reason == "it was due at 2027-01-04T13:00:00+00:00 (0 * * * *, UTC)"


def test_each_due_time_has_its_run_after_a_control_plane_that_slept(cards: Watched) -> None:
    cards.write("nightly", HOURLY)
    cards.look()

    cards.slept()
    cards.later(hours=3.5)
    cards.look(5)

    assert cards.due("nightly") == ["01-04 13:00", "01-04 14:00", "01-04 15:00"]


def test_missed_due_times_are_run_once_where_the_scenario_says_so(cards: Watched) -> None:
    cards.write("nightly", HOURLY, "missed: once\n" + QUICK)
    cards.look()

    cards.later(hours=3.5)
    cards.look(3)
    cards.later(days=800)
    cards.look(3)

    assert cards.due("nightly") == ["01-04 15:00", "03-14 15:00"]


def test_due_times_wait_for_a_run_that_goes_on(cards: Watched) -> None:
    cards.write("nightly", HOURLY, WAITING)
    cards.look()
    cards.later(hours=1)
    cards.later(hours=2)

    assert cards.due("nightly") == ["01-04 13:00"]
    for _ in range(3):
        cards.decide("nightly", "wait")
        cards.look(2)

    assert cards.due("nightly") == ["01-04 13:00", "01-04 14:00", "01-04 15:00"]


def test_a_clock_that_jumps_back_and_forth_fires_each_due_time_once(cards: Watched) -> None:
    cards.write("nightly", HOURLY)
    cards.look()

    for hours in (1, -2, 0.5, 1.5, 2, -3, 1, 1, 1, 1.5):
        cards.later(hours=hours)
        cards.look(4)

    assert cards.due("nightly") == [f"01-04 {hour}:00" for hour in (13, 14, 15, 16)]


@pytest.mark.parametrize("slept", [timedelta(minutes=20), timedelta(hours=30)])
@pytest.mark.parametrize("change", [datetime(2027, 3, 28, tzinfo=UTC), datetime(2027, 10, 31, tzinfo=UTC)])
def test_a_daily_time_is_due_once_a_day_across_a_change_of_clocks(
    cards: Watched, change: datetime, slept: timedelta
) -> None:
    cards.write("nightly", "  - {kind: time, cron: '30 2 * * *', zone: Europe/Paris}\n")
    cards.now = change - timedelta(days=2)
    cards.look()

    while cards.now < change + timedelta(days=2):
        cards.slept()
        cards.later(seconds=slept.total_seconds())
    cards.look(5)

    paris = ZoneInfo("Europe/Paris")
    due = [datetime.fromisoformat(str(run.fire.due_at)).astimezone(paris) for run in cards.of("nightly")]
    assert [one.date() for one in due[:4]] == [
        (change + timedelta(days=day)).date() for day in (-2, -1, 0, 1)
    ]
    skipped = change.month == 3
    assert [one.strftime("%H:%M") for one in due[:4]] == [
        "02:30",
        "02:30",
        "03:00" if skipped else "02:30",
        "02:30",
    ]


@pytest.mark.parametrize("change", [datetime(2027, 3, 28, tzinfo=UTC), datetime(2027, 10, 31, tzinfo=UTC)])
def test_every_half_hour_is_every_half_hour_across_a_change_of_clocks(
    cards: Watched, change: datetime
) -> None:
    cards.write("often", "  - {kind: time, cron: '*/30 * * * *', zone: Europe/Paris}\n")
    cards.now = change - timedelta(hours=3)
    cards.look()

    cards.later(hours=8)
    cards.look(16)

    first = change - timedelta(hours=2.5)
    expected = [first + timedelta(minutes=30 * place) for place in range(16)]
    assert [run.fire.due_at for run in cards.of("often")] == [one.isoformat() for one in expected]


def test_several_triggers_of_a_scenario_fire_each_by_itself(cards: Watched) -> None:
    cards.write("nightly", HOURLY + "  - {kind: time, cron: '30 * * * *', name: half}\n")
    cards.look()

    cards.later(hours=2)
    cards.look(4)

    fired = sorted((str(run.fire.due_at)[11:16], run.fire.name) for run in cards.of("nightly"))
    assert fired == [("12:30", "half"), ("13:00", ""), ("13:30", "half"), ("14:00", "")]


def test_what_is_not_enabled_does_not_fire_and_begins_anew(cards: Watched) -> None:
    off = HOURLY.replace("cron", "enabled: false, cron")
    cards.write("trigger", off)
    cards.write("scenario", HOURLY, "enabled: false\n" + QUICK)
    cards.look()
    cards.later(hours=3)

    cards.write("trigger", HOURLY)
    cards.write("scenario", HOURLY)
    cards.look(3)
    assert cards.due("trigger") == cards.due("scenario") == []
    cards.later(hours=1)
    assert cards.due("trigger") == cards.due("scenario") == ["01-04 16:00"]

    cards.write("trigger", off)
    cards.look()
    cards.slept()
    cards.later(hours=5)
    cards.write("trigger", HOURLY)
    cards.look(2)
    assert cards.due("trigger") == ["01-04 16:00"]


def test_an_edited_cron_begins_anew_and_other_edits_change_nothing(cards: Watched) -> None:
    cards.write("nightly", HOURLY)
    cards.look()

    cards.write("nightly", HOURLY, "description: still the same trigger\n" + QUICK)
    cards.later(hours=1)
    assert cards.due("nightly") == ["01-04 13:00"]
    cards.write("nightly", "  - {kind: time, cron: '15 * * * *'}\n")
    cards.later(hours=0.5)
    assert cards.due("nightly") == ["01-04 13:00"]
    cards.later(hours=1)
    assert cards.due("nightly") == ["01-04 13:00", "01-04 14:15"]


def test_what_comes_back_begins_anew(cards: Watched) -> None:
    cards.write("nightly", HOURLY)
    cards.look()

    path = cards.folder / "cards/scenarios/nightly.yaml"
    text = path.read_text()
    path.unlink()
    cards.slept()
    cards.later(hours=2)
    path.write_text(text)
    cards.look(2)
    cards.remove_project("cards")
    cards.later(hours=2)
    cards.add_project("cards")
    cards.look(2)

    assert cards.due("nightly") == []
    cards.later(hours=1)
    assert cards.due("nightly") == ["01-04 17:00"]


def test_a_broken_project_stops_no_other_and_loses_nothing(
    cards: Watched, caplog: pytest.LogCaptureFixture
) -> None:
    cards.write("nightly", HOURLY, project="broken")
    cards.write("nightly", HOURLY, project="sound")
    cards.look()

    settings = cards.file("broken/project.yaml", "id: broken\nnaem: x\n")
    for _ in range(3):
        cards.later(hours=1)
    assert len(cards.due("nightly", "sound")) == 3
    assert cards.due("nightly", "broken") == []
    assert [record.getMessage().partition(":")[0] for record in caplog.records] == ["triggers of broken"]

    settings.write_text("id: broken\n")
    cards.look(3)
    assert cards.due("nightly", "broken") == ["01-04 13:00", "01-04 14:00", "01-04 15:00"]


def test_a_folder_that_is_gone_stops_no_other(cards: Watched) -> None:
    cards.write("nightly", HOURLY, project="gone")
    cards.write("nightly", HOURLY, project="sound")
    cards.look()

    (cards.folder / "gone").rename(cards.folder / "elsewhere")
    cards.later(hours=1)
    (cards.folder / "elsewhere").rename(cards.folder / "gone")
    cards.look()

    assert cards.due("nightly", "sound") == cards.due("nightly", "gone") == ["01-04 13:00"]


def test_a_trigger_that_cannot_look_stops_no_other(cards: Watched, caplog: pytest.LogCaptureFixture) -> None:
    cards.write("nightly", "  - {kind: sql_changed, query: SELECT nonsense, inputs: [rows]}\n" + HOURLY)
    cards.file("cards/datasets/rows.yaml", "kind: files\npath: data/rows.csv\n")
    cards.file("cards/data/rows.csv", "a\n1\n")

    cards.look_until(lambda: caplog.records, "it is told")
    cards.later(hours=1)

    assert cards.due("nightly") == ["01-04 13:00"]
    [told] = caplog.records
    assert "nonsense" in told.getMessage()


def test_grace_delays_the_start_and_outlives_no_control_plane(cards: Watched) -> None:
    cards.write("nightly", HOURLY.replace("cron", "grace: 600, cron"))
    cards.look()
    cards.later(hours=1)
    assert cards.due("nightly") == []

    cards.later(minutes=9)
    cards.slept()
    cards.later(minutes=2)
    assert cards.due("nightly") == []
    cards.later(minutes=10)

    assert cards.due("nightly") == ["01-04 13:00"]


def test_a_scenario_follows_each_run_that_ends_so_once(cards: Watched) -> None:
    cards.write("first", HOURLY, "steps: [{id: a, kind: approval}]\n")
    cards.write("second", "  - {kind: after_scenario, scenario: first}\n")
    cards.write("mend", "  - {kind: after_scenario, scenario: first, outcomes: [FAILED, ABORTED]}\n")
    cards.look()

    for approved in (True, False, True, True):
        cards.later(hours=1)
        cards.decide("first", "a", approved=approved)
        cards.look()
    cards.slept()
    cards.look(5)

    first = [run.id for run in cards.of("first")]
    assert [run.fire.run for run in cards.of("second")] == [first[0], first[2], first[3]]
    assert [run.fire.run for run in cards.of("mend")] == [first[1]]
    assert cards.reasons("mend") == [f"run {first[1]} of first ended FAILED"]


def test_runs_that_ended_before_are_not_followed(cards: Watched) -> None:
    cards.write("first", HOURLY)
    cards.look()
    cards.later(hours=1)

    cards.write("second", "  - {kind: after_scenario, scenario: first}\n")
    cards.look(3)

    assert cards.of("second") == []


def test_a_webhook_starts_a_scenario_that_has_one_enabled(cards: Watched) -> None:
    hook = "  - {kind: webhook, name: shop}\n"
    cards.write("on_call", hook, WAITING)
    cards.write("off", hook, "enabled: false\n" + QUICK)
    cards.write("disabled", "  - {kind: webhook, enabled: false}\n")
    cards.write("none", HOURLY)

    run = cards.triggers.webhook("cards", "on_call", {"card": "C_1"}, "shop")

    assert (run.fire.kind, run.fire.name, run.fire.reason) == (
        "webhook",
        "shop",
        "shop has called its webhook",
    )
    assert run.fire.parameters == {"card": "C_1"}
    for scenario in ("off", "disabled", "none", "other"):
        with pytest.raises(NotFound, match="has no webhook that is enabled"):
            cards.triggers.webhook("cards", scenario, {}, "shop")
    with pytest.raises(Conflict, match="is running already"):
        cards.triggers.webhook("cards", "on_call", {}, "shop")


CHANGED = "  - {kind: dataset_changed, datasets: [rows], every: 60}\n"


def test_a_dataset_of_files_fires_for_content_and_not_for_times(cards: Watched) -> None:
    cards.file("cards/datasets/rows.yaml", "kind: files\npath: data/rows.csv\n")
    file = cards.file("cards/data/rows.csv", "a\n1\n")
    cards.write("nightly", CHANGED)
    cards.look_until(lambda: cards.catalog.triggers.all(), "it has looked")

    file.write_text("a\n2\n")
    cards.look(3)
    assert cards.reasons("nightly") == []
    cards.later(seconds=60)
    cards.look_until(lambda: cards.of("nightly"), "it has fired")
    file.write_text("a\n2\n")
    looked = cards.catalog.triggers.seen("cards", "nightly")
    cards.later(seconds=60)
    _settle(cards)

    assert cards.reasons("nightly") == ["the content of rows has changed"]
    assert cards.catalog.triggers.seen("cards", "nightly") == looked


def test_a_change_while_the_control_plane_sleeps_or_a_run_goes_on_is_not_lost(cards: Watched) -> None:
    cards.file("cards/datasets/rows.yaml", "kind: files\npath: data\n")
    cards.file("cards/data/a.csv", "a\n1\n")
    cards.write("nightly", CHANGED, WAITING)
    cards.look_until(lambda: cards.catalog.triggers.all(), "it has looked")

    cards.slept()
    cards.file("cards/data/b.csv", "a\n2\n")
    cards.look_until(lambda: cards.of("nightly"), "it has fired")
    cards.file("cards/data/c.csv", "a\n3\n")
    cards.later(seconds=60)
    _settle(cards)
    assert len(cards.of("nightly")) == 1
    cards.decide("nightly", "wait")
    cards.look_until(lambda: len(cards.of("nightly")) == 2, "it has fired again")
    cards.later(seconds=60)
    _settle(cards)

    assert len(cards.of("nightly")) == 2


def test_files_that_are_awaited_fire_when_they_come_and_not_while_they_are_gone(cards: Watched) -> None:
    cards.file("cards/datasets/rows.yaml", "kind: files\npath: data/rows.csv.gz\n")
    cards.write("nightly", CHANGED)
    cards.look_until(lambda: cards.catalog.triggers.all(), "it has looked")

    file = cards.file("cards/data/rows.csv.gz", "")
    file.write_bytes(gzip.compress(b"a\n1\n", mtime=0))
    cards.later(seconds=60)
    cards.look_until(lambda: cards.of("nightly"), "it has fired")
    file.unlink()
    cards.later(seconds=60)
    _settle(cards)
    file.write_bytes(gzip.compress(b"a\n1\n", mtime=0))
    cards.later(seconds=60)
    _settle(cards)
    assert len(cards.of("nightly")) == 1
    file.write_bytes(gzip.compress(b"a\n2\n", mtime=0))
    cards.later(seconds=60)
    cards.look_until(lambda: len(cards.of("nightly")) == 2, "it has fired again")


def test_grace_waits_until_nothing_changes_any_more(cards: Watched) -> None:
    cards.file("cards/datasets/rows.yaml", "kind: files\npath: data/rows.csv\n")
    file = cards.file("cards/data/rows.csv", "a\n1\n")
    cards.write("nightly", CHANGED.replace("every: 60", "every: 10, grace: 30"))
    cards.look_until(lambda: cards.catalog.triggers.all(), "it has looked")

    for value in (2, 3):
        file.write_text(f"a\n{value}\n")
        for _ in range(2):
            cards.later(seconds=10)
            _settle(cards)
    assert cards.of("nightly") == []
    for _ in range(3):
        cards.later(seconds=10)
        _settle(cards)

    assert len(cards.of("nightly")) == 1


def test_a_managed_dataset_fires_when_its_rows_change(cards: Watched) -> None:
    from scoreline.studio.build import build

    cards.file("cards/datasets/raw.yaml", "kind: files\npath: data/raw.csv\n")
    raw = cards.file("cards/data/raw.csv", "a\n1\n")
    cards.file("cards/datasets/rows.yaml", "kind: managed\n")
    cards.file("cards/recipes/copy.yaml", "kind: sql\ninputs: [raw]\noutput: rows\n")
    cards.file("cards/recipes/copy.sql", "SELECT * FROM raw\n")
    cards.write("nightly", CHANGED)
    assert build(cards.folder / "cards").ok
    cards.look_until(lambda: cards.catalog.triggers.all(), "it has looked")

    raw.write_text("a\n1\n2\n")
    cards.later(seconds=60)
    _settle(cards)
    assert cards.of("nightly") == []
    assert build(cards.folder / "cards").ok
    cards.later(seconds=60)
    cards.look_until(lambda: cards.of("nightly"), "it has fired")

    assert cards.reasons("nightly") == ["the content of rows has changed"]


@pytest.mark.slow
def test_tables_and_answers_of_postgresql_fire_when_they_change(cards: Watched, postgres_url: str) -> None:
    engine = sa.create_engine(postgres_url)
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE payments (id integer PRIMARY KEY, amount integer)")
        connection.exec_driver_sql("INSERT INTO payments VALUES (1, 10)")
    cards.file("cards/connections/bank.yaml", f"url: {postgres_url}\n")
    cards.file("cards/datasets/rows.yaml", "kind: sql\nconnection: bank\ntable: payments\n")
    cards.write("rows", CHANGED)
    cards.write(
        "most",
        "  - {kind: sql_changed, connection: bank, query: SELECT max(amount) FROM payments, every: 60}\n",
    )
    cards.write(
        "count", "  - {kind: sql_changed, inputs: [rows], query: SELECT count(*) FROM rows, every: 60}\n"
    )
    cards.look_until(lambda: len(cards.catalog.triggers.all()) == 3, "all have looked")

    with engine.begin() as connection:
        connection.exec_driver_sql("INSERT INTO payments VALUES (2, 5)")
    cards.later(seconds=60)
    cards.look_until(lambda: cards.of("rows") and cards.of("count"), "both have fired")
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE payments SET amount = 50 WHERE id = 2")
    cards.slept()
    cards.look_until(lambda: cards.of("most") and len(cards.of("rows")) == 2, "both have fired")
    cards.later(seconds=60)
    _settle(cards)
    engine.dispose()

    assert cards.reasons("rows") == ["the content of rows has changed"] * 2
    assert cards.reasons("count") == ["the query answers [[2]] instead of [[1]]"]
    assert cards.reasons("most") == ["the query answers [[50]] instead of [[10]]"]


def _settle(cards: Watched) -> None:
    """Look until nothing is being looked at any more, and once more."""
    cards.look_until(lambda: not cards.triggers.is_looking, "all have looked")
    cards.look()
