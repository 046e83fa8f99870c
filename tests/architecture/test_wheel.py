"""What is installed elsewhere: one wheel that holds the pages, with all that they load."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
def test_the_wheel_holds_the_pages_and_what_they_load(tmp_path: Path) -> None:
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, tmp_path)
    shutil.copytree(ROOT / "src" / "scoreline", tmp_path / "src" / "scoreline", ignore=_made)
    uv = Path(sys.executable).with_name("uv")
    command = [uv, "build", "--quiet", "--wheel", "--no-build-isolation", "--python", sys.executable]

    subprocess.run([*command, "--out-dir", tmp_path / "dist", tmp_path], check=True, timeout=240)

    (wheel,) = (tmp_path / "dist").glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        manifest = json.loads(archive.read("scoreline/ui/static/manifest.json"))
    assert {f"scoreline/ui/static/{name}" for name in manifest["files"]} <= names
    templates = (
        path.relative_to(ROOT / "src") for path in (ROOT / "src/scoreline/ui/templates").rglob("*.html")
    )
    assert {path.as_posix() for path in templates} <= names
    assert not any("node_modules" in name for name in names)


def _made(_: str, names: list[str]) -> set[str]:
    return {name for name in names if name == "__pycache__" or name.endswith(".so")}
