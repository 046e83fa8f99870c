"""Turns a trained model and the tables around it into a real-time API, and keeps it right afterwards.

import scoreline

project = scoreline.open_project("fraud")          # work on a folder, without any server
project.build()
project.create_version("fraud_detection")

client = scoreline.Client()                        # speak to the control plane of `scoreline up`
client.query("fraud_detection-on-local", "predict_fraud", {"card_id": "C_ID_23626074d5"})
"""

from __future__ import annotations

import importlib
from typing import Any

__all__ = [
    "Client",
    "Conflict",
    "Health",
    "Invalid",
    "InvalidDeclaration",
    "InvalidProject",
    "MissingExtra",
    "NotAllowed",
    "NotFound",
    "ProjectFolder",
    "ScorelineError",
    "Unavailable",
    "UpdateOutcome",
    "__version__",
    "dry_run",
    "open_project",
    "read_declared",
]

# Where each name lives; the errors apart. It is imported when it is first used, so that a client stays light.
# Their types are in `__init__.pyi`.
_HOMES = {
    "Client": "scoreline.client.client",
    "Health": "scoreline.core.deployment",
    "UpdateOutcome": "scoreline.core.deployment",
    "dry_run": "scoreline.automation.dry_run",
    "ProjectFolder": "scoreline.studio.project_folder",
    "open_project": "scoreline.studio.project_folder",
    "read_declared": "scoreline.storage.declared_files",
}


def __getattr__(name: str) -> Any:
    if name == "__version__":
        return importlib.import_module("importlib.metadata").version("scoreline")
    if name in __all__:
        return getattr(importlib.import_module(_HOMES.get(name, "scoreline.errors")), name)
    raise AttributeError(f"module 'scoreline' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
