"""`python -m scoreline`: the command line, where the `scoreline` script is not on the path."""

from __future__ import annotations

import sys

from scoreline.wiring import main

sys.exit(main())
