"""People: passwords, guesses at them, groups, roles and personal keys."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace

from scoreline.core.access import CONTROL_PLANE, Action, Caller, Kind, Place, Role, Scope
from scoreline.core.user import FIRST_ADMIN, Subject, SubjectKind
from scoreline.deployer.guesses import Guesses
from scoreline.deployer.keys import Keys
from scoreline.deployer.passwords import Passwords
from scoreline.deployer.roles import Roles
from scoreline.deployer.users import Users
from scoreline.errors import Conflict, Invalid, NotAllowed, NotFound, Unavailable
from scoreline.storage.catalog import Catalog
from scoreline.storage.catalog_audit import Actor, acting, audited
from scoreline.storage.catalog_grants import forget_grants

HERE = "10.0.0.1"
GOOD = "correct horse battery"
MACHINE = Caller(name="root", roles={CONTROL_PLANE: Role.ADMIN})
FRAUD = Place(Kind.SERVICE, "fraud")
ADA = Subject(SubjectKind.USER, "ada")


class Clock:
    """A clock that goes when it is told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class House:
    """A catalog with its people."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "catalog.sqlite"
        self.catalog = Catalog.open(self.path)
        self.clock = Clock()
        self.users = Users(
            self.catalog.users, self.catalog.keys, Passwords(passes=1, memory=64), Guesses(self.clock)
        )
        self.keys = Keys(self.catalog.keys)
        self.roles = Roles(self.catalog.grants, self.users)

    def user(self, name: str, password: str = GOOD) -> Caller:
        """A user with a password of his own."""
        _, once = self.users.create(name, with_password=True)
        assert once is not None
        self.users.change_password(name, once, password, HERE)
        return self.users.sign_in(name, password, HERE)


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = House(tmp_path)
    made.users.first_start(closed=False)
    yield made
    made.catalog.close()


def test_the_first_closed_start_makes_an_admin_with_a_one_time_password_once(tmp_path: Path) -> None:
    house = House(tmp_path)

    password = house.users.first_start(closed=True)
    again = house.users.first_start(closed=True)

    assert password is not None
    assert again is None
    signed_in = house.users.sign_in(FIRST_ADMIN, password, HERE)
    assert signed_in.must_change
    assert signed_in.roles == {CONTROL_PLANE: Role.ADMIN}
    assert password not in house.path.read_bytes().decode("latin-1")


def test_an_open_start_makes_an_admin_who_gets_his_password_at_the_first_closed_one(house: House) -> None:
    assert house.users.one(FIRST_ADMIN).has_password is False
    with pytest.raises(NotAllowed):
        house.users.sign_in(FIRST_ADMIN, "", HERE)

    assert house.users.first_start(closed=True) is not None


def test_a_one_time_password_is_replaced_by_one_of_his_own(house: House) -> None:
    _, once = house.users.create("ada", with_password=True)
    assert once is not None

    house.users.change_password("ada", once, GOOD, HERE)

    assert house.users.sign_in("ada", GOOD, HERE).must_change is False
    with pytest.raises(NotAllowed, match="wrong user name or password"):
        house.users.sign_in("ada", once, HERE)


def test_a_hash_of_little_effort_is_made_anew_at_the_next_sign_in(house: House) -> None:
    house.user("ada")
    before = house.catalog.users.password("ada")
    stronger = Users(
        house.catalog.users, house.catalog.keys, Passwords(passes=2, memory=128), Guesses(house.clock)
    )

    stronger.sign_in("ada", GOOD, HERE)

    after = house.catalog.users.password("ada")
    assert before is not None
    assert after is not None
    assert before.hash != after.hash
    assert stronger.sign_in("ada", GOOD, HERE).user == "ada"
    assert house.catalog.users.password("ada") == after


@pytest.mark.parametrize("weak", ["short", "a" * 20, "x" * 2000, ""])
def test_a_weak_password_is_refused_and_never_repeated(house: House, weak: str) -> None:
    house.user("ada")

    with pytest.raises(Invalid) as refused:
        house.users.change_password("ada", GOOD, weak, HERE)

    assert not weak or weak not in refused.value.message
    assert house.users.sign_in("ada", GOOD, HERE).user == "ada"


def test_unknown_and_disabled_users_and_wrong_passwords_are_refused_alike(house: House) -> None:
    house.user("ada")
    house.user("bob")
    house.users.set_enabled("bob", False)
    said = set()

    for name, password in (("ada", "wrong password"), ("nobody", GOOD), ("bob", GOOD), (FIRST_ADMIN, GOOD)):
        with pytest.raises(NotAllowed) as refused:
            house.users.sign_in(name, password, HERE)
        said.add((refused.value.code, refused.value.message))

    assert said == {("wrong-password", "wrong user name or password")}


def test_after_five_wrong_passwords_the_next_has_to_wait_even_the_right_one(house: House) -> None:
    house.user("ada")
    for _ in range(5):
        with pytest.raises(NotAllowed, match="wrong user name"):
            house.users.sign_in("ada", "wrong password", HERE)

    with pytest.raises(NotAllowed) as refused:
        house.users.sign_in("ada", GOOD, HERE)
    elsewhere = house.users.sign_in("ada", GOOD, "10.0.0.2")
    house.clock.now += 1.1
    later = house.users.sign_in("ada", GOOD, HERE)

    assert refused.value.code == "too-many-attempts"
    assert elsewhere == later


def wait_of(guesses: Guesses, user: str, address: str) -> int:
    """The seconds that a guess is told to wait; 0: it was let through, and counted as a wrong one."""
    try:
        guesses.begin(user, address)
    except NotAllowed as refused:
        return int(refused.message.split(" in ")[1].split()[0])
    return 0


def test_waits_grow_and_end(house: House) -> None:
    guesses, clock = Guesses(house.clock), house.clock
    waits = []
    for _ in range(16):
        while (wait := wait_of(guesses, "ada", HERE)) > 0:
            waits.append(wait)
            clock.now += wait

    assert waits[:3] == [2, 3, 5]
    assert waits == sorted(waits)
    assert waits[-1] == 301
    clock.now += 901
    assert wait_of(guesses, "ada", HERE) == 0
    assert wait_of(guesses, "ada", HERE) == 0


def test_one_address_cannot_try_many_users_nor_many_addresses_one_user() -> None:
    clock = Clock()
    one_address, one_user, one_network = Guesses(clock), Guesses(clock), Guesses(clock)

    by_address = [wait_of(one_address, f"user{n}", HERE) for n in range(30)]
    by_user = [wait_of(one_user, "ada", f"10.0.{n}.1") for n in range(80)]
    by_network = [wait_of(one_network, f"user{n}", f"2001:db8::{n:x}") for n in range(30)]

    assert by_address.index(2) == 20
    assert by_user.index(2) == 50
    assert by_network.index(2) == 20


def test_guesses_at_once_are_counted_before_they_are_checked() -> None:
    guesses = Guesses(Clock())

    with ThreadPoolExecutor(8) as pool:
        waits = list(pool.map(lambda _: wait_of(guesses, "ada", HERE), range(40)))

    assert waits.count(0) == 5


def test_the_memory_for_guesses_is_bounded() -> None:
    guesses = Guesses(Clock())

    for n in range(12_000):
        wait_of(guesses, f"user{n}", f"10.{n >> 16}.{n >> 8 & 255}.{n & 255}")

    assert len(guesses._counts) <= 10_000


def test_right_passwords_are_never_slowed_down() -> None:
    guesses = Guesses(Clock())

    for n in range(200):
        guesses.begin(f"user{n % 40}", HERE)
        guesses.was_right(f"user{n % 40}", HERE)

    assert wait_of(guesses, "ada", HERE) == 0


def test_a_key_opens_as_its_owner_and_is_kept_as_a_hash(house: House) -> None:
    house.user("ada")

    made, key = house.keys.create(MACHINE, "ci", user="ada", scope=Scope(), days=None)

    found = house.keys.caller(key)
    assert (found.user, found.key, found.scope) == ("ada", "ci", Scope())
    assert len(key) > 43
    for suffix in ("", "-wal"):
        assert key.encode() not in Path(f"{house.path}{suffix}").read_bytes()
    assert house.catalog.audit.newest(1)[0].on == f"key:{made.id}"


def test_a_key_made_on_the_machine_is_the_first_admins(house: House) -> None:
    made, key = house.keys.create(MACHINE, "mine", user=None, scope=Scope(), days=None)

    assert made.user == FIRST_ADMIN
    assert house.keys.caller(key).roles == {CONTROL_PLANE: Role.ADMIN}


def test_the_key_of_the_machine_stays_and_is_made_anew_when_it_is_lost(house: House) -> None:
    first = house.keys.of_this_machine(None)

    assert house.keys.of_this_machine(first) == first
    assert house.keys.caller(first).roles == {CONTROL_PLANE: Role.ADMIN}
    second = house.keys.of_this_machine("sk-something-else")
    assert second != first
    with pytest.raises(NotAllowed):
        house.keys.caller(first)


def test_a_personal_key_never_becomes_the_key_of_the_machine(house: House) -> None:
    _, key = house.keys.create(MACHINE, "ci", user=None, scope=Scope(), days=None)

    assert house.keys.of_this_machine(key) != key


def test_a_disabled_user_and_his_keys_stop_at_once_and_come_back(house: House) -> None:
    house.user("ada")
    _, key = house.keys.create(MACHINE, "ci", user="ada", scope=Scope(), days=None)
    house.keys.caller(key)

    house.users.set_enabled("ada", False)
    with pytest.raises(NotAllowed, match="disabled"):
        house.keys.caller(key)

    house.users.set_enabled("ada", True)
    assert house.keys.caller(key).user == "ada"


def test_a_key_ends_when_its_time_is_over(house: House) -> None:
    made, key = house.keys.create(MACHINE, "ci", user=None, scope=Scope(), days=1)
    assert made.expires_at is not None
    left = datetime.fromisoformat(made.expires_at) - datetime.now(UTC)
    assert timedelta(hours=23) < left <= timedelta(days=1)
    house.keys.caller(key)

    over = datetime.now(UTC).isoformat(timespec="milliseconds")
    with sqlite3.connect(house.path) as connection:
        connection.execute("UPDATE keys SET expires_at = ? WHERE id = ?", (over, made.id))

    with pytest.raises(NotAllowed):
        house.keys.caller(key)


@pytest.mark.parametrize("days", [0, -1, 4000, float("nan"), float("inf")])
def test_a_key_for_a_senseless_time_is_refused(house: House, days: float) -> None:
    with pytest.raises(Invalid):
        house.keys.create(MACHINE, "ci", user=None, scope=Scope(), days=days)


def test_the_last_use_of_a_key_is_noted(house: House) -> None:
    made, key = house.keys.create(MACHINE, "ci", user=None, scope=Scope(), days=None)
    assert made.last_used_at is None

    house.keys.caller(key)

    used = house.keys.all(None, after=None, limit=10)[0].last_used_at
    assert used is not None
    assert timedelta() <= datetime.now(UTC) - datetime.fromisoformat(used) < timedelta(minutes=2)


def test_a_key_cannot_make_a_key_that_opens_more_or_lives_longer(house: House) -> None:
    ada = house.user("ada")
    ending = replace(ada, key="short", expires_at="2031-01-01T00:00:00.000+00:00")
    made, _ = house.keys.create(ending, "b", user=None, scope=Scope(), days=None)

    assert (made.user, made.expires_at) == ("ada", ending.expires_at)
    for scope in (Scope(most=Action.DEPLOY), Scope(services=("fraud",))):
        with pytest.raises(NotAllowed, match="not for making keys"):
            house.keys.create(replace(ada, scope=scope), "c", user=None, scope=scope, days=None)
    with pytest.raises(NotAllowed, match="for others"):
        house.keys.create(ada, "d", user=FIRST_ADMIN, scope=Scope(), days=None)


def test_labels_are_once_per_user_and_a_revoked_one_is_free_again(house: House) -> None:
    made, key = house.keys.create(MACHINE, "ci", user=None, scope=Scope(), days=None)
    with pytest.raises(Conflict):
        house.keys.create(MACHINE, "ci", user=None, scope=Scope(), days=None)

    house.keys.revoke(MACHINE, made.id)

    with pytest.raises(NotAllowed):
        house.keys.caller(key)
    house.keys.create(MACHINE, "ci", user=None, scope=Scope(), days=None)


def test_keys_of_others_are_not_there_and_unknown_owners_neither(house: House) -> None:
    ada = house.user("ada")
    made, _ = house.keys.create(MACHINE, "ci", user=None, scope=Scope(), days=None)

    with pytest.raises(NotFound):
        house.keys.revoke(ada, made.id)
    with pytest.raises(NotFound):
        house.keys.create(MACHINE, "ci", user="nobody", scope=Scope(), days=None)


def test_roles_come_from_the_user_and_from_his_groups_and_the_strongest_counts(house: House) -> None:
    house.user("ada")
    house.users.create_group("team")
    house.users.add_member("team", "ada")
    house.roles.grant(FRAUD, ADA, Role.VIEW)

    house.roles.grant(FRAUD, Subject(SubjectKind.GROUP, "team"), Role.DEPLOY)

    signed_in = house.users.sign_in("ada", GOOD, HERE)
    assert (signed_in.groups, signed_in.roles) == (frozenset({"team"}), {FRAUD: Role.DEPLOY})
    house.users.remove_group("team")
    assert house.users.sign_in("ada", GOOD, HERE).roles == {FRAUD: Role.VIEW}


def test_a_group_made_again_has_none_of_the_old_roles(house: House) -> None:
    house.user("ada")
    house.users.create_group("team")
    house.roles.grant(FRAUD, Subject(SubjectKind.GROUP, "team"), Role.ADMIN)
    house.users.remove_group("team")

    house.users.create_group("team")
    house.users.add_member("team", "ada")

    assert house.users.sign_in("ada", GOOD, HERE).roles == {}


def test_roles_on_an_object_go_with_it(house: House) -> None:
    house.user("ada")
    house.roles.grant(FRAUD, ADA, Role.ADMIN)

    with house.catalog.transactions.writing() as connection:
        forget_grants(connection, FRAUD)

    assert house.users.sign_in("ada", GOOD, HERE).roles == {}


def test_a_role_is_granted_to_somebody_who_is_there(house: House) -> None:
    for kind in SubjectKind:
        with pytest.raises(NotFound):
            house.roles.grant(FRAUD, Subject(kind, "nobody"), Role.VIEW)
    with pytest.raises(NotFound, match="has no role"):
        house.roles.revoke(FRAUD, ADA)


def test_the_last_admin_cannot_go(house: House) -> None:
    admin = Subject(SubjectKind.USER, FIRST_ADMIN)
    house.user("ada")
    house.users.create_group("admins")
    attempts = (
        lambda: house.users.set_enabled(FIRST_ADMIN, False),
        lambda: house.roles.revoke(CONTROL_PLANE, admin),
        lambda: house.roles.grant(CONTROL_PLANE, admin, Role.VIEW),
    )
    for attempt in attempts:
        with pytest.raises(Conflict, match="nobody would be an admin"):
            attempt()

    house.roles.grant(CONTROL_PLANE, Subject(SubjectKind.GROUP, "admins"), Role.ADMIN)
    house.users.add_member("admins", "ada")
    house.users.set_enabled(FIRST_ADMIN, False)

    for attempt in (
        lambda: house.users.set_enabled("ada", False),
        lambda: house.users.remove_member("admins", "ada"),
        lambda: house.users.remove_group("admins"),
    ):
        with pytest.raises(Conflict, match="nobody would be an admin"):
            attempt()
    assert house.users.one("ada").groups == ("admins",)


def test_the_audit_is_of_the_transaction_of_the_change(house: House) -> None:
    before = house.catalog.audit.newest(1)[0].id

    def change() -> None:
        with house.catalog.transactions.writing() as connection:
            audited(connection, "update", "service:fraud", after={"x": 1})
            raise Conflict("something went wrong after it")

    with pytest.raises(Conflict):
        change()
    assert house.catalog.audit.newest(1)[0].id == before


def test_the_audit_says_who_did_it_with_which_key_and_from_where(house: House) -> None:
    with acting(Actor(name="ada", key="ci", address="10.1.2.3")):
        house.users.create("bob", with_password=True)

    change = house.catalog.audit.newest(1)[0]
    assert (change.who, change.key, change.address) == ("ada", "ci", "10.1.2.3")
    assert (change.what, change.on, change.before) == ("create", "user:bob", None)
    assert change.after["name"] == "bob"


def test_changes_that_change_nothing_are_not_audited(house: House) -> None:
    house.user("ada")
    house.users.create_group("team")
    house.users.add_member("team", "ada")
    house.roles.grant(FRAUD, ADA, Role.VIEW)
    count = len(house.catalog.audit.newest(100))

    house.users.add_member("team", "ada")
    house.users.set_enabled("ada", True)
    house.roles.grant(FRAUD, ADA, Role.VIEW)
    house.users.remove_member("team", "nobody")

    assert len(house.catalog.audit.newest(100)) == count


def test_the_audit_is_paged_and_filtered(house: House) -> None:
    for n in range(25):
        with acting(Actor(name="ada" if n % 2 else "bob")):
            house.users.create_group(f"team{n}")

    pages, last = [], None
    while page := house.catalog.audit.newest(10, before_id=last):
        pages.append(page)
        last = page[-1].id
    every = [change for page in pages for change in page]

    assert [change.id for change in every] == sorted((change.id for change in every), reverse=True)
    assert len({change.id for change in every}) == len(every) >= 25
    assert {change.on for change in house.catalog.audit.newest(99, who="ada")} == {
        f"group:team{n}" for n in range(1, 25, 2)
    }
    assert [change.who for change in house.catalog.audit.newest(99, on="group:team4")] == ["bob"]


@pytest.mark.parametrize("statement", ["UPDATE audit SET who = 'x'", "DELETE FROM audit"])
def test_the_audit_is_only_added_to(house: House, statement: str) -> None:
    with sqlite3.connect(house.path) as connection, pytest.raises(sqlite3.DatabaseError, match="only added"):
        connection.execute(statement)
    with pytest.raises(Unavailable), house.catalog.transactions.writing() as inside:
        inside.exec_driver_sql(statement)


@pytest.mark.parametrize("name", ["", "a b", "a:b", "../a", "x" * 200, "con"])
def test_names_that_cannot_stand_in_a_url_or_before_a_colon_are_refused(house: House, name: str) -> None:
    with pytest.raises(Invalid):
        house.users.create(name, with_password=False)
    with pytest.raises(Invalid):
        house.users.create_group(name)


def test_the_keys_of_a_catalog_from_before_there_were_users_are_made_anew(tmp_path: Path) -> None:
    from alembic import command
    from alembic.config import Config

    import scoreline.storage.migrations as migrations
    from scoreline.storage.transactions import Transactions

    old = Transactions(tmp_path / "catalog.sqlite", foreign_keys=False)
    with old.writing() as connection:
        config = Config(attributes={"connection": connection})
        config.set_main_option("script_location", str(Path(migrations.__file__).parent))
        command.upgrade(config, "0003")
        connection.exec_driver_sql("INSERT INTO keys VALUES ('aa', 'root', '2030')")
    old.close()

    house = House(tmp_path)

    assert house.users.first_start(closed=True) is not None
    key = house.keys.of_this_machine("sk-from-before")
    assert house.keys.caller(key).roles == {CONTROL_PLANE: Role.ADMIN}
