"""The files of a scorer: what is loaded, what is refused, and that nothing heavy is needed for it."""

from __future__ import annotations

import json
import random
import shutil
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from scoreline.core.model import Task
from scoreline.core.prediction import Ignored, Prediction
from scoreline.errors import Invalid, NotFound, ScorelineError
from scoreline.scoring.files import load_scorer
from scoreline.scoring.golden import check_golden, write_golden
from scoreline.scoring.kernel import KERNEL_IS_BUILT
from scoreline.scoring.parity import frame_records

ENGINES = [
    False,
    pytest.param(True, marks=pytest.mark.skipif(not KERNEL_IS_BUILT, reason="no kernel is built")),
]
HEAVY = ("numpy", "pandas", "sklearn", "scipy", "lightgbm", "xgboost", "pyarrow", "duckdb", "sqlalchemy")


@pytest.fixture(scope="module")
def case(make_case: Callable[..., Any]) -> Any:
    return make_case("hist", Task.BINARY, 4)


@pytest.fixture(scope="module")
def exported(case: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("exported")
    case.export(folder)
    return folder


@pytest.fixture
def folder(exported: Path, tmp_path: Path) -> Path:
    """A folder of its own with an exported scorer."""
    return shutil.copytree(exported, tmp_path / "scorer")


def edit(folder: Path, change: Callable[[dict[str, Any]], None]) -> None:
    path = folder / "scorer.json"
    content = json.loads(path.read_bytes())
    change(content)
    path.write_text(json.dumps(content))


@pytest.mark.parametrize("kernel", ENGINES)
def test_an_exported_scorer_is_loaded_with_its_signature(folder: Path, case: Any, kernel: bool) -> None:
    scorer = load_scorer(folder, kernel=kernel)

    assert scorer.kind == "trees"
    assert scorer.uses_kernel == kernel
    assert scorer.signature == case.signature


def test_loading_and_scoring_import_nothing_heavy(folder: Path, case: Any) -> None:
    record = frame_records(case.frame[:1], case.signature.features)[0]
    program = (
        "import json, sys\n"
        "from pathlib import Path\n"
        "from scoreline.scoring import files, golden, scorer\n"
        "answer = files.load_scorer(Path(sys.argv[1])).score(json.loads(sys.argv[2]))\n"
        f"assert answer is not None and not set(sys.modules) & set({HEAVY!r}), sorted(sys.modules)\n"
    )

    done = subprocess.run(
        [sys.executable, "-c", program, str(folder), json.dumps(record)],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr


def test_a_folder_without_a_scorer_is_not_found(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match=r"scorer\.json"):
        load_scorer(tmp_path)


def test_trees_without_their_file_are_not_found(folder: Path) -> None:
    (folder / "trees.bin").unlink()

    with pytest.raises(NotFound, match=r"trees\.bin"):
        load_scorer(folder)


def test_a_newer_format_says_to_upgrade(folder: Path) -> None:
    edit(folder, lambda content: content.update(format=2, something="new"))

    with pytest.raises(Invalid, match="upgrade") as refusal:
        load_scorer(folder)

    assert refusal.value.code == "newer-format"


@pytest.mark.parametrize(
    "change",
    [
        lambda c: c.update(extra=1),
        lambda c: c.pop("slots"),
        lambda c: c["slots"][0].update(feature=99),
        lambda c: c["slots"][0].update(feature=-1),
        lambda c: c["slots"].clear(),
        lambda c: c["slots"].__setitem__(
            0, {"kind": "numeric", "feature": 0, "steps": [["divide", 0.0, 0.0]]}
        ),
        lambda c: c["slots"].__setitem__(
            0, {"kind": "numeric", "feature": 0, "steps": [["import", 1.0, 0.0]]}
        ),
        lambda c: c["slots"].__setitem__(0, {"kind": "category", "feature": 0, "size": 1, "codes": {"a": 1}}),
        lambda c: c["slots"].__setitem__(
            0, {"kind": "category", "feature": 0, "size": 2, "codes": {"a": -1}}
        ),
        lambda c: c["slots"].__setitem__(0, {"kind": "category", "feature": 0, "size": 10**30, "codes": {}}),
        lambda c: c.update(limit=-1.0),
        lambda c: c.update(percentiles=[0.5] * 99),
        lambda c: c.update(percentiles=[0.5, 0.4] * 50),
        lambda c: c["model"].update(link="softmax"),
        lambda c: c["model"].update(link="os.system"),
        lambda c: c["model"].update(start=[]),
        lambda c: c["model"].update(start=[1e300]),
        lambda c: c["model"].update(scale=0.0),
        lambda c: c["model"].update(width=7),
        lambda c: c["signature"].update(classes=["a", "a"]),
        lambda c: c["signature"].update(threshold=None),
        lambda c: c["signature"].update(task="regression"),
        lambda c: c["signature"]["features"].append(c["signature"]["features"][0]),
    ],
)
@pytest.mark.parametrize("kernel", ENGINES)
def test_a_document_that_is_not_right_is_refused(
    folder: Path, change: Callable[[dict[str, Any]], None], kernel: bool
) -> None:
    edit(folder, change)

    with pytest.raises(Invalid) as refusal:
        load_scorer(folder, kernel=kernel)

    assert refusal.value.code == "invalid-scorer"
    assert len(refusal.value.message) < 500


@pytest.mark.parametrize("kernel", ENGINES)
def test_a_document_that_names_text_as_code_runs_none_of_it(
    folder: Path, tmp_path: Path, kernel: bool
) -> None:
    trap = tmp_path / "sprung"
    text = f"x'''\"\\\n); __import__('pathlib').Path({str(trap)!r}).touch(); ("

    def change(content: dict[str, Any]) -> None:
        for feature in content["signature"]["features"]:
            feature["name"] += text
        content["signature"]["classes"] = [text, text + "2"]

    edit(folder, change)
    scorer = load_scorer(folder, kernel=kernel)
    answer = scorer.score(
        {feature.name: text for feature in scorer.signature.features if feature.handling == "category"}
    )

    assert isinstance(answer, Prediction | Ignored)
    assert not trap.exists()


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b"null", b'{"format": "x"}', b"\xff" * 50, b"[" * 100_000]
)
def test_a_file_that_is_no_document_is_refused(folder: Path, content: bytes) -> None:
    (folder / "scorer.json").write_bytes(content)

    with pytest.raises(Invalid) as refusal:
        load_scorer(folder)

    assert refusal.value.code == "invalid-scorer"


