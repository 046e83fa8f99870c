"""What must hold of a control plane and its nodes, whatever is killed."""

from __future__ import annotations

import threading

import httpx
from tests.deployer.processes import ControlPlane

from scoreline.storage.archives import read_archive
from scoreline.storage.catalog import Catalog


class Asker(threading.Thread):
    """Asks the node all the time, and keeps what was not an answer of a version."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self.wrong: list[str] = []
        self.answers = 0
        self._url = url
        self._stop_asking = threading.Event()

    def run(self) -> None:
        with httpx.Client(verify=False, timeout=60) as http:
            while not self._stop_asking.wait(0.002):
                try:
                    answer = http.post(f"{self._url}/lookup", json={"data": {"merchant_id": "M_1"}}).json()
                    generation = answer["apiContext"]["serviceGeneration"]
                    assert answer["results"][0]["data"]["state"] == f"State of {generation}"
                    self.answers += 1
                except Exception as error:
                    self.wrong.append(repr(error))

    def end(self) -> None:
        self._stop_asking.set()
        self.join()


def assert_consistent(control_plane: ControlPlane) -> None:
    """Every version has its sound archive, and nothing half is left."""
    packages = control_plane.home / "packages"
    catalog = Catalog.open(control_plane.home / "catalog.sqlite")
    needed = catalog.versions.archives()
    versions = [catalog.versions.one(found.service, found.version) for found in catalog.versions.all()]
    catalog.close()
    assert {path.name for path in packages.iterdir()} == {f"{name}.zip" for name in needed}
    for version in versions:
        assert version is not None
        manifest, _ = read_archive(packages / f"{version.archive}.zip")
        assert manifest == version.manifest
