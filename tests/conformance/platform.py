"""A control plane that knows a project with a trained model, and the unmodified client `DSSClient` on it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from dataikuapi import DSSClient
from tests.deployer.processes import ControlPlane
from tests.studio.small_project import trained, write_project

PROJECT = "cards"
SERVICE = "fraud_detection"


def make_project(folder: Path, **services: str) -> Path:
    """The small project with its model trained; `services` are the texts of further services."""
    write_project(folder, **services)
    trained(folder)
    return folder


@contextlib.contextmanager
def dss_client(control_plane: ControlPlane, path: str = "") -> Iterator[DSSClient]:
    """The client, with this machine's key; `path` comes behind the address of the control plane."""
    client = DSSClient(control_plane.server.url + path, control_plane.server.key)
    try:
        yield client
    finally:
        client._session.close()


def client_of(control_plane: ControlPlane, name: str, roles: dict[str, str]) -> DSSClient:
    """The client of a new user with these roles (object -> role)."""
    with control_plane.client() as own:
        own.create_user(name, password=False)
        for on, role in roles.items():
            own.grant_role(role, on, f"user:{name}")  # type: ignore[arg-type]
        key = own.create_key("ci", user=name)
    return DSSClient(control_plane.server.url, key.key)
