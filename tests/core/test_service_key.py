"""Service keys are made of chance, kept as hashes, and checked where a service is defined."""

from __future__ import annotations

import hashlib

import pytest

from scoreline.core.service_key import MOST_KEYS, ServiceKey, make_service_key, service_key_spots
from scoreline.errors import Invalid


def kept(label: str, number: int) -> ServiceKey:
    return make_service_key(label, number.to_bytes(32, "big"))[1]


def test_a_key_is_made_of_chance_and_only_its_hash_is_kept() -> None:
    key, stored = make_service_key("till", bytes(range(32)))

    assert key == "slk_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"
    assert stored == ServiceKey(label="till", sha256=hashlib.sha256(key.encode()).hexdigest())


def test_a_label_is_an_id() -> None:
    with pytest.raises(Invalid, match=r"the key's label: 'the \"till\"' cannot be a label: use 1 to 128"):
        make_service_key('the "till"', bytes(32))


def test_a_key_of_less_chance_is_not_made() -> None:
    with pytest.raises(ValueError, match="32 random bytes"):
        make_service_key("till", b"123456")


@pytest.mark.parametrize(
    ("keys", "found"),
    [
        ((kept("a", 1), kept("b", 2)), []),
        ((kept("a", 1), kept("a", 2)), [((1, "label"), "two keys have the label 'a'")]),
        ((kept("a", 1), kept("b", 1)), [((1, "sha256"), "two labels have the same key")]),
        (
            (ServiceKey(label="a", sha256="slk_secret"),),
            [((0, "sha256"), "must be 64 digits from 0 to 9 and a to f: the hash, not the key")],
        ),
    ],
)
def test_what_is_wrong_with_keys_is_told_with_its_place(keys: tuple[ServiceKey, ...], found: object) -> None:
    assert list(service_key_spots(keys)) == found


def test_a_service_has_a_bounded_number_of_keys() -> None:
    many = tuple(kept(f"k{number}", number) for number in range(MOST_KEYS + 1))

    assert list(service_key_spots(many)) == [((), "there are 101; a service has at most 100")]
    assert list(service_key_spots(many[1:])) == []
