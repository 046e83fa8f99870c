"""Full disks: how to know one, and what to say."""

from __future__ import annotations

import errno

from scoreline.errors import Unavailable

_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def is_disk_full(error: BaseException) -> bool:
    """Whether an error, or one that it was raised from, says that there is no room (or quota) left."""
    seen: BaseException | None = error
    while seen is not None:
        # Arrow's own input and output names the error only in its text.
        if isinstance(seen, OSError) and (seen.errno in _NO_ROOM or "No space left" in str(seen)):
            return True
        seen = seen.__cause__
    return False


def disk_full() -> Unavailable:
    """The error to raise then."""
    return Unavailable("the disk is full; make room and run the same command again", code="disk-full")
