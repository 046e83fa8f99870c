"""What all tests share: how often the long repetitions run, and settings of Hypothesis."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile("scoreline", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("scoreline")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--soak", action="store_true", help="run the long repetitions whole")


@pytest.fixture
def repetitions(request: pytest.FixtureRequest) -> Callable[..., int]:
    """`repetitions(quick=5, whole=50)`: how often to repeat; whole with --soak."""
    soak = request.config.getoption("--soak")

    def choose(*, quick: int, whole: int) -> int:
        return whole if soak else quick

    return choose
