"""The kernel under AddressSanitizer: whatever arrays it is given, it reads nothing outside them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Callable
from pathlib import Path

import pytest

import scoreline.scoring

SOURCE = Path(scoreline.scoring.__file__).with_name("_kernel.c")

FUZZER = Path(__file__).with_name("fuzz_kernel.py")


def sanitizer_library(compiler: str) -> str | None:
    """The file of the sanitizer's runtime, if the compiler has one."""
    asked = subprocess.run(
        [compiler, "-print-file-name=libasan.so"], capture_output=True, text=True, check=True
    ).stdout.strip()
    return os.path.realpath(asked) if Path(asked).is_absolute() and Path(asked).exists() else None


@pytest.fixture(scope="module")
def sanitized(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
    """A folder with the kernel built for AddressSanitizer, and the environment to run it in."""
    compiler = shutil.which("gcc")
    if compiler is None:
        pytest.skip("no gcc here to build the kernel with")
    library = sanitizer_library(compiler)
    if library is None:
        pytest.skip("this gcc has no AddressSanitizer")
    folder = tmp_path_factory.mktemp("sanitized")
    subprocess.run(
        [
            *(compiler, "-g", "-O1", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC"),
            *("-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-fno-omit-frame-pointer"),
            *("-ffp-contract=off", "-DPy_LIMITED_API=0x030B0000", f"-I{sysconfig.get_paths()['include']}"),
            *(str(SOURCE), "-o", str(folder / "_kernel.abi3.so"), "-lm"),
        ],
        check=True,
    )
    # Python's own allocator would hide small overruns; the interpreter's leaks are not ours.
    settings = {"LD_PRELOAD": library, "ASAN_OPTIONS": "detect_leaks=0", "PYTHONMALLOC": "malloc"}
    return folder, {**os.environ, **settings}


@pytest.mark.slow
def test_the_kernel_reads_nothing_outside_whatever_arrays_it_is_given(
    sanitized: tuple[Path, dict[str, str]], repetitions: Callable[..., int]
) -> None:
    folder, environment = sanitized
    for seed in range(repetitions(quick=1, whole=25)):
        done = subprocess.run(
            [sys.executable, str(FUZZER), str(folder), str(seed), "1500"],
            capture_output=True,
            text=True,
            check=False,
            env=environment,
        )

        assert done.returncode == 0, done.stderr[-3000:]


def test_the_sanitizer_sees_a_read_outside(sanitized: tuple[Path, dict[str, str]], tmp_path: Path) -> None:
    _, environment = sanitized
    (tmp_path / "trap.c").write_text(
        "#include <stdlib.h>\nint trap(int i) { char *p = malloc(8); int r = p[i]; free(p); return r; }\n"
    )
    library = tmp_path / "trap.so"
    subprocess.run(
        ["gcc", "-shared", "-fPIC", "-fsanitize=address", str(tmp_path / "trap.c"), "-o", str(library)],
        check=True,
    )

    done = subprocess.run(
        [sys.executable, "-c", f"import ctypes; ctypes.CDLL({str(library)!r}).trap(9)"],
        capture_output=True,
        text=True,
        check=False,
        env=environment,
    )

    assert done.returncode != 0
    assert "heap-buffer-overflow" in done.stderr
