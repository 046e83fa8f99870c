"""One thread for the numeric libraries: sums over several depend on how many there are."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any

from threadpoolctl import threadpool_limits


def one_thread() -> AbstractContextManager[Any]:
    """While it is open, BLAS and OpenMP of the whole process use one thread each."""
    limits: AbstractContextManager[Any] = threadpool_limits(limits=1)
    return limits
