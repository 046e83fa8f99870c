"""Makes the data of this project: card transactions, the cards and the merchants. All invented, all seeded.

The same size and seed give the same bytes. What is worth knowing about the data:

- Transactions run from 2017-01-01 to 2018-04-30, in the order of time. The oldest 78 % have an
  `authorized_flag` (1 authorized, 0 refused: 9.47 % of them); for the newest 22 % the truth has not come in.
- Whether a transaction is refused depends on six things that a model may see (amount, kind and state of the
  merchant, signature, FICO score and age of the cardholder) and on luck: the best possible model reaches an
  AUC of about 0.85.
- From October 2017 on the data drift, mildly at first: amounts rise, electronics, travel and online shops
  gain, younger cardholders pay more often, and small amounts are refused more often (stolen cards are tried
  out with them). A model trained on the first months gets slowly worse.
- `new_transactions` are those of May 2018. There the drift has gone on, and something new has come in: who
  pays by phone need not sign, so that far fewer transactions have a signature. Of the first two thirds it is
  known whether they were authorized. With `drifting=False` they are like those of the first months instead.
"""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from pyarrow import csv

Floats = np.ndarray
Ints = np.ndarray


class Size(NamedTuple):
    """How many rows each table gets."""

    transactions: int
    unlabelled: int
    refused: int
    cards: int
    merchants: int
    new: int


SIZES = {
    "small": Size(
        transactions=32_700, unlabelled=7_278, refused=2_408, cards=4_433, merchants=7_008, new=4_000
    ),
    "full": Size(
        transactions=327_005, unlabelled=72_781, refused=24_080, cards=44_335, merchants=70_086, new=40_000
    ),
}

START = np.datetime64("2017-01-01T00:00:59", "s")
END = np.datetime64("2018-04-30T23:59:30", "s")
DRIFT_FROM = np.datetime64("2017-10-01T00:00:00", "s")
NEW_START = np.datetime64("2018-05-01T00:00:00", "s")
NEW_SECONDS = 31 * 24 * 3_600
NEW_DRIFT = 1.5  # that of the last day of the transactions is 1
NEW_REFUSED = 0.12
USUAL_SIGNED = (0.72, 0.35)  # share of transactions with a signature: of more than 50 dollars, of less
NEW_SIGNED = (0.35, 0.1)

# name: (share of merchants, usual amount, how freely amounts vary, risk)
SUBSECTORS: dict[str, tuple[float, float, float, float]] = {
    "advertising": (1, 180, 0.9, 0.2),
    "airlines": (1, 420, 0.7, 0.3),
    "auto parts": (3, 85, 0.8, -0.2),
    "bakeries": (4, 14, 0.5, -0.7),
    "bars": (3, 38, 0.7, 0.2),
    "books": (3, 27, 0.6, -0.4),
    "car rental": (1, 240, 0.6, 0.5),
    "cinemas": (2, 25, 0.4, -0.4),
    "clothing": (8, 75, 0.8, 0.0),
    "computers": (2, 520, 0.9, 0.7),
    "cosmetics": (3, 48, 0.7, 0.1),
    "department stores": (4, 95, 0.9, 0.0),
    "dental care": (2, 160, 0.8, -0.5),
    "dry cleaning": (2, 22, 0.5, -0.6),
    "electronics": (4, 260, 1.0, 0.8),
    "fast food": (9, 13, 0.5, -0.6),
    "florists": (2, 55, 0.5, -0.3),
    "furniture": (3, 390, 0.9, 0.1),
    "gas": (8, 44, 0.5, -0.3),
    "gift cards": (1, 90, 0.7, 1.2),
    "groceries": (10, 62, 0.8, -0.6),
    "gyms": (2, 45, 0.4, -0.4),
    "hardware": (4, 70, 0.9, -0.2),
    "hotels": (3, 230, 0.7, 0.3),
    "insurance": (1, 310, 0.7, -0.5),
    "jewelry": (2, 480, 1.1, 0.9),
    "luxury goods": (2, 950, 1.0, 0.9),
    "music": (1, 19, 0.5, -0.1),
    "online marketplaces": (4, 58, 1.1, 0.7),
    "pet supplies": (2, 42, 0.6, -0.4),
    "pharmacies": (5, 31, 0.7, -0.4),
    "public transport": (3, 12, 0.6, -0.5),
    "restaurants": (9, 46, 0.7, -0.2),
    "software": (1, 110, 1.0, 0.5),
    "sporting goods": (3, 80, 0.8, 0.0),
    "telecom": (2, 68, 0.5, 0.4),
    "toys": (2, 36, 0.7, -0.1),
    "travel agencies": (1, 610, 0.9, 0.6),
}
RISING = ("electronics", "online marketplaces", "airlines", "travel agencies", "computers", "gift cards")