@pytest.mark.parametrize("kernel", ENGINES)
def test_trees_cut_off_anywhere_are_refused(folder: Path, kernel: bool) -> None:
    whole = (folder / "trees.bin").read_bytes()
    chooser = random.Random(0)

    for length in [0, 1, 8, 27, 28, 29, len(whole) - 1, *chooser.sample(range(len(whole)), 20)]:
        (folder / "trees.bin").write_bytes(whole[:length])
        with pytest.raises(Invalid, match=r"trees\.bin|scorer cannot be used"):
            load_scorer(folder, kernel=kernel)
    (folder / "trees.bin").write_bytes(whole + b"\0")
    with pytest.raises(Invalid, match=r"trees\.bin"):
        load_scorer(folder, kernel=kernel)


@pytest.mark.skipif(not KERNEL_IS_BUILT, reason="no kernel is built")
def test_damaged_trees_are_refused_or_scored_alike_by_kernel_and_twin(
    folder: Path, case: Any, repetitions: Callable[..., int]
) -> None:
    whole = (folder / "trees.bin").read_bytes()
    records = frame_records(case.frame[:20], case.signature.features)
    chooser = random.Random(1)
    refused = 0

    for _ in range(repetitions(quick=300, whole=10_000)):
        damaged = bytearray(whole)
        for _ in range(chooser.randint(1, 4)):
            place = chooser.randrange(28, len(damaged) - 8)
            damaged[place : place + 4] = chooser.choice(
                [struct.pack("<I", chooser.choice([0, 1, 2, 2**31, 2**32 - 1])), chooser.randbytes(4)]
            )
        (folder / "trees.bin").write_bytes(bytes(damaged))
        answers = [outcome(folder, records, kernel=kernel) for kernel in (True, False)]
        assert answers[0] == answers[1]
        refused += answers[0] == "invalid-scorer"

    assert refused > 0


def outcome(folder: Path, records: list[dict[str, object]], *, kernel: bool) -> str:
    """What comes of loading and scoring, as text."""
    try:
        scorer = load_scorer(folder, kernel=kernel)
    except ScorelineError as error:
        return error.code
    return repr([scorer.score(record) for record in records])


def test_golden_rows_pass_on_the_scorer_that_wrote_them(folder: Path, case: Any) -> None:
    scorer = load_scorer(folder)
    records = [*frame_records(case.frame[:50], case.signature.features), {}]
    records.append({feature.name: [1] for feature in case.signature.features})

    write_golden(scorer, records, folder)

    check_golden(scorer, folder)
    check_golden(scorer.with_kernel(False), folder)
    assert len(json.loads((folder / "golden.json").read_bytes())) == 52


def test_golden_rows_fail_on_another_scorer(folder: Path, case: Any) -> None:
    write_golden(load_scorer(folder), frame_records(case.frame[:50], case.signature.features), folder)
    edit(folder, lambda content: content["model"].update(start=[content["model"]["start"][0] + 1e-6]))

    with pytest.raises(Invalid, match="golden row 1 ") as refusal:
        check_golden(load_scorer(folder), folder)

    assert refusal.value.code == "golden-mismatch"


def test_golden_rows_are_found_and_readable(folder: Path) -> None:
    scorer = load_scorer(folder)

    with pytest.raises(NotFound, match=r"golden\.json"):
        check_golden(scorer, folder)
    (folder / "golden.json").write_text('[{"features": 3}]')
    with pytest.raises(Invalid) as refusal:
        check_golden(scorer, folder)
    assert refusal.value.code == "invalid-scorer"
