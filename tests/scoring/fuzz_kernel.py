"""Makes forests of right and of hostile arrays and scores odd records with them; run by a test.

Arguments: the folder of the kernel, a seed, how many forests. It imports nothing but the kernel, so that a
sanitizer sees nothing else.
"""

from __future__ import annotations

import math
import random
import struct
import sys
from typing import Any

NUMBERS = [0.0, -0.0, 0.5, 1.0, -1.0, 63.0, 64.0, 65.0, 1e9, 2.0**32, 2.0**63, 2.0**64, 1e300]
NUMBERS += [math.inf, -math.inf, math.nan]
INTEGERS = [0, 1, 2, 3, 7, 8, 63, 64, 65, 2**16 - 1, 2**31 - 1, 2**31, 2**32 - 2, 2**32 - 1]
TEXTS = ["", "a", "b", "c", "\u2603", "x" * 300]
VALUES = [None, 1, -2, 0.5, 1e300, math.nan, math.inf, True, 10**400, [], {}, b"a", object(), *TEXTS]
LINKS_OF_ONE, LINKS_OF_SEVERAL = [0, 1, 4, 5], [0, 2, 3, 4, 6]
BUFFERS = range(1, 7)


def steps(*numbers: float) -> bytes:
    return struct.pack(f"<{len(numbers)}d", *numbers)


WRONG_SLOTS = [
    (),
    None,
    (b"f", None, 0, 0, False, b""),
    ("f", None, 1, 0, False, b""),
    ("f", None, 0, 0, False, b"1234567"),
    *[("f", None, 0, 0, False, steps(number, 1.0, 1.0)) for number in NUMBERS],
    *[("f", None, 0, 0, False, steps(2.0, number, number)) for number in NUMBERS],
    ("f", {}, 0, 0, False, b""),
    ("f", {"a": -1}, 2, 0, False, b""),
    ("f", {"a": 2**70}, 2, 0, False, b""),
    ("f", {1: 1}, 2, 0, False, b""),
    ("f", {"a": 1.5}, 2, 0, False, b""),
    ("f", {"a": 1}, 2, 2**40, False, b""),
    ("f", {"a": 1}, 2**33, 0, False, b""),
    ("f", {"a": 1}, -1, 0, False, b""),
]


class Asked(dict[str, object]):
    def get(self, *_: Any) -> Any:
        raise SystemExit("a dict of another class was asked")


class Compared(str):
    __slots__ = ()
    __hash__ = str.__hash__

    def __eq__(self, other: object) -> bool:
        raise RuntimeError("compared")


def right_slot(r: random.Random, index: int) -> Any:
    required = r.random() < 0.2
    if r.random() < 0.5:
        own = [steps(r.randrange(6), r.choice([1.0, 2.0, -3.0]), 4.0) for _ in range(r.randrange(4))]
        return f"f{index}", None, 0, 0, required, b"".join(own)
    size = r.choice([1, 2, 5, 64, 65, 200])
    codes = {text: r.randrange(size) for text in TEXTS if text and r.random() < 0.7}
    return f"f{index}", codes, size, r.randrange(size), required, b""


def right_tree(r: random.Random, slots: list[Any], words: int, at: int, depth: int) -> list[Any]:
    """Nodes in order: the left child next, the right one behind the left's tree."""
    if depth == 0 or r.random() < 0.3:
        return [(r.gauss(0, 1), r.randrange(3), 0, 0)]
    slot = r.randrange(len(slots))
    size = slots[slot][2]
    kind = r.choice([1, 2, 3, 4, 5, 6] if 0 < size <= words * 64 else [1, 2, 3, 4, 5])
    value = r.choice([r.gauss(0, 1), 1.0, 2.5, math.inf])
    if kind == 6:
        value = float(r.randrange(words * 64 - size + 1))
    left = right_tree(r, slots, words, at + 1, depth - 1)
    right_at = at + 1 + len(left)
    return [(value, right_at, slot, kind), *left, *right_tree(r, slots, words, right_at, depth - 1)]


