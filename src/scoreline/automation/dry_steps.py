"""The steps of a dry run: what only looks is done, what has effects is said, and taken to succeed."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from scoreline.automation.data_steps import answered, measured
from scoreline.automation.dry_models import DryModels, Training
from scoreline.automation.dry_tables import DryTables
from scoreline.automation.step_result import StepResult, failed
from scoreline.automation.studio_steps import checked, chosen_version
from scoreline.core.evaluation import Evaluation
from scoreline.core.flow import build_order, makers
from scoreline.core.message import Mail, Message
from scoreline.core.names import next_version_id
from scoreline.core.project import Project
from scoreline.core.recipe import EvaluateRecipe, StandaloneEvaluateRecipe, TrainRecipe
from scoreline.core.scenario_step import (
    ActivateVersionStep,
    ApprovalStep,
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
)
from scoreline.errors import Conflict, NotFound
from scoreline.storage.evaluations import Evaluations
from scoreline.storage.queries import select_rows
from scoreline.storage.workspace import Workspace
from scoreline.studio.evaluation_stores import StoreOfEvaluations
from scoreline.studio.versions import version_ids
from scoreline.studio.wanted_recipes import recipes_for


@dataclass(frozen=True)
class DryResult:
    """How a step of a dry run fared."""

    result: StepResult
    simulated: bool = False
    """Whether it was not done, but taken to succeed."""
    trained: tuple[Training, ...] = ()


@dataclass
class DrySteps:
    """The steps of one dry run, one day after the other."""

    folder: Path
    """Of the project."""
    scratch: Workspace
    tables: DryTables
    models: DryModels
    window: int
    at_begin: Project = field(init=False)
    """The project as it was when the run of the day began."""
    _versions: dict[str, list[str]] = field(default_factory=dict)
    """Service -> versions that would have been made."""

    def begin(self) -> None:
        """Begin the run of a day."""
        self.at_begin = self.tables.project

    def perform(self, step: Step) -> DryResult:
        """Do a step, or say what it would do. Raises what doing it raises."""
        match step:
            case EvaluateStep():
                return self._evaluate(step)
            case RunChecksStep():
                return DryResult(self._run_checks(step))
            case BuildStep():
                return self._build(step)
            case TrainStep():
                return self._train(step)
            case ComputeMetricsStep():
                rows = self.tables.made(step.dataset, self.window).table
                return DryResult(measured(step, rows, _silent))
            case SqlStep(connection=None):
                inputs = {name: self.tables.made(name, self.window).table for name in step.inputs}
                return DryResult(
                    answered(select_rows(step.query, inputs, self.scratch.root / "tmp"), _silent)
                )
            case SetVariablesStep():
                return DryResult(self._set_variables(step))
            case ActivateVersionStep():
                return self._activate(step)
            case CreateVersionStep():
                return self._create_version(step)
            case _:
                return DryResult(_said(step), simulated=True)

    def _evaluate(self, step: EvaluateStep) -> DryResult:
        recipe_id = makers(self.tables.project.recipes)[step.store]
        trained = self._trained_before(recipe_id)
        made = self.models.evaluate(recipe_id)
        message = f"evaluation {made.id} of {made.rows} rows"
        if trained:
            message += f"; before, what it needs: {_told(trained)}"
        outputs = {
            **_built([*(one.model for one in trained), recipe_id]),
            "store": step.store,
            "evaluation": made.id,
            "metrics": made.metrics,
        }
        return DryResult(StepResult(message=message, outputs=outputs), trained=tuple(trained))

    def _build(self, step: BuildStep) -> DryResult:
        project = self.tables.project
        wanted = recipes_for(project, step.items)
        trained: list[Training] = []
        evaluated: list[Evaluation] = []
        for recipe_id in build_order(project.recipes, wanted):
            forced = step.force and recipe_id in wanted
            match project.recipes[recipe_id]:
                case TrainRecipe() if forced or self.models.stale(recipe_id):
                    trained.append(self.models.train(recipe_id, self.at_begin))
                case EvaluateRecipe() | StandaloneEvaluateRecipe() if forced or self.models.stale(recipe_id):
                    evaluated.append(self.models.evaluate(recipe_id))
        said = [f"would build {', '.join(step.items) or 'the whole flow'}"]
        said += [_told(trained)] if trained else []
        said += [f"evaluation {one.id} of {one.rows} rows" for one in evaluated]
        result = StepResult(message="; ".join(said), outputs=_built([]))
        return DryResult(result, simulated=not evaluated, trained=tuple(trained))

    def _train(self, step: TrainStep) -> DryResult:
        recipe_id = makers(self.tables.project.recipes)[step.model]
        trained = [*self._trained_before(recipe_id), self.models.train(recipe_id, self.at_begin)]
        last = trained[-1]
        outputs = {
            **_built([recipe_id]),
            "model": step.model,
            "version": last.version,
            "digest": "",
            "metrics": last.metrics,
        }
        return DryResult(
            StepResult(message=_told(trained), outputs=outputs),
            simulated=not last.real,
            trained=tuple(trained),
        )

    def _trained_before(self, recipe_id: str) -> list[Training]:
        """The trainings that a build of a recipe begins with: what it needs is stale."""
        recipes = self.tables.project.recipes
        return [
            self.models.train(above, self.at_begin)
            for above in build_order(recipes, [recipe_id])
            if above != recipe_id and isinstance(recipes[above], TrainRecipe) and self.models.stale(above)
        ]

    def _run_checks(self, step: RunChecksStep) -> StepResult:
        definition = self.tables.project.evaluation_stores[step.store]
        store = StoreOfEvaluations(step.store, definition, Evaluations(self.scratch.evaluations(step.store)))
        return checked(store.run_checks(store.evaluations.read(step.evaluation)), _silent)

    def _set_variables(self, step: SetVariablesStep) -> StepResult:
        if step.scope == "project":
            project = self.tables.project
            variables = {**project.settings.variables, **step.variables}
            settings = msgspec.structs.replace(project.settings, variables=variables)
            self.tables.change(msgspec.structs.replace(project, settings=settings))
        values = dict(step.variables)
        return StepResult(message=f"{', '.join(values)} set", outputs=values, variables=values)

    def _activate(self, step: ActivateVersionStep) -> DryResult:
        active, older = self.models.versions(step.model)
        version = step.version
        if version == "previous":
            if not older:
                raise Conflict(
                    f"model {step.model!r} has no version before {active!r}", code="nothing-before"
                )
            version = older[0]
        if version != active:
            self.models.activate(step.model, version)
        outputs = {"model": step.model, "version": version, "before": active}
        return DryResult(
            StepResult(message=f"would activate version {version} of {step.model}", outputs=outputs),
            simulated=True,
        )

    def _create_version(self, step: CreateVersionStep) -> DryResult:
        made = self._versions.setdefault(step.service, [])
        taken = [*version_ids(Workspace(self.folder), step.service), *made]
        version = chosen_version(step, taken) or next_version_id(taken)
        if version.casefold() in {name.casefold() for name in taken}:
            return DryResult(
                failed(f"service {step.service!r} has a version {version!r} already"), simulated=True
            )
        made.append(version)
        outputs: dict[str, Any] = {
            "service": step.service,
            "version": version,
            "digest": "",
            "models": {},
            "archive": "",
        }
        message = f"would make version {version} of {step.service}"
        if step.publish:
            outputs["published"] = step.published_service or step.service
            message += f", and publish it as one of {outputs['published']}"
        variables = {step.variable: version} if step.variable else {}
        return DryResult(StepResult(message=message, outputs=outputs, variables=variables), simulated=True)


def _said(step: Step) -> StepResult:
    """What a step would do that has effects outside of the dry run, and outputs as if it had succeeded."""
    match step:
        case UpdateDeploymentStep():
            outputs: dict[str, Any] = {"deployment": step.deployment, "update": 0, "version": step.version}
            message = f"would bring {step.version} live on {step.deployment} ({step.update} update)"
        case SetMappingStep():
            shares = {share.version: float(share.share) for share in step.shares}
            outputs = {"deployment": step.deployment, "update": 0, "mapping": shares}
            shown = ", ".join(f"{version} {share:g}" for version, share in shares.items())
            message = f"would let {shown} answer on {step.deployment}"
        case RunTestQueriesStep():
            outputs = {"asked": 0, "failed": 0}
            message = f"would ask {step.deployment} its test queries"
        case RunScenarioStep():
            outputs = {"run": 0, "outcome": "SUCCESS"}
            message = f"would run scenario {step.scenario}"
        case StopScenarioStep():
            outputs, message = {}, f"would end the run of scenario {step.scenario}, if one goes on"
        case ApprovalStep():
            outputs = {"approved": True, "by": "", "comment": ""}
            message = "would wait for an approval; taken as approved"
        case PythonStep():
            what = step.file or "its code"
            outputs, message = {}, f"would run {what}; what it gives is not known"
        case SqlStep():
            outputs, message = {}, f"would ask connection {step.connection}; what it answers is not known"
        case MessageStep():
            outputs, message = {}, f"would send {_described(step.message)}"
        case _:
            raise NotFound(f"a step of kind {step.kind!r} has no dry run")
    return StepResult(message=message, outputs=outputs)


def _described(message: Message) -> str:
    """A message without what it says. Its URL may be a secret."""
    if isinstance(message, Mail):
        return f"a mail to {', '.join(message.to)}"
    return f"a message ({message.__struct_config__.tag})"


def _told(trained: list[Training]) -> str:
    return "; ".join(f"{one.model}: {one.message}" for one in trained)


def _built(recipes: list[str]) -> dict[str, Any]:
    return {"recipes": dict.fromkeys(recipes, "built"), "rows": {}, "logs": ""}


def _silent(_line: str) -> None:
    pass
