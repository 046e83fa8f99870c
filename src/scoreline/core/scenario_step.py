"""Steps of scenarios. Their texts may hold `${…}`, which is replaced when a step runs."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

from scoreline.core.message import Message

Seconds = Annotated[float, Meta(ge=0)]
Scalar = str | int | float | bool

NO_FAILURE = "no_failure"
"""The condition of a step that names none: nothing before it has failed."""


class _Step(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What every step has."""

    id: str
    """How conditions and texts name it: `steps.ID.outcome`."""
    name: str = ""
    enabled: bool = True
    when: str = NO_FAILURE
    """Whether it runs: no_failure, some_failure, always, never, or any condition, such as
    `steps.drift.outcome == "FAILED"` or `variables.rows > 1000`."""
    reset_failure: bool = False
    """When it runs, what failed before counts no more."""
    proceed_on_failure: bool = False
    """Its failure counts as a warning."""
    retries: Annotated[int, Meta(ge=0, le=100)] = 0
    """How often it is tried again when it fails."""
    retry_delay: Seconds = 10.0
    """Seconds before it is tried again."""
    timeout: Annotated[float, Meta(gt=0)] | None = None
    """Seconds after which it has failed; None: never."""

    @property
    def kind(self) -> str:
        """What it does: `build`, `train`, …"""
        return str(self.__struct_config__.tag)

    @property
    def label(self) -> str:
        """Its name, or its id."""
        return self.name or self.id


class BuildStep(_Step, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind", tag="build"):
    """Builds items of the flow and what they need, where they are stale."""

    items: tuple[str, ...] = ()
    """Ids of datasets, saved models or evaluation stores; none: the whole flow."""
    force: bool = False
    """Build the items named even if they are up to date."""


class TrainStep(_Step, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind", tag="train"):
    """Trains a saved model anew, after building what it learns from; the version becomes active."""

    model: str


class EvaluateStep(
    _Step, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind", tag="evaluate"
):
    """Adds an evaluation to a store, after building what it needs."""

    store: str


class ComputeMetricsStep(
    _Step, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind", tag="compute_metrics"
):
    """Counts the rows of a dataset, and describes its columns; later conditions may name the numbers."""

    dataset: str


class RunChecksStep(
    _Step, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind", tag="run_checks"
):
    """Holds the checks of a store against an evaluation: an ERROR fails the step, a WARNING is a warning."""

    store: str
    evaluation: str | None = None
    """None: the newest."""


class ActivateVersionStep(
    _Step, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind", tag="activate_version"
):
    """Makes a version of a saved model the active one."""

    model: str
    version: str = "previous"
    """An id; `previous`: the one that was made before the active one."""


class CreateVersionStep(
    _Step, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind", tag="create_version"
):
    """Freezes a service as a version, and publishes it."""

    service: str
    version: str | None = None
    """Its id; None: the next of v1, v2, …"""
    unique: bool = True
    """Whether a number is added to the id where there is a version of that id already."""
    variable: str | None = None
    """The variable that gets the id."""
    release_notes: str = ""
    publish: bool = True
    published_service: str | None = None
    """The published service that it is a version of; None: of the service's own id."""


class UpdateDeploymentStep(
    _Step, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind", tag="update_deployment"
):
    """Brings a version live on a deployment, and waits until it is."""

    deployment: str
    version: str
    update: Literal["light", "full"] = "light"
    rolling: bool = False
    """Node by node instead of all at once."""


class Share(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A version and its share of the queries, 0 to 1."""

    version: str
    share: float | str


class SetMappingStep(
    _Step, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind", tag="set_mapping"
):
    """Lets several versions of a deployment answer, each with its share."""

    deployment: str
    shares: tuple[Share, ...]
    update: Literal["light", "full"] = "light"
    rolling: bool = False


class RunTestQueriesStep(
    _Step, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind", tag="run_test_queries"
):
    """Asks a deployment the test queries of its live version; an unexpected answer fails the step."""

    deployment: str
    endpoint: str | None = None
    """None: all."""


class SqlStep(_Step, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind", tag="sql"):
    """Runs SQL: on a connection, or as one SELECT over datasets. Its first rows are its output."""

    query: str
    connection: str | None = None
    inputs: tuple[str, ...] = ()
    """Datasets that the query names, where there is no connection."""
    repeatable: bool = False
    """Whether it may run again when it was cut off; else it has failed then."""


class PythonStep(
    _Step, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind", tag="python"
):
    """Runs Python code in a process of its own: `def run(variables)`; what it returns is its output."""

    code: str | None = None
    file: str | None = None
    """A .py file of the project, instead of `code`."""
    function: str = "run"
    repeatable: bool = False
    """Whether it may run again when it was cut off; else it has failed then."""


class SetVariablesStep(
    _Step, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind", tag="set_variables"
):
    """Sets variables, of the run or of the project."""

    variables: dict[str, Scalar]
    scope: Literal["run", "project"] = "run"


class RunScenarioStep(
    _Step, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind", tag="run_scenario"
):
    """Runs another scenario of the project; its outcome is the step's."""

    scenario: str
    parameters: dict[str, Scalar] = {}
    wait: bool = True


class StopScenarioStep(
    _Step, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind", tag="stop_scenario"
):
    """Ends the run of another scenario of the project, if one goes on."""

    scenario: str


class ApprovalStep(
    _Step, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind", tag="approval"
):
    """Waits until somebody who may deploy in the project approves, or fails when he rejects."""

    text: str = ""
    """What is to be approved."""


class MessageStep(
    _Step, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind", tag="message"
):
    """Sends a message."""

    message: Message


Step = (
    BuildStep
    | TrainStep
    | EvaluateStep
    | ComputeMetricsStep
    | RunChecksStep
    | ActivateVersionStep
    | CreateVersionStep
    | UpdateDeploymentStep
    | SetMappingStep
    | RunTestQueriesStep
    | SqlStep
    | PythonStep
    | SetVariablesStep
    | RunScenarioStep
    | StopScenarioStep
    | ApprovalStep
    | MessageStep
)

STEP_KINDS = tuple(sorted(str(kind.__struct_config__.tag) for kind in Step.__args__))
OWN_FIELDS = frozenset(_Step.__struct_fields__)
"""The fields that every step has; the others are what it does."""


def parameters_of(step: Step) -> dict[str, object]:
    """What a step does, as plain JSON, without what every step has."""
    plain: dict[str, object] = msgspec.to_builtins(step)
    return {name: value for name, value in plain.items() if name not in OWN_FIELDS and name != "kind"}
