"""Calls on the runs of scenarios."""

from __future__ import annotations

from collections.abc import Iterator

from scoreline.client.connection import Connection, path_to
from scoreline.client.run_lines import lines_between
from scoreline.client.run_stream import RunStream
from scoreline.client.updates import Progress
from scoreline.core.scenario_run import RunOutcome
from scoreline.errors import Unavailable
from scoreline.wire.control_scenarios import Decision, NewResume, Run, RunLog


class RunCalls:
    """What `scoreline run` does."""

    _control: Connection

    def runs(
        self,
        project: str | None = None,
        scenario: str | None = None,
        *,
        outcome: RunOutcome | str | None = None,
        last: int = 100,
    ) -> tuple[Run, ...]:
        """The last runs, newest first: of a project, of a scenario, that ended so (or are RUNNING)."""
        wanted = outcome.value if isinstance(outcome, RunOutcome) else outcome
        return self._control.all("/runs", Run, most=last, project=project, scenario=scenario, outcome=wanted)

    def run(self, number: int) -> Run:
        """One run with its steps: why each ran or did not, and how it ended. Raises NotFound."""
        return self._control.call("GET", path_to("runs", number), Run)

    def run_log(self, number: int, step: str | None = None) -> str:
        """The log of a run, or of one of its steps. Raises NotFound."""
        return self._control.text(path_to("runs", number, "log", step=step))

    def follow_run(self, number: int) -> Iterator[Run | RunLog]:
        """A run whenever it changes, and the lines of its logs as they come, until it has ended.

        A connection that breaks off is made again, and goes on where it was. Raises NotFound, and Unavailable
        when the control plane does not come back.
        """
        return RunStream(self._control, number).read()

    def wait_for_run(self, number: int, *, progress: Progress | None = None) -> Run:
        """Wait until a run has ended, and give it; `progress` gets a line for each step as it goes."""
        run: Run | None = None
        for news in self.follow_run(number):
            if isinstance(news, RunLog):
                continue
            if progress is not None:
                for line in lines_between(run, news):
                    progress(line)
            run = news
        if run is None:
            raise Unavailable(f"run {number} was not told", code="no-answer")
        return run

    def abort_run(self, number: int) -> Run:
        """Ask a run to end, with what it does now; it ends ABORTED. Raises NotFound, Conflict if it has."""
        return self._control.call("POST", path_to("runs", number, "abort"), Run)

    def resume_run(
        self, number: int, step: str, *, wait: bool = True, progress: Progress | None = None
    ) -> Run:
        """Begin a new run that takes over what came before a step, and goes on from there.

        The scenario is run as it was then. Raises NotFound, Conflict when the run goes on or has not come as
        far; and as `run_scenario`, whose `wait` and `progress` it has.
        """
        begun = self._control.call("POST", path_to("runs", number, "resume"), Run, body=NewResume(step=step))
        return self.wait_for_run(begun.id, progress=progress) if wait else begun

    def approve(self, number: int, step: str, comment: str = "") -> Run:
        """Let a step that waits for an approval go on. Raises NotFound, Conflict when it does not wait."""
        return self._decide(number, step, Decision(approved=True, comment=comment))

    def reject(self, number: int, step: str, comment: str = "") -> Run:
        """Let a step that waits for an approval fail. Raises as `approve`."""
        return self._decide(number, step, Decision(approved=False, comment=comment))

    def _decide(self, number: int, step: str, said: Decision) -> Run:
        path = path_to("runs", number, "steps", step, "decision")
        return self._control.call("POST", path, Run, body=said)
