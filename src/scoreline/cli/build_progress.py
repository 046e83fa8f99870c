"""The progress of a build on a terminal (live) or in a log (a line for each event)."""

from __future__ import annotations

from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from scoreline.studio.build_events import BuildEvent, RecipeOutcome


class BuildProgress:
    """Call it with each event of a build, inside its `with` block."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._live = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self._whole: TaskID | None = None
        self._running: list[str] = []

    def __enter__(self) -> BuildProgress:
        self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._live.stop()

    def __call__(self, event: BuildEvent) -> None:
        """Show one event."""
        if event.kind == "planned":
            if self._whole is None:
                self._whole = self._live.add_task("building", total=len(event.recipes))
            return
        if event.kind == "started":
            self._running.append(event.recipe)
            if not self._console.is_terminal:
                self._line(f"{event.recipe} … ({event.reason})")
        elif event.outcome is not None:
            if event.recipe in self._running:
                self._running.remove(event.recipe)
            self._line(_told(event.outcome))
        if self._whole is not None:
            done = 1 if event.kind == "finished" else 0
            self._live.update(self._whole, advance=done, description=", ".join(self._running) or "building")

    def _line(self, text: str) -> None:
        self._console.print(text, markup=False)


def _told(outcome: RecipeOutcome) -> str:
    rows = ", ".join(f"{dataset} {count} rows" for dataset, count in outcome.rows.items())
    match outcome.status:
        case "built":
            return f"{outcome.recipe} built in {outcome.seconds:.1f} s{': ' + rows if rows else ''}"
        case "up_to_date":
            return f"{outcome.recipe} up to date"
        case "failed":
            return f"{outcome.recipe} FAILED: {outcome.error}"
        case "skipped":
            return f"{outcome.recipe} skipped: {outcome.reason}"