# name: (latitude and longitude of the middle, how far it reaches from there in degrees, people in millions)
STATES: dict[str, tuple[float, float, float, float, float]] = {
    "Alabama": (32.8, -86.8, 1.6, 1.0, 4.9),
    "Alaska": (63.5, -152.0, 3.5, 8.0, 0.7),
    "Arizona": (34.2, -111.7, 2.4, 2.0, 7.1),
    "Arkansas": (34.8, -92.4, 1.3, 1.6, 3.0),
    "California": (36.9, -119.9, 3.0, 1.5, 39.5),
    "Colorado": (39.0, -105.5, 1.7, 3.2, 5.7),
    "Connecticut": (41.6, -72.7, 0.3, 0.7, 3.6),
    "Delaware": (39.0, -75.5, 0.5, 0.15, 1.0),
    "District of Columbia": (38.9, -77.02, 0.05, 0.05, 0.7),
    "Florida": (28.3, -81.7, 1.8, 0.7, 21.3),
    "Georgia": (32.7, -83.4, 1.7, 1.2, 10.5),
    "Hawaii": (19.6, -155.5, 0.3, 0.4, 1.4),
    "Idaho": (44.0, -114.5, 1.6, 1.8, 1.8),
    "Illinois": (40.0, -89.2, 2.2, 1.3, 12.7),
    "Indiana": (39.9, -86.3, 1.6, 1.0, 6.7),
    "Iowa": (42.0, -93.5, 1.0, 2.4, 3.2),
    "Kansas": (38.5, -98.4, 1.3, 3.1, 2.9),
    "Kentucky": (37.5, -85.3, 0.7, 2.0, 4.5),
    "Louisiana": (31.1, -92.3, 1.2, 1.0, 4.7),
    "Maine": (45.4, -69.2, 1.2, 1.1, 1.3),
    "Maryland": (39.1, -76.8, 0.4, 0.7, 6.0),
    "Massachusetts": (42.3, -71.8, 0.3, 1.0, 6.9),
    "Michigan": (43.3, -84.7, 1.3, 1.2, 10.0),
    "Minnesota": (46.3, -94.3, 2.3, 1.8, 5.6),
    "Mississippi": (32.7, -89.7, 1.8, 0.9, 3.0),
    "Missouri": (38.4, -92.5, 1.6, 2.2, 6.1),
    "Montana": (47.0, -109.6, 1.6, 4.5, 1.1),
    "Nebraska": (41.5, -99.8, 1.2, 3.0, 1.9),
    "Nevada": (39.3, -116.6, 2.3, 2.3, 3.0),
    "New Hampshire": (43.7, -71.6, 0.8, 0.5, 1.4),
    "New Jersey": (40.2, -74.7, 0.8, 0.4, 8.9),
    "New Mexico": (34.4, -106.1, 2.2, 2.5, 2.1),
    "New York": (42.9, -75.5, 1.0, 2.2, 19.5),
    "North Carolina": (35.5, -79.4, 0.8, 2.6, 10.4),
    "North Dakota": (47.5, -100.5, 1.2, 2.9, 0.8),
    "Ohio": (40.3, -82.8, 1.3, 1.7, 11.7),
    "Oklahoma": (35.6, -97.5, 1.2, 2.2, 3.9),
    "Oregon": (43.9, -120.6, 1.5, 2.8, 4.2),
    "Pennsylvania": (40.9, -77.8, 0.9, 2.3, 12.8),
    "Rhode Island": (41.7, -71.5, 0.25, 0.2, 1.1),
    "South Carolina": (33.9, -80.9, 0.9, 1.2, 5.1),
    "South Dakota": (44.4, -100.2, 1.3, 3.2, 0.9),
    "Tennessee": (35.8, -86.4, 0.6, 2.8, 6.8),
    "Texas": (31.5, -99.3, 2.6, 2.8, 28.7),
    "Utah": (39.3, -111.7, 1.9, 1.8, 3.2),
    "Vermont": (44.0, -72.7, 0.8, 0.5, 0.6),
    "Virginia": (37.5, -78.8, 0.8, 2.2, 8.5),
    "Washington": (47.4, -120.4, 1.1, 2.6, 7.5),
    "West Virginia": (38.6, -80.6, 0.9, 1.2, 1.8),
    "Wisconsin": (44.6, -89.7, 1.6, 1.8, 5.8),
    "Wyoming": (43.0, -107.5, 1.7, 3.0, 0.6),
}
REWARD_PROGRAMS = ("cash_back", "points", "travel_miles")
MONTHS = [str(month) for month in np.arange("2011-12", "2018-02", dtype="datetime64[M]")]
CATEGORIES = 269
LOWEST_FICO, HIGHEST_FICO = 300, 850
YOUNGEST, OLDEST = 18, 100

