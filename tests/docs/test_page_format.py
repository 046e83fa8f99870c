"""How a page is cut into steps, and how shown output is compared with the real one."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.docs.pages import matches, read_page
from tests.docs.sessions import Sessions

PAGE = """# A page

<!-- given: a project -->

```console
$ scoreline check
fine
$ scoreline \\
    build
```

<!-- fails -->
```console
$ scoreline nonsense
```

```yaml title="services/x.yaml"
name: X
```

```python
print("hello")
```

```text
hello
```

```json
{"shown": "not run"}
```
"""


def test_a_page_is_cut_into_commands_files_and_python(tmp_path: Path) -> None:
    (tmp_path / "page.md").write_text(PAGE)

    page = read_page(tmp_path / "page.md")

    assert page.given == "a project"
    assert [(s.kind, s.text, s.output, s.fails, s.path) for s in page.steps] == [
        ("command", "scoreline check", "fine", False, ""),
        ("command", "scoreline \\\n    build", None, False, ""),
        ("command", "scoreline nonsense", None, True, ""),
        ("file", "name: X\n", None, False, "services/x.yaml"),
        ("python", 'print("hello")\n', "hello\n", False, ""),
    ]
    assert [s.line for s in page.steps] == [6, 8, 14, 17, 21]


@pytest.mark.parametrize(
    ("shown", "real", "expected"),
    [
        ("built 3 recipes", "built 3 recipes\n", True),
        ("built ... recipes in ... s", "built 3 recipes in 1.2 s", True),
        ("built ... recipes", "built 3 recipe", False),
        ("id   stage", "id stage", True),
        ("first\n...\nlast", "first\nsecond\nthird\nlast", True),
        ("first\n...\nlast", "first\nlast", True),
        ("first\n...", "other\nfirst", False),
        ("one", "one\ntwo", False),
        ("a.c", "abc", False),
        ("auc 0....", "auc 0.86", True),
        ("auc 0....", "auc 1.86", False),
        ("one\n...", "one", True),
    ],
)
def test_dots_stand_for_anything(shown: str, real: str, expected: bool) -> None:
    assert matches(shown, real) is expected


def test_a_shell_keeps_its_folder_and_tells_exit_codes(tmp_path: Path) -> None:
    with Sessions(tmp_path, {"PATH": "/usr/bin:/bin"}) as sessions:
        assert sessions.command("mkdir inner && cd inner") == ("", 0)
        assert sessions.folder() == tmp_path / "inner"
        assert sessions.command("cat; echo out; echo err >&2; (exit 3)") == ("out\nerr\n", 3)


def test_python_keeps_its_names_and_follows_the_shell(tmp_path: Path) -> None:
    with Sessions(tmp_path, {"PATH": "/usr/bin:/bin"}) as sessions:
        assert sessions.python("a = 1", "page:1") == ("", 0)
        sessions.command("mkdir inner; cd inner")
        assert sessions.python("import os; print(a, os.path.basename(os.getcwd()))", "x") == ("1 inner\n", 0)
        output, outcome = sessions.python("1 / 0", "page:7")
        assert outcome == 1
        assert "page:7" in output
        assert "ZeroDivisionError" in output
