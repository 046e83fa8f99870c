"""From the raw scores of a model to its answers, bit for bit as the libraries compute them."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from struct import Struct

Link = Callable[[Sequence[float]], tuple[float, ...]]

# XGBoost computes in float32 with the expf of the C library. This is that function (the one that glibc, musl
# and the BSDs took from Arm's optimized routines): 2^(k/32) from a table times a polynomial, in double.
_STEPS = 32
# fmt: off
_POWERS = tuple(
    float.fromhex(f"0x1.{digits}p+0")
    for digits in [
        "0000000000000", "059b0d3158574", "0b5586cf9890f", "11301d0125b51",
        "172b83c7d517b", "1d4873168b9aa", "2387a6e756238", "29e9df51fdee1",
        "306fe0a31b715", "371a7373aa9cb", "3dea64c123422", "44e086061892d",
        "4bfdad5362a27", "5342b569d4f82", "5ab07dd485429", "6247eb03a5585",
        "6a09e667f3bcd", "71f75e8ec5f74", "7a11473eb0187", "82589994cce13",
        "8ace5422aa0db", "93737b0cdc5e5", "9c49182a3f090", "a5503b23e255d",
        "ae89f995ad3ad", "b7f76f2fb5e47", "c199bdd85529c", "cb720dcef9069",
        "d5818dcfba487", "dfc97337b9b5f", "ea4afa2a490da", "f50765b6e4540",
    ]
)
# fmt: on
_STEPS_PER_E = float.fromhex("0x1.71547652b82fep+0") * _STEPS
_C0 = float.fromhex("0x1.c6af84b912394p-5") / _STEPS**3
_C1 = float.fromhex("0x1.ebfce50fac4f3p-3") / _STEPS**2
_C2 = float.fromhex("0x1.62e42ff0c52d6p-1") / _STEPS
_SMALLEST_EXPONENT = -104.0
_GREATEST_EXPONENT = 88.72283172607422

_GREATEST_SIGMOID_EXPONENT = 88.69999694824219  # XGBoost's, lest e^x overflow

# The blocks of NumPy's pairwise summation.
_LANES = 8
_LONGEST_BLOCK = 128

_FLOAT32 = Struct("<f")


def single(value: float) -> float:
    """A double rounded to the nearest float32; infinite beyond its range."""
    try:
        rounded: float = _FLOAT32.unpack(_FLOAT32.pack(value))[0]
    except OverflowError:
        return math.copysign(math.inf, value)
    return rounded


def sigmoid(raw: float) -> float:
    """1 / (1 + e^-raw), in double."""
    try:
        return 1.0 / (1.0 + math.exp(-raw))
    except OverflowError:
        return 0.0


def exp_single(value: float) -> float:
    """e^value in float32 for a float32 value."""
    if value < _SMALLEST_EXPONENT:
        return 0.0
    if value > _GREATEST_EXPONENT:
        return math.inf
    scaled = _STEPS_PER_E * value
    step = round(scaled)
    rest = scaled - step
    power = math.ldexp(_POWERS[step % _STEPS], step // _STEPS)
    return single(((_C0 * rest + _C1) * (rest * rest) + (_C2 * rest + 1.0)) * power)


def identity_link(raw: Sequence[float]) -> tuple[float, ...]:
    """Raw scores as they are."""
    return tuple(raw)


def sigmoid_link(scale: float) -> Link:
    """One raw score to the probabilities of both classes; `scale` multiplies it first."""

    def link(raw: Sequence[float]) -> tuple[float, ...]:
        positive = sigmoid(scale * raw[0])
        return 1.0 - positive, positive

    return link


def softmax_link(raw: Sequence[float]) -> tuple[float, ...]:
    """One raw score per class to probabilities."""
    greatest = max(raw)
    powers = [math.exp(score - greatest) for score in raw]
    total = 0.0
    for power in powers:
        total += power
    return tuple([power / total for power in powers])


def pairwise_softmax_link(raw: Sequence[float]) -> tuple[float, ...]:
    """`softmax_link` with the sum in the order of NumPy's pairwise summation."""
    greatest = max(raw)
    powers = [math.exp(score - greatest) for score in raw]
    total = _pairwise_sum(powers)
    return tuple([power / total for power in powers])


def _pairwise_sum(values: Sequence[float]) -> float:
    count = len(values)
    if count < _LANES:
        total = 0.0
        for value in values:
            total += value
        return total
    if count > _LONGEST_BLOCK:
        half = count // 2
        half -= half % _LANES
        return _pairwise_sum(values[:half]) + _pairwise_sum(values[half:])
    sums = list(values[:_LANES])
    whole = count - count % _LANES
    for start in range(_LANES, whole, _LANES):
        for lane in range(_LANES):
            sums[lane] += values[start + lane]
    total = ((sums[0] + sums[1]) + (sums[2] + sums[3])) + ((sums[4] + sums[5]) + (sums[6] + sums[7]))
    for value in values[whole:]:
        total += value
    return total


def mean_link(count: int) -> Link:
    """Sums over `count` trees to means."""

    def link(raw: Sequence[float]) -> tuple[float, ...]:
        return tuple([total / count for total in raw])

    return link


def single_sigmoid_link(raw: Sequence[float]) -> tuple[float, ...]:
    """`sigmoid_link` in float32, as XGBoost computes it."""
    positive = single(1.0 / single(exp_single(min(-raw[0], _GREATEST_SIGMOID_EXPONENT)) + 1.0))
    return single(1.0 - positive), positive


def single_softmax_link(raw: Sequence[float]) -> tuple[float, ...]:
    """`softmax_link` in float32 with the sum in double, as XGBoost computes it."""
    greatest = max(raw)
    powers = [exp_single(single(score - greatest)) for score in raw]
    total = 0.0
    for power in powers:
        total += power
    divisor = single(total)
    return tuple([single(power / divisor) for power in powers])


def link_for(name: str, *, scale: float) -> Link:
    """The link that a scorer document names. `scale` is the factor of `sigmoid`, the count of `mean`."""
    match name:
        case "sigmoid":
            return sigmoid_link(scale)
        case "softmax":
            return softmax_link
        case "pairwise_softmax":
            return pairwise_softmax_link
        case "mean":
            return mean_link(int(scale))
        case "single_sigmoid":
            return single_sigmoid_link
        case "single_softmax":
            return single_softmax_link
        case _:
            return identity_link
