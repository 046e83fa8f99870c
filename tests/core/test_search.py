"""What somebody types finds what he means: ids before words, words before other spellings."""

from __future__ import annotations

from scoreline.core.search import Entry, FoundKind, Index, search

ENTRIES = [
    Entry(kind=FoundKind.PROJECT, id="fraud", name="Card fraud", project="fraud"),
    Entry(kind=FoundKind.SERVICE, id="fraud_detection", project="fraud", service="fraud_detection"),
    Entry(kind=FoundKind.ENDPOINT, id="predict", project="fraud", service="fraud_detection"),
    Entry(kind=FoundKind.DATASET, id="transactions_known", project="fraud", description="since 2017"),
    Entry(kind=FoundKind.PUBLISHED_SERVICE, id="fraud_detection", service="fraud_detection"),
    Entry(kind=FoundKind.VERSION, id="v1", service="fraud_detection", description="the first one"),
    Entry(kind=FoundKind.VERSION, id="v1", service="merchants"),
    Entry(
        kind=FoundKind.DEPLOYMENT,
        id="fraud_detection-on-local",
        service="fraud_detection",
        infrastructure="local",
    ),
    Entry(kind=FoundKind.INFRASTRUCTURE, id="local", infrastructure="local", description="Development"),
]
INDEX = Index(ENTRIES)


def found(text: str) -> list[tuple[str, str]]:
    return [(entry.kind.value, entry.id) for entry in search([INDEX], text)]


def test_the_id_itself_comes_before_what_begins_like_it() -> None:
    assert found("fraud")[:3] == [
        ("project", "fraud"),
        ("service", "fraud_detection"),
        ("published-service", "fraud_detection"),
    ]


def test_capitals_and_spaces_around_do_not_count() -> None:
    assert found("  FRAUD_Detection ") == found("fraud_detection")


def test_words_are_found_at_their_beginnings_in_any_order() -> None:
    assert found("known trans") == [("dataset", "transactions_known")]


def test_what_something_is_in_helps_to_find_it() -> None:
    assert found("merch v1") == [("version", "v1")]


def test_a_description_is_found_last() -> None:
    assert found("2017") == [("dataset", "transactions_known")]


def test_another_spelling_finds_what_was_meant() -> None:
    assert found("transctions") == [("dataset", "transactions_known")]
    assert found("fruad detection")[0] == ("service", "fraud_detection")


def test_nothing_like_anything_finds_nothing() -> None:
    assert found("zebra") == found("   ") == found("--") == []


def test_what_somebody_may_not_see_does_not_change_what_he_finds() -> None:
    part = Index(ENTRIES).only(lambda entry: entry.kind is FoundKind.INFRASTRUCTURE)

    assert [entry.id for entry in search([part], "loca")] == ["local"]
    assert list(search([part], "fraud")) == []