def right_arguments(r: random.Random) -> list[Any]:
    slots = [right_slot(r, index) for index in range(r.choice([1, 2, 3, 5, 130]))]
    outputs = r.choice([1, 1, 2, 3, 9, 130, 200])
    width, words = r.choice([1, outputs]), r.randrange(5)
    nodes: list[Any] = []
    roots = []
    for _ in range(r.randrange(1, 6)):
        roots.append(len(nodes))
        nodes += right_tree(r, slots, words, len(nodes), r.randrange(6))
    targets = [r.randrange(outputs) for _ in roots]
    leaves = [r.gauss(0, 1) for _ in range(3 * width)] if width > 1 else []
    return [
        tuple(slots),
        struct.pack(f"<{len(roots)}I", *roots),
        struct.pack(f"<{len(targets)}I", *targets),
        b"".join(struct.pack("<dIHH", *node) for node in nodes),
        steps(*leaves),
        r.randbytes(8 * words),
        steps(*[r.gauss(0, 1) for _ in range(outputs)]),
        width,
        r.choice(LINKS_OF_ONE if outputs == 1 else LINKS_OF_SEVERAL),
        r.choice([1.0, 2.0, 7.0]),
        r.random() < 0.5,
        r.choice([math.inf, 3.4e38]),
        r.random() < 0.5,
    ]


def spoil(r: random.Random, arguments: list[Any]) -> None:
    for _ in range(r.randrange(1, 4)):
        place = r.randrange(12)
        if place in BUFFERS:
            arguments[place] = spoiled_bytes(r, arguments[place])
        elif place == 0:
            slots = list(arguments[0])
            slots.insert(r.randrange(len(slots) + 1), r.choice(WRONG_SLOTS))
            arguments[0] = r.choice([tuple(slots), slots, tuple(slots[:1]), ()])
        elif place in (7, 8):
            arguments[place] = r.choice([-1, 0, 1, 2, 3, 7, 2**31 - 1, -(2**31)])
        elif place in (9, 11):
            arguments[place] = r.choice(NUMBERS)


def spoiled_bytes(r: random.Random, data: bytes) -> bytes:
    how = r.randrange(4)
    if how == 0 or len(data) < 8:
        return r.randbytes(r.choice([0, 1, 4, 8, 16, 40]))
    if how == 1:
        return data[: r.randrange(len(data))]
    if how == 2:
        at, item = r.randrange(len(data) // 4) * 4, struct.pack("<I", r.choice(INTEGERS))
    else:
        at, item = r.randrange(len(data) // 8) * 8, steps(r.choice(NUMBERS))
    return data[:at] + item + data[at + len(item) :]


def use(r: random.Random, forest: Any, names: list[str]) -> None:
    record: Any = {name: r.choice([*VALUES, r.gauss(0, 1)]) for name in names if r.random() < 0.9}
    if names and r.random() < 0.05:
        record = {Compared(names[0]): 1.0}
    forest.score(record)
    forest.score(r.choice([Asked(record), None, [], 3]))
    answer = forest.outputs(
        tuple(r.choice([r.gauss(0, 2), r.choice(NUMBERS), r.randrange(300)]) for _ in names)
    )
    assert all(isinstance(number, float) for number in answer)
    for wrong in ((*names, 1.0), (1.0,) * (len(names) + 1), list(names), None):
        try:
            forest.outputs(wrong)
        except (ValueError, TypeError):
            continue
        raise AssertionError("a vector that is none was taken")


def main(folder: str, seed: int, rounds: int) -> None:
    sys.path.insert(0, folder)
    from _kernel import Forest  # type: ignore[import-not-found]

    r = random.Random(seed)
    refused = scored = 0
    for number in range(rounds):
        arguments = right_arguments(r)
        hostile = number % 2 == 1
        if hostile:
            spoil(r, arguments)
        try:
            forest = Forest(*arguments)
        except (ValueError, TypeError, OverflowError):
            assert hostile, "a forest that is right was refused"
            refused += 1
            continue
        for _ in range(5):
            use(r, forest, [slot[0] for slot in arguments[0]])
        scored += 1
    assert scored >= rounds / 2
    assert refused > rounds / 10


main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
