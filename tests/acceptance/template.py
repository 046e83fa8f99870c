"""The generator of the data of the template real-time-apis, for tests that make it themselves."""

from __future__ import annotations

import importlib.util
from importlib.resources import files
from pathlib import Path
from types import ModuleType


def generator() -> ModuleType:
    """The template's generate.py as a module."""
    path = Path(str(files("scoreline"))) / "templates" / "real-time-apis" / "generate.py"
    spec = importlib.util.spec_from_file_location("real_time_apis_generate", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