# The card and the merchant that the tutorial names, the same at every size.
CARD_ID = 0x23626074D5
CARD = {"fico_score": 679, "age": 59, "state": "Colorado", "reward_program": "points"}
MERCHANT_ID = 0x000572BC62
MERCHANT = {"subsector_description": "gas", "state": "Vermont"}


def generate(folder: Path, size: str, seed: int, *, drifting: bool = True) -> None:
    """Write `transactions`, `cardholder_info`, `merchant_info`, `new_transactions` (`.csv.gz`) into data/.

    `size` is `small` (32,700 transactions) or `full` (327,005). `drifting` is about the new transactions; the
    other tables are the same either way. Files that are there are replaced.
    """
    rows = SIZES[size]
    rng = np.random.default_rng(seed)
    cards = _cards(rng, rows.cards)
    merchants = _merchants(rng, rows.merchants)
    transactions = _transactions(rng, rows, cards, merchants)
    data = folder / "data"
    data.mkdir(parents=True, exist_ok=True)
    _write(data / "transactions.csv.gz", transactions)
    _write(data / "cardholder_info.csv.gz", _without(cards, "state"))
    _write(data / "merchant_info.csv.gz", merchants)
    # Draws of its own: the tables above are the same with it and without.
    new = _new_transactions(np.random.default_rng([seed, 1]), rows, cards, merchants, drifting=drifting)
    _write(data / "new_transactions.csv.gz", new)


def _cards(rng: np.random.Generator, count: int) -> dict[str, Ints]:
    state = _states(rng, count)
    age = np.clip(rng.gamma(5.2, 6.0, count) + 17, YOUNGEST, OLDEST).astype(np.int64)
    fico = rng.normal(705, 85, count) - 0.9 * np.clip(38 - age, 0, None)
    fico = np.clip(np.round(fico), LOWEST_FICO, HIGHEST_FICO).astype(np.int64)
    month = (len(MONTHS) * rng.power(1.7, count)).astype(np.int64)
    program = rng.choice(len(REWARD_PROGRAMS), count, p=(0.5, 0.3, 0.2))
    _cover(rng, age, np.arange(YOUNGEST, OLDEST + 1))
    _cover(rng, fico, np.arange(LOWEST_FICO, HIGHEST_FICO + 1))
    _cover(rng, month, np.arange(len(MONTHS)))
    known = {
        "age": (age, CARD["age"]),
        "fico_score": (fico, CARD["fico_score"]),
        "state": (state, list(STATES).index(str(CARD["state"]))),
        "reward_program": (program, REWARD_PROGRAMS.index(str(CARD["reward_program"]))),
    }
    for column, value in known.values():
        column[0] = value
    latitude, longitude = _places(rng, state)
    cards = {
        "internal_card_mapping": _ids(rng, count, "C_ID_", first=CARD_ID),
        "first_active_month": np.array(MONTHS)[month],
        "reward_program": np.array(REWARD_PROGRAMS)[program],
        "latitude": latitude,
        "longitude": longitude,
        "fico_score": fico,
        "age": age,
        "state": state,
    }
    return _shuffled(rng, cards)


