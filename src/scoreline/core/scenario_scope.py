"""What the conditions and texts of a scenario may name, at each of its places."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from scoreline.core.complaint import Spot
from scoreline.core.dotted_name import Path, dotted
from scoreline.core.expression import parse_expression
from scoreline.core.expression_value import path_of
from scoreline.core.names import did_you_mean, nearest, shortened
from scoreline.core.placeholders import placeholders
from scoreline.core.scenario import Scenario
from scoreline.core.scenario_outputs import outputs_of
from scoreline.core.scenario_run import (
    RESERVED,
    Fire,
    RunOutcome,
    ScenarioRun,
    StepRunOutcome,
    names_of,
    to_json,
)
from scoreline.core.scenario_step import CreateVersionStep, SetVariablesStep, Step
from scoreline.errors import Invalid

At = tuple[str | int, ...]

_RUN = ScenarioRun(
    id=1, project="p", scenario="s", definition=Scenario(), fire=Fire(kind="manual"), by="", started_at=""
)
_NAMES = names_of(_RUN, (), StepRunOutcome.SUCCESS, False)
_OF_A_STEP = ("outcome", "ran", "message", "output")
_STEP_OUTCOMES = tuple(one.value for one in StepRunOutcome if one.ended)
_OUTCOMES = tuple(one.value for one in StepRunOutcome if one.ended and one is not StepRunOutcome.SKIPPED)
_AT_THE_START = -1


@dataclass(frozen=True)
class Scope:
    """What may be named at one place of a scenario."""

    steps: Mapping[str, int]
    """Id of each step, and its position."""
    given: tuple[Step, ...]
    variables: Mapping[str, int]
    """Each variable, and the position of the first step that sets it; -1: it is there from the start."""
    position: int
    """Steps before this one have ended."""
    run: frozenset[str] = frozenset(_NAMES["run"])
    """What is known of the run."""
    outcomes: tuple[str, ...] = _OUTCOMES
    """What `outcome` may be."""

    def at(self, position: int) -> Scope:
        """What may be named by the step at a position."""
        return replace(self, position=position)

    def of_report(self, at: str) -> Scope:
        """What may be named when the run begins (`start`), or has ended (`end`)."""
        position = 0 if at == "start" else len(self.given)
        run = frozenset(to_json(_RUN))
        return replace(self, position=position, run=run, outcomes=tuple(one.value for one in RunOutcome))

    def condition_spots(self, text: str, at: At) -> Iterator[Spot]:
        """What is wrong in a condition."""
        try:
            expression = parse_expression(text)
        except Invalid as error:
            yield at, error.message
            return
        for path in sorted(expression.paths(), key=dotted):
            yield from self._name_spots(path, at)
        for path, value in _compared(expression.root):
            known = self._values_of(path)
            if known and value not in known:
                hint = did_you_mean(value, known)
                yield at, f"{dotted(path)} is never {shortened(value)}; {hint}"

    def text_spots(self, value: Any, at: At) -> Iterator[Spot]:
        """What is wrong in the placeholders of texts, in plain JSON."""
        try:
            found = placeholders(value)
        except Invalid as error:
            yield at, error.message
            return
        for name in sorted(found):
            yield from self._name_spots(tuple(name.split(".")), at)

    def _name_spots(self, path: Path, at: At) -> Iterator[Spot]:
        message = self._wrong(path)
        if message:
            yield at, message

    def _wrong(self, path: Path) -> str:
        """Why there is nothing of a name here; empty when there may be."""
        head, rest = str(path[0]), path[1:]
        if head == "steps":
            return self._wrong_step(path)
        if head == "variables":
            return self._wrong_variable(str(rest[0])) if rest else ""
        if head not in RESERVED:
            return self._wrong_variable(head)
        if not rest:
            return ""
        known = self.run if head == "run" else _NAMES.get(head)
        if not isinstance(known, Mapping | frozenset):
            return f"{head} has no parts: there is no {shortened(dotted(path))}"
        if rest[0] not in known:
            return f"there is no {shortened(dotted(path[:2]))}; {did_you_mean(str(rest[0]), known)}"
        return ""

    def _wrong_variable(self, name: str) -> str:
        setter = self.variables.get(name)
        if setter is None:
            close = nearest(name, sorted({*self.variables, *RESERVED}))
            hint = f"did you mean {close!r}?" if close else "list it under 'variables' of the scenario"
            return f"there is no variable {shortened(name)}; {hint}"
        if setter < self.position:
            return ""
        step = self.given[setter].id
        when = "is this step" if setter == self.position else "comes later"
        return f"the variable {shortened(name)} is set by step {shortened(step)}, which {when}"

    def _wrong_step(self, path: Path) -> str:
        if len(path) == 1:
            return ""
        id_ = str(path[1])
        position = self.steps.get(id_)
        if position is None:
            return f"there is no step {shortened(id_)}; {self._which_step(id_)}"
        if position >= self.position:
            when = "is this step itself" if position == self.position else "comes later"
            return f"step {shortened(id_)} {when}, so that there is no {shortened(dotted(path))} yet"
        if len(path) == 2:
            return ""
        if path[2] not in _OF_A_STEP:
            return f"there is no {shortened(dotted(path[:3]))}; {did_you_mean(str(path[2]), _OF_A_STEP)}"
        if len(path) == 3:
            return ""
        if path[2] != "output":
            return f"{shortened(dotted(path[:3]))} has no parts: there is no {shortened(dotted(path))}"
        step = self.given[position]
        known = outputs_of(step)
        if known is None or path[3] in known:
            return ""
        hint = did_you_mean(str(path[3]), known)
        return f"a step of kind {step.kind!r} gives no {shortened(str(path[3]))}; {hint}"

    def _which_step(self, id_: str) -> str:
        close = nearest(id_, self.steps)
        if close is not None and not close.isidentifier():
            return f'did you mean {close!r}? In a condition it is written steps["{close}"]'
        return did_you_mean(id_, self.steps)

    def _values_of(self, path: Path) -> tuple[str, ...]:
        """What a name that is an outcome may be; nothing for other names."""
        if path == ("outcome",):
            return self.outcomes
        is_outcome = len(path) == 3 and path[0] == "steps" and path[2] == "outcome"
        return _STEP_OUTCOMES if is_outcome else ()


def scope_of(scenario: Scenario, project_variables: Iterable[str]) -> Scope:
    """What the first step of a scenario may name."""
    variables = dict.fromkeys((*project_variables, *scenario.variables), _AT_THE_START)
    steps: dict[str, int] = {}
    for position, step in enumerate(scenario.steps):
        steps.setdefault(step.id, position)
        for name in _set_by(step):
            variables.setdefault(name, position)
    return Scope(steps=steps, given=scenario.steps, variables=variables, position=0)


def _set_by(step: Step) -> tuple[str, ...]:
    match step:
        case SetVariablesStep():
            return tuple(step.variables)
        case CreateVersionStep(variable=str(name)):
            return (name,)
        case _:
            return ()


def _compared(root: ast.expr) -> Iterator[tuple[Path, str]]:
    """The names that are compared with a text that is written out."""
    for node in ast.walk(root):
        if not isinstance(node, ast.Compare):
            continue
        sides = [node.left, *node.comparators]
        for one, other, operator in zip(sides, sides[1:], node.ops, strict=False):
            if isinstance(operator, ast.Eq | ast.NotEq):
                pairs = [(one, other), (other, one)]
            elif isinstance(operator, ast.In | ast.NotIn) and isinstance(other, ast.List | ast.Tuple):
                pairs = [(one, item) for item in other.elts]
            else:
                continue
            for named, text in pairs:
                path = path_of(named)
                if path is not None and isinstance(text, ast.Constant) and isinstance(text.value, str):
                    yield path, text.value
