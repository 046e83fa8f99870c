"""Patience: what takes long is waited for a moment; else the page asks for it again by itself."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")

_MOMENT = 0.4  # seconds
_going_on: set[asyncio.Task[Any]] = set()
"""Referred to here until they end: the loop itself does not hold tasks."""


async def within_a_moment(call: Coroutine[Any, Any, T]) -> T | None:
    """The outcome of a call; None when it takes longer: it goes on, and what it finds is kept by content."""
    task = asyncio.ensure_future(call)
    done, _ = await asyncio.wait({task}, timeout=_MOMENT)
    if done:
        return task.result()
    _going_on.add(task)
    task.add_done_callback(_over)
    return None


def _over(task: asyncio.Task[Any]) -> None:
    _going_on.discard(task)
    if not task.cancelled():
        task.exception()  # whoever asks again is told