def _merchants(rng: np.random.Generator, count: int) -> dict[str, Ints]:
    names = np.array(list(SUBSECTORS))
    category_ids = np.sort(rng.choice(891, CATEGORIES, replace=False)) + 1
    # Every subsector has a few categories; the categories are dealt to the subsectors in turn.
    category = rng.choice(CATEGORIES, count, p=_category_shares(rng))
    _cover(rng, category, np.arange(CATEGORIES))
    state = _states(rng, count)
    _cover(rng, state, np.arange(len(STATES)))
    category[0] = list(SUBSECTORS).index(str(MERCHANT["subsector_description"]))
    state[0] = list(STATES).index(str(MERCHANT["state"]))
    latitude, longitude = _places(rng, state)
    merchants = {
        "merchant_id": _ids(rng, count, "M_ID_", first=MERCHANT_ID),
        "merchant_category_id": category_ids[category],
        "subsector_description": names[category % len(names)],
        "state": np.array(list(STATES))[state],
        "latitude": latitude,
        "longitude": longitude,
    }
    return _shuffled(rng, merchants)


def _category_shares(rng: np.random.Generator) -> Floats:
    subsector = np.arange(CATEGORIES) % len(SUBSECTORS)
    share = np.array([row[0] for row in SUBSECTORS.values()])[subsector] * rng.uniform(0.5, 1.5, CATEGORIES)
    return share / share.sum()


def _transactions(
    rng: np.random.Generator, rows: Size, cards: dict[str, Ints], merchants: dict[str, Ints]
) -> dict[str, Ints]:
    card, merchant = _pairs(rng, rows, cards, merchants)
    subsectors = list(SUBSECTORS)
    kind = np.searchsorted(np.array(subsectors), merchants["subsector_description"])[merchant]
    rising = np.isin(kind, [subsectors.index(name) for name in RISING]) | (cards["age"][card] < 28)
    order = _order(rng, rising)
    card, merchant, kind = card[order], merchant[order], kind[order]
    date = _dates(rng, rows.transactions)
    drift = np.clip((date - DRIFT_FROM) / (END - DRIFT_FROM), 0, 1)
    amount = _amounts(rng, kind, drift)
    signature = (rng.random(rows.transactions) < np.where(amount > 50, *USUAL_SIGNED)).astype(np.int64)
    state = np.searchsorted(np.array(list(STATES)), merchants["state"])[merchant]
    risk = _risk(amount, kind, state, signature, cards["fico_score"][card], cards["age"][card], drift)
    return {
        "transaction_id": np.arange(1, rows.transactions + 1),
        "authorized_flag": _flags(rng, risk, rows),
        "purchase_date": date,
        "card_id": cards["internal_card_mapping"][card],
        "merchant_id": merchants["merchant_id"][merchant],
        "merchant_category_id": merchants["merchant_category_id"][merchant],
        "item_category": np.array(list("ABCD"))[rng.choice(4, rows.transactions, p=(0.4, 0.3, 0.2, 0.1))],
        "purchase_amount": amount,
        "signature_provided": signature,
    }


