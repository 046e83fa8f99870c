r"""Pages of the docs as a series of steps, and the shown output compared with the real one.

The convention, for whoever writes a page:

- ```` ```console ````: each line that starts with `$ ` is typed into one shell that lives as long as the page
  (a line that ends in `\` goes on in the next). The lines below a command, if any, are what it must print, on
  standard output and standard error together. A command must succeed, unless `<!-- fails -->` stands above
  the block.
- ```` ```python ````: run in one Python session that lives as long as the page, in the shell's folder. If a
  ```` ```text ```` block follows at once, it is what must be printed.
- ```` ```yaml title="path" ```` (any language): the text is written to that file, in the shell's folder; with
  `append` after the title, to its end.
- In output `...` stands for any text within a line, and a line of just `...` for any lines. Runs of spaces
  count as one.
- `<!-- given: NAME -->` near the top: what the shell's folder holds when the page begins (conftest.py).
- `127.0.0.1:8460` and `:8470` (or `--port` and one of them) stand for the page's own control plane and node.

Blocks of other languages without a title are shown, not run.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

_FENCE = re.compile(r"^(?P<indent> *)```(?P<info>[^\n`]*)\n(?P<body>.*?)^(?P=indent)```$", re.M | re.S)
_GIVEN = re.compile(r"^<!-- given: ([a-z ]+) -->$", re.M)
_TITLE = re.compile(r'title="([^"]+)"')


@dataclass(frozen=True)
class Step:
    """One thing to do, and what it must print (None: anything)."""

    kind: str
    """command, python, file or append."""
    text: str
    line: int
    output: str | None = None
    path: str = ""
    fails: bool = False


@dataclass(frozen=True)
class Page:
    """One page of the docs."""

    path: Path
    given: str
    steps: tuple[Step, ...]


def read_page(path: Path) -> Page:
    """Cut a page into its steps."""
    text = path.read_text()
    given = _GIVEN.search(text)
    return Page(path, given[1] if given else "an empty folder", tuple(_steps(text)))


def _steps(text: str) -> list[Step]:
    steps: list[Step] = []
    end = 0
    for match in _FENCE.finditer(text):
        between = text[end : match.start()].strip()
        end = match.end()
        line = text.count("\n", 0, match.start()) + 1
        language, _, rest = match["info"].strip().partition(" ")
        body = _dedented(match["body"], match["indent"])
        title = _TITLE.search(rest)
        if title:
            kind = "append" if rest.endswith(" append") else "file"
            steps.append(Step(kind, body, line, path=title[1]))
        elif language == "console":
            steps.extend(_commands(body, line, fails=between.endswith("<!-- fails -->")))
        elif language == "python":
            steps.append(Step("python", body, line))
        elif language == "text" and not between and steps and steps[-1].kind == "python":
            last = steps.pop()
            steps.append(Step("python", last.text, last.line, output=body))
    return steps


def _dedented(body: str, indent: str) -> str:
    return "".join(line.removeprefix(indent) for line in body.splitlines(keepends=True))


def _commands(body: str, line: int, *, fails: bool) -> list[Step]:
    steps: list[Step] = []
    command: list[str] = []
    output: list[str] = []
    start = line

    def finish() -> None:
        if command:
            shown = "\n".join(output) if output else None
            steps.append(Step("command", "\n".join(command), start, output=shown, fails=fails))

    for number, text in enumerate(body.splitlines(), start=line + 1):
        if text.startswith("$ "):
            finish()
            command, output, start = [text[2:]], [], number
        elif command and command[-1].endswith("\\") and not output:
            command.append(text)
        else:
            output.append(text)
    finish()
    return steps


def matches(shown: str, real: str) -> bool:
    """Whether real output is what a page shows, `...` standing for anything."""
    parts = []
    for line in _lines(shown):
        if line == "...":
            parts.append(r"(?:[^\n]*\n)*?")
        else:
            pieces = re.split(r"\.{3}(?!\.)", line)  # of four dots the first is a dot: "0...."
            parts.append(r"[^\n]*?".join(re.escape(piece) for piece in pieces) + r"\n")
    return re.fullmatch("".join(parts), "".join(f"{line}\n" for line in _lines(real))) is not None


def _lines(text: str) -> list[str]:
    """Without empty lines at the ends, each with single spaces."""
    return [re.sub(r"\s+", " ", line).strip() for line in text.strip("\n").splitlines()]
