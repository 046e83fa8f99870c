"""What must hold for the steps of scenarios beyond their types. Texts with `${…}` are told when they run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from scoreline.core.complaint import Known, Spot, repeated
from scoreline.core.message import REFERENCE
from scoreline.core.message_checks import message_spots
from scoreline.core.names import ID_RULE, did_you_mean, is_id, shortened
from scoreline.core.project import FLOW_KINDS, Kind
from scoreline.core.python_code import python_faults
from scoreline.core.scenario_run import RESERVED
from scoreline.core.scenario_scope import Scope
from scoreline.core.scenario_step import (
    ActivateVersionStep,
    BuildStep,
    ComputeMetricsStep,
    CreateVersionStep,
    EvaluateStep,
    MessageStep,
    PythonStep,
    RunChecksStep,
    RunScenarioStep,
    RunTestQueriesStep,
    SetMappingStep,
    SetVariablesStep,
    SqlStep,
    Step,
    StopScenarioStep,
    TrainStep,
    UpdateDeploymentStep,
    parameters_of,
)
from scoreline.core.sql_variables import quoted_faults

_LONGEST_NAME = 128


def step_spots(step: Step, known: Known, scope: Scope) -> Iterator[Spot]:
    """What is wrong in a step, at its place."""
    yield from scope.condition_spots(step.when, ("when",))
    yield from _text_spots(step, scope)
    match step:
        case BuildStep():
            for place, item in enumerate(step.items):
                yield from _item_spots(item, ("items", place), known)
        case TrainStep():
            yield from _of_kind(Kind.MODEL, step.model, ("model",), known)
            yield from _unmade(
                step.model, Kind.MODEL, ("model",), known, "nothing trains {}: it has no train recipe"
            )
        case EvaluateStep():
            yield from _of_kind(Kind.EVALUATION_STORE, step.store, ("store",), known)
            no_recipe = "nothing evaluates into {}: no evaluate recipe writes it"
            yield from _unmade(step.store, Kind.EVALUATION_STORE, ("store",), known, no_recipe)
        case RunChecksStep():
            yield from _of_kind(Kind.EVALUATION_STORE, step.store, ("store",), known)
            yield from _id_spots(step.evaluation, ("evaluation",), "an evaluation")
        case ComputeMetricsStep():
            yield from _of_kind(Kind.DATASET, step.dataset, ("dataset",), known)
        case ActivateVersionStep():
            yield from _of_kind(Kind.MODEL, step.model, ("model",), known)
            yield from _id_spots(step.version, ("version",), "a model version")
        case CreateVersionStep():
            yield from _of_kind(Kind.SERVICE, step.service, ("service",), known)
            yield from _id_spots(step.version, ("version",), "a version")
            yield from _id_spots(step.published_service, ("published_service",), "a service")
            if step.variable is not None:
                yield from variable_spots(step.variable, ("variable",))
        case UpdateDeploymentStep():
            yield from _id_spots(step.deployment, ("deployment",), "a deployment")
            yield from _id_spots(step.version, ("version",), "a version")
        case SetMappingStep():
            yield from _mapping_spots(step)
        case RunTestQueriesStep():
            yield from _id_spots(step.deployment, ("deployment",), "a deployment")
        case SqlStep():
            yield from query_spots(step.query, step.connection, step.inputs, known)
            for line, message in quoted_faults(step.query):
                yield ("query",), f"line {line}: {message}"
        case PythonStep():
            yield from _python_spots(step)
        case SetVariablesStep():
            if not step.variables:
                yield ("variables",), "must name at least one variable"
            for name in step.variables:
                yield from variable_spots(name, ("variables", name))
        case RunScenarioStep():
            yield from _of_kind(Kind.SCENARIO, step.scenario, ("scenario",), known)
            yield from _parameter_spots(step, known)
        case StopScenarioStep():
            yield from _of_kind(Kind.SCENARIO, step.scenario, ("scenario",), known)
        case MessageStep():
            for at, message in message_spots(step.message):
                yield ("message", *at), message


def variable_spots(name: str, at: tuple[str | int, ...]) -> Iterator[Spot]:
    """Why no variable can have a name."""
    if not name.isidentifier() or name.startswith("__") or len(name) > _LONGEST_NAME:
        yield at, f"{shortened(name)} cannot be a variable; use letters, digits and _"
    elif name in RESERVED:
        yield at, f"{shortened(name)} has a meaning of its own in scenarios; choose another name"


def query_spots(query: str, connection: str | None, inputs: tuple[str, ...], known: Known) -> Iterator[Spot]:
    """What is wrong in SQL that is asked of a connection, or of datasets."""
    if not query.strip():
        yield ("query",), "is empty; write what to ask"
    if connection is None and not inputs:
        yield (), "needs a 'connection', or 'inputs': the datasets that the query names"
    if connection is not None and inputs:
        yield ("inputs",), "a query is asked of a connection, or of datasets, not of both"
    if connection is not None:
        yield from _of_kind(Kind.CONNECTION, connection, ("connection",), known)
    for position, name in enumerate(inputs):
        yield from _of_kind(Kind.DATASET, name, ("inputs", position), known)
    for position, name in repeated(list(inputs)):
        yield ("inputs", position), f"{shortened(name)} is listed twice"


def message_text_spots(
    message: Mapping[str, object], scope: Scope, at: tuple[str | int, ...]
) -> Iterator[Spot]:
    """What is wrong in the placeholders of a message, in plain JSON. References to secrets are none."""
    for key, value in message.items():
        yield from scope.text_spots(_without_references(value), (*at, key))


def _text_spots(step: Step, scope: Scope) -> Iterator[Spot]:
    """What is wrong in the placeholders of a step."""
    for key, value in parameters_of(step).items():
        if key == "message" and isinstance(value, dict):
            yield from message_text_spots(value, scope, (key,))
        elif key != "code":  # it gets the variables as its argument
            yield from scope.text_spots(value, (key,))


def _without_references(value: object) -> object:
    if isinstance(value, str):
        return REFERENCE.sub("", value)
    if isinstance(value, dict):
        return {key: _without_references(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_without_references(one) for one in value]
    return value


def _of_kind(kind: Kind, id_: str, at: tuple[str | int, ...], known: Known) -> Iterator[Spot]:
    if "${" not in id_:
        yield from known.dangling(kind, id_, at)


def _id_spots(id_: str | None, at: tuple[str | int, ...], what: str) -> Iterator[Spot]:
    if id_ is not None and "${" not in id_ and not is_id(id_):
        yield at, f"{shortened(id_)} cannot be the id of {what}: {ID_RULE}"


def _item_spots(item: str, at: tuple[str | int, ...], known: Known) -> Iterator[Spot]:
    if "${" in item:
        return
    kind = next((kind for kind in FLOW_KINDS if item in known.ids[kind]), None)
    if kind is not None:
        yield from _unmade(item, kind, at, known, "nothing builds {}: no recipe writes it")
    elif item not in known.ids[Kind.RECIPE]:
        items = [id_ for kind in (*FLOW_KINDS, Kind.RECIPE) for id_ in known.ids[kind]]
        yield at, f"there is no {shortened(item)} in the flow; {did_you_mean(item, items)}"


def _unmade(item: str, kind: Kind, at: tuple[str | int, ...], known: Known, message: str) -> Iterator[Spot]:
    """A complaint for an item that no recipe writes. Of an unsound recipe nobody knows what it writes."""
    sound = len(known.project.recipes) == len(known.ids[Kind.RECIPE])
    if sound and item in known.ids[kind] and item not in known.made:
        yield at, message.format(shortened(item))


def _mapping_spots(step: SetMappingStep) -> Iterator[Spot]:
    yield from _id_spots(step.deployment, ("deployment",), "a deployment")
    if not step.shares:
        yield ("shares",), "must list at least one version and its share"
    plain: list[float] = []
    for position, entry in enumerate(step.shares):
        at = ("shares", position)
        yield from _id_spots(entry.version, (*at, "version"), "a version")
        share = _number(entry.share)
        if share is None:
            if "${" not in str(entry.share):
                yield (*at, "share"), f"{shortened(str(entry.share))} is not a number of 0 to 1"
        elif not 0 <= share <= 1:
            yield (*at, "share"), f"must be a number of 0 to 1, not {share:g}"
        else:
            plain.append(share)
    for position, version in repeated([entry.version for entry in step.shares]):
        yield ("shares", position, "version"), f"{shortened(version)} is listed twice"
    if step.shares and len(plain) == len(step.shares) and abs(sum(plain) - 1) > 1e-6:
        yield ("shares",), f"shares sum to {sum(plain):g}; they must sum to 1"


def _number(share: float | str) -> float | None:
    try:
        return float(share)
    except ValueError:
        return None


def _python_spots(step: PythonStep) -> Iterator[Spot]:
    if (step.code is None) == (step.file is None):
        both = "has both 'code' and 'file'; leave one of them out"
        yield (), both if step.code is not None else "needs 'code', or a 'file' of the project"
    if not step.function.isidentifier():
        yield ("function",), "must be the name of a Python function"
    elif step.code is not None:
        for line, message in python_faults(step.code, step.function, "step"):
            yield ("code",), f"line {line}: {message}"
    if step.file is not None and "${" not in step.file:
        yield from _file_spots(step.file)


def _file_spots(file: str) -> Iterator[Spot]:
    parts = file.split("/")
    if file.startswith("/") or ".." in parts or "\\" in file or "\0" in file:
        yield (
            ("file",),
            f"{shortened(file)} is not inside of the project; name a file of it, such as code/notify.py",
        )
    elif not file.endswith(".py"):
        yield ("file",), f"{shortened(file)} is no .py file"


def _parameter_spots(step: RunScenarioStep, known: Known) -> Iterator[Spot]:
    """Parameters that the other scenario does not know."""
    other = known.project.scenarios.get(step.scenario)
    for name in step.parameters:
        at = ("parameters", name)
        wrong = list(variable_spots(name, at))
        yield from wrong
        if other is None or wrong:
            continue
        variables: Iterable[str] = {**known.project.settings.variables, **other.variables}
        if name not in variables:
            hint = did_you_mean(name, variables)
            yield at, f"scenario {shortened(step.scenario)} has no variable {shortened(name)}; {hint}"