def _new_transactions(
    rng: np.random.Generator,
    rows: Size,
    cards: dict[str, Ints],
    merchants: dict[str, Ints],
    *,
    drifting: bool,
) -> dict[str, Ints]:
    """Those of May 2018. With drift, some merchants and cardholders come up to 2.2 times as often."""
    subsectors = list(SUBSECTORS)
    kinds = np.searchsorted(np.array(subsectors), merchants["subsector_description"])
    rising = np.isin(kinds, [subsectors.index(name) for name in RISING])
    card = _drawn(rng, np.where((cards["age"] < 28) & drifting, 1.8, 1.0), rows.new)
    merchant = _drawn(rng, np.where(rising & drifting, 2.2, 1.0), rows.new)
    kind, drift = kinds[merchant], np.full(rows.new, NEW_DRIFT if drifting else 0.0)
    amount = _amounts(rng, kind, drift)
    signed = np.where(amount > 50, *(NEW_SIGNED if drifting else USUAL_SIGNED))
    signature = (rng.random(rows.new) < signed).astype(np.int64)
    state = np.searchsorted(np.array(list(STATES)), merchants["state"])[merchant]
    risk = _risk(amount, kind, state, signature, cards["fico_score"][card], cards["age"][card], drift)
    drawn = 1.15 * risk + rng.logistic(size=rows.new)
    refused = NEW_REFUSED if drifting else rows.refused / (rows.transactions - rows.unlabelled)
    flags = (drawn < np.quantile(drawn, 1 - refused)).astype(np.int64)
    return {
        "transaction_id": np.arange(1, rows.new + 1) + rows.transactions,
        "authorized_flag": pa.array(flags, mask=np.arange(rows.new) >= rows.new * 2 // 3),
        "purchase_date": NEW_START + np.sort(rng.integers(0, NEW_SECONDS, rows.new)).astype("timedelta64[s]"),
        "card_id": cards["internal_card_mapping"][card],
        "merchant_id": merchants["merchant_id"][merchant],
        "merchant_category_id": merchants["merchant_category_id"][merchant],
        "item_category": np.array(list("ABCD"))[rng.choice(4, rows.new, p=(0.4, 0.3, 0.2, 0.1))],
        "purchase_amount": amount,
        "signature_provided": signature,
    }


def _drawn(rng: np.random.Generator, weight: Floats, count: int) -> Ints:
    return rng.choice(len(weight), count, p=weight / weight.sum())


def _pairs(
    rng: np.random.Generator, rows: Size, cards: dict[str, Ints], merchants: dict[str, Ints]
) -> tuple[Ints, Ints]:
    """Who buys where: every card and every merchant at least once, mostly in the cardholder's own state."""
    card = _at_least_once(rng, rows.cards, rows.transactions)
    merchant = _at_least_once(rng, rows.merchants, rows.transactions)
    at_home = slice(0, int(0.7 * rows.transactions))
    home = np.array(list(STATES))[cards["state"]]
    card[at_home] = card[at_home][np.argsort(home[card[at_home]], kind="stable")]
    merchant[at_home] = merchant[at_home][np.argsort(merchants["state"][merchant[at_home]], kind="stable")]
    return card, merchant


def _at_least_once(rng: np.random.Generator, count: int, draws: int) -> Ints:
    weight = rng.gamma(0.8, 1.0, count)
    more = rng.choice(count, draws - count, p=weight / weight.sum())
    return rng.permutation(np.concatenate([np.arange(count), more]))


def _order(rng: np.random.Generator, rising: Ints) -> Ints:
    """The order of time: what is rising stands more often in the last quarter."""
    place = rng.random(len(rising))
    late = rising & (rng.random(len(rising)) < 0.3)
    return np.argsort(np.where(late, 0.6 + 0.4 * np.sqrt(place), place), kind="stable")


def _dates(rng: np.random.Generator, count: int) -> Ints:
    span = int((END - START).astype(np.int64))
    seconds = np.sort((span * rng.power(1.15, count)).astype(np.int64))
    seconds[0], seconds[-1] = 0, span
    return START + seconds.astype("timedelta64[s]")


def _amounts(rng: np.random.Generator, kind: Ints, drift: Floats) -> Floats:
    """In dollars; a few are refunds, below zero."""
    table = np.array(list(SUBSECTORS.values()))
    amount = table[kind, 1] * np.exp(table[kind, 2] * rng.normal(size=len(kind))) * (1 + 0.5 * drift)
    amount = np.round(np.clip(amount, 0.5, 25_000), 2)
    refunds = rng.choice(len(kind), round(len(kind) * 265 / 327_005), replace=False)
    amount[refunds] = -amount[refunds]
    return amount


def _risk(
    amount: Floats, kind: Ints, state: Ints, signature: Ints, fico: Ints, age: Ints, drift: Floats
) -> Floats:
    """How likely a refusal is, on the log odds scale, up to a constant."""
    table = np.array(list(SUBSECTORS.values()))
    unusual = np.log(np.clip(amount, 0.5, None) / table[kind, 1]) / table[kind, 2]
    state_risk = 0.8 * np.sin(np.arange(len(STATES)) * 2.4)
    return (
        0.55 * np.clip(unusual, 0, 3) ** 1.6
        + 0.9 / (1 + np.exp(-(amount - 1_500) / 400))
        + 1.3 * table[kind, 3]
        + state_risk[state]
        - 0.7 * signature
        + 0.8 * ((signature == 0) & (amount > 250))
        + 2.0 / (1 + np.exp((fico - 610) / 32))
        - 0.003 * (fico - 700)
        + 0.8 * np.clip((age - 47) / 22, -1.5, 2) ** 2
        + 1.2 * drift * ((amount > 0) & (amount < 15))
        - 3.0 * (amount < 0)
    )


def _flags(rng: np.random.Generator, risk: Floats, rows: Size) -> pa.Array:
    """1 authorized, 0 refused; null for the newest. Exactly as many refusals as wanted."""
    labelled = rows.transactions - rows.unlabelled
    drawn = 1.15 * risk + rng.logistic(size=rows.transactions)
    flags = np.ones(rows.transactions, dtype=np.int64)
    flags[np.argsort(drawn[:labelled], kind="stable")[labelled - rows.refused :]] = 0
    return pa.array(flags, mask=np.arange(rows.transactions) >= labelled)


def _states(rng: np.random.Generator, count: int) -> Ints:
    people = np.array([row[4] for row in STATES.values()])
    return rng.choice(len(STATES), count, p=people / people.sum())


def _places(rng: np.random.Generator, state: Ints) -> tuple[Floats, Floats]:
    table = np.array(list(STATES.values()))[state]
    latitude = table[:, 0] + table[:, 2] * rng.uniform(-0.9, 0.9, len(state))
    longitude = table[:, 1] + table[:, 3] * rng.uniform(-0.9, 0.9, len(state))
    return np.round(latitude, 4), np.round(longitude, 4)


def _cover(rng: np.random.Generator, column: Ints, values: Ints) -> None:
    """Give each value to one row (not the first, which is the tutorial's), so that each occurs."""
    rows = 1 + rng.choice(len(column) - 1, len(values), replace=False)
    column[rows] = values


def _ids(rng: np.random.Generator, count: int, prefix: str, *, first: int) -> Ints:
    numbers = np.array([first])
    while len(numbers) < count:
        numbers = np.concatenate([numbers, rng.integers(0, 2**40, count - len(numbers))])
        numbers = numbers[np.sort(np.unique(numbers, return_index=True)[1])]
    return np.array([f"{prefix}{number:010x}" for number in numbers.tolist()])


def _shuffled(rng: np.random.Generator, columns: dict[str, Ints]) -> dict[str, Ints]:
    order = rng.permutation(len(next(iter(columns.values()))))
    return {name: column[order] for name, column in columns.items()}


def _without(columns: dict[str, Ints], name: str) -> dict[str, Ints]:
    return {key: column for key, column in columns.items() if key != name}


def _write(path: Path, columns: dict[str, Ints]) -> None:
    # No file name and no time in the gzip header: the same rows give the same bytes.
    with path.open("wb") as file, gzip.GzipFile("", "wb", compresslevel=5, fileobj=file, mtime=0) as zipped:
        csv.write_csv(pa.table(columns), zipped, csv.WriteOptions(quoting_style="needed"))
