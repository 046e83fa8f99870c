"""Why something is as it is: chains of causes, from what the catalog and the projects know."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from msgspec import Struct

from scoreline.core.audit import Change
from scoreline.core.deployment import Update, same_mapping
from scoreline.core.names import did_you_mean, shortened
from scoreline.core.package import Manifest
from scoreline.core.run_causes import led_to, made_by
from scoreline.core.scenario_run import Effect, ScenarioRun, StepRun, StepRunOutcome, step_run
from scoreline.core.why import Explanation, Link
from scoreline.core.why_links import (
    began_link,
    mapping_link,
    model_version_link,
    not_reached,
    person_link,
    run_link,
    step_link,
    trigger_link,
    update_link,
    version_link,
)
from scoreline.errors import NotFound, ScorelineError
from scoreline.storage.catalog import Catalog
from scoreline.storage.models import ModelStore
from scoreline.storage.workspace import Workspace
from scoreline.studio.project_registry import ProjectRegistry
from scoreline.studio.saved_models import saved_model
from scoreline.studio.versions import version_of

_MOST_RUNS = 10
"""Runs of one chain, where each was started by the one before."""
_LOOKED_BACK = 1_000
"""Changes of one object in the audit among which a deed is looked for."""
_CAUSE = re.compile(r"run:(\d+)/(\d+)(/\d+)?")
_HIDDEN = Link(kind="hidden", said="a scenario of a project that you may not see did it")


class Sees(Struct, frozen=True):
    """What whoever asks may see."""

    project: Callable[[str], bool]
    audit: bool
    """With which key somebody came, and from where."""


class Reasons:
    """Answers questions for reasons."""

    def __init__(self, catalog: Catalog, registry: ProjectRegistry) -> None:
        self._catalog = catalog
        self._registry = registry

    def run(self, run: ScenarioRun, sees: Sees) -> Explanation:
        """Why a run ended as it did, and why it began."""
        told = [step for step in reversed(run.steps) if _decided(run, step)]
        links = [run_link(run), *self._ender(run, sees), *_step_links(run, told)]
        return Explanation(asked=f"run {run.id}", chain=(*links, *self._origin(run, sees)[1:]))

    def step(self, run: ScenarioRun, step: str, sees: Sees) -> Explanation:
        """Why a step of a run ran or did not, and ended as it did. Raises NotFound."""
        ids = [one.id for one in run.definition.steps]
        if step not in ids:
            hint = did_you_mean(step, ids)
            raise NotFound(f"run {run.id} has no step {shortened(step)}; {hint}", code="no-such-step")
        found = step_run(run, step)
        chain: Sequence[Link]
        if found is None:
            chain = (not_reached(run, step), *self.run(run, sees).chain)
        else:
            chain = self._of_step(run, found.position, sees)
        return Explanation(asked=f"step {step} of run {run.id}", chain=tuple(chain))

    def version(self, service: str, version: str, sees: Sees) -> Explanation:
        """Why there is a published version, and what is in it. Raises NotFound, naming the nearest one."""
        published = self._catalog.versions.one(service, version)
        if published is None:
            known = [one.version for one in self._catalog.versions.of(service)]
            raise NotFound(
                f"{service} {shortened(version)} is not published; {did_you_mean(version, known)}",
                code="no-such-version",
            )
        manifest = published.manifest
        keys = self._registry.keys()
        projects = [key for key in keys if self._id_of(key) == manifest.project]
        made = self._maker(projects, (("published", f"{service}/{version}"), ("version", _id(manifest))))
        chain = [version_link(manifest, published), *self._made(manifest, made, projects, sees)]
        if published.by != manifest.created_by:
            deed = self._deed(sees, "publish", f"service:{service}", {"version": version})
            said = f"{published.by} published {service} {version} by hand"
            chain.insert(1, person_link(published.by, said, published.at, deed))
        return Explanation(asked=f"version {version} of {service}", chain=tuple(chain))

    def project_version(self, project: str, service: str, version: str, sees: Sees) -> Explanation:
        """Why there is a version in a project, published or not. Raises NotFound."""
        manifest = version_of(Workspace(self._registry.folder(project)), service, version).manifest
        made = self._maker([project], (("version", f"{service}/{version}"),))
        chain = (version_link(manifest), *self._made(manifest, made, [project], sees))
        return Explanation(asked=f"version {version} of {service}", chain=chain)

    def mapping(self, deployment: str, sees: Sees) -> Explanation:
        """Why a deployment answers by these generations. Raises NotFound."""
        found = self._catalog.deployments.one(deployment)
        if found is None:
            hint = did_you_mean(deployment, self._catalog.deployments.ids())
            raise NotFound(f"no deployment {shortened(deployment)}; {hint}", code="no-such-deployment")
        chain = [mapping_link(found)]
        update = self._catalog.updates.last_success(deployment) if found.live else None
        if update is not None and same_mapping(update.to_mapping, found.live):
            chain += [update_link(update), *self._of_update(update, sees)]
        given = [link.evidence["outputs"] for link in chain if link.kind == "step" and link.evidence]
        told = {(one.get("published"), one.get("version")) for one in given}
        for generation in found.live.generations if found.live else ():
            published = self._catalog.versions.one(found.service, generation)
            if published is not None and (found.service, generation) not in told:
                chain.append(version_link(published.manifest, published))
        return Explanation(asked=f"mapping {deployment}", chain=tuple(chain))

    def model(self, project: str, model: str, version: str | None, sees: Sees) -> Explanation:
        """Why there is a version of a model, or (None) why its active version is active. Raises NotFound."""
        store = saved_model(self._registry.folder(project), model).store
        found = store.active_version() if version is None else store.version(version)
        link = model_version_link(project, model, found, active=store.active() == found.id)
        asked = f"model {model}" if version is None else f"version {version} of model {model}"
        chain = [link, *(self._activation(project, model, found.id, sees) if version is None else ())]
        return Explanation(asked=asked, chain=(*chain, *self._trained(project, model, store, found.id, sees)))

    def _of_step(self, run: ScenarioRun, position: int, sees: Sees) -> list[Link]:
        """A step, what led to it, and how its run began."""
        if not sees.project(run.project):
            return [_HIDDEN]
        own = next(step for step in run.steps if step.position == position)
        steps = (own, *led_to(run, position))
        links = [*_step_links(run, steps), *self._frozen(run, steps)]
        return [*links, *self._origin(run, sees)]

    def _frozen(self, run: ScenarioRun, steps: Iterable[StepRun]) -> Iterable[Link]:
        """The model versions that steps have frozen, but for those that the run has trained itself."""
        trained = {effect for step in run.steps for effect in made_by(step)}
        for step in steps:
            if step.kind != "create_version":
                continue
            for model, version in step.outputs.get("models", {}).items():
                if Effect(kind="model_version", target=f"{model}/{version}") not in trained:
                    yield from self._model_links(run.project, model, version)

    def _origin(self, run: ScenarioRun, sees: Sees, depth: int = 1) -> list[Link]:
        """How a run began: by a person, a trigger, or another run."""
        fire = run.fire
        began = began_link(run)
        if fire.kind in ("manual", "webhook"):
            deed = self._deed(sees, "start run", f"scenario:{run.project}/{run.scenario}", {"run": run.id})
            how = "called its webhook" if fire.kind == "webhook" else "ran it by hand"
            return [began, person_link(run.by, f"{run.by} {how}", run.started_at, deed)]
        other = self._catalog.runs.one(fire.run) if fire.run is not None and depth < _MOST_RUNS else None
        if fire.kind == "resume":
            deed = self._deed(sees, "start run", f"scenario:{run.project}/{run.scenario}", {"run": run.id})
            again = person_link(run.by, f"{run.by} resumed it: {fire.reason}", run.started_at, deed)
            return [began, again, *(self._origin(other, sees, depth + 1) if other else ())]
        if fire.kind == "run_scenario":
            return [began, *(self._by_run(run, other, sees, depth) if other else ())]
        return [began, trigger_link(run), *(self._origin(other, sees, depth + 1) if other else ())]

    def _by_run(self, run: ScenarioRun, other: ScenarioRun, sees: Sees, depth: int) -> list[Link]:
        """The step of another run that ran a scenario."""
        effect = Effect(kind="run", target=str(run.id))
        waits = [one for one in other.steps if one.inputs.get("scenario") == run.scenario]
        step = next((one for one in other.steps if effect in one.effects), waits[-1] if waits else None)
        steps = (step, *led_to(other, step.position)) if step else ()
        return [*_step_links(other, steps), *self._origin(other, sees, depth + 1)]

    def _ender(self, run: ScenarioRun, sees: Sees) -> list[Link]:
        """Who has ended a run before it was done, if somebody has."""
        if run.abort_by is None:
            return []
        deed = self._deed(sees, "abort run", f"scenario:{run.project}/{run.scenario}", {"run": run.id})
        return [
            person_link(run.abort_by, f"{run.abort_by} has ended it", deed.at if deed else None, deed),
        ]

    def _of_update(self, update: Update, sees: Sees) -> list[Link]:
        """What caused an update: the step of a run, or a person."""
        match = _CAUSE.fullmatch(update.cause or "")
        if match is None:
            on = f"deployment:{update.deployment}"
            deed = self._deed(sees, "start update", on, {"update": update.id})
            return [person_link(update.by, f"{update.by} updated it by hand", update.started_at, deed)]
        run = self._catalog.runs.one(int(match[1]))
        if run is None:
            return [Link(kind="forgotten", id=match[1], said=f"{update.by}, which is not kept any more")]
        return self._of_step(run, int(match[2]), sees)

    def _made(
        self,
        manifest: Manifest,
        made: tuple[ScenarioRun, StepRun] | None,
        projects: Sequence[str],
        sees: Sees,
    ) -> list[Link]:
        """What made a version: a step of a run, or a person, with the model versions that he has frozen."""
        if made is not None:
            return self._of_step(made[0], made[1].position, sees)
        said = f"{manifest.created_by} made it by hand"
        links = [person_link(manifest.created_by, said, manifest.created_at)]
        for project in projects[:1]:
            if sees.project(project):
                for model, packaged in manifest.models.items():
                    links += self._model_links(project, model, packaged.version)
                    trained = self._maker([project], (("model_version", f"{model}/{packaged.version}"),))
                    links += self._of_step(trained[0], trained[1].position, sees) if trained else ()
        return links

    def _maker(
        self, projects: Iterable[str], effects: Iterable[tuple[str, str]]
    ) -> tuple[ScenarioRun, StepRun] | None:
        """The step that brought something about, by the first of its effects that is known."""
        known = tuple(projects)
        for kind, target in effects:
            for project in known:
                found = self._catalog.runs.by_effect(project, kind, target)
                run = self._catalog.runs.one(found[0]) if found else None
                if found is not None and run is not None:
                    return run, next(step for step in run.steps if step.position == found[1])
        return None

    def _model_links(self, project: str, model: str, version: str) -> list[Link]:
        """A version of a model, if it is still there."""
        try:
            store = ModelStore(Workspace(self._registry.folder(project)).model(model))
            return [model_version_link(project, model, store.version(version))]
        except ScorelineError:
            return []

    def _trained(
        self, project: str, model: str, store: ModelStore, version: str, sees: Sees
    ) -> Sequence[Link]:
        """What trained a version of a model."""
        made = self._maker([project], (("model_version", f"{model}/{version}"),))
        if made is not None:
            return self._of_step(made[0], made[1].position, sees)
        found = store.version(version)
        return [person_link(found.created_by, f"{found.created_by} built it by hand", found.created_at)]

    def _activation(self, project: str, model: str, version: str, sees: Sees) -> list[Link]:
        """What made a version the active one after it was trained: a step or a person; nothing else."""
        made = self._maker([project], (("active_version", f"{model}/{version}"),))
        deed = self._found(
            "activate model version", f"project:{project}", {"model": model, "version": version}
        )
        if deed is not None and (made is None or (made[1].finished_at or "") < deed.at):
            shown = deed if sees.audit else None
            return [person_link(deed.who, f"{deed.who} made it active by hand", deed.at, shown)]
        if made is not None and made[1].kind == "activate_version":
            return self._of_step(made[0], made[1].position, sees)
        return []

    def _deed(self, sees: Sees, what: str, on: str, after: dict[str, Any]) -> Change | None:
        """What the audit has of a change, for who may see it."""
        return self._found(what, on, after) if sees.audit else None

    def _found(self, what: str, on: str, after: dict[str, Any]) -> Change | None:
        for change in self._catalog.audit.newest(_LOOKED_BACK, on=on):
            told = change.after
            if change.what == what and isinstance(told, dict) and after.items() <= told.items():
                return change
        return None

    def _id_of(self, key: str) -> str:
        try:
            return self._registry.project_id(key)
        except ScorelineError:
            return ""


def _decided(run: ScenarioRun, step: StepRun) -> bool:
    """Whether a step tells how its run ended: it has not succeeded, or it has reset a failure."""
    if step.outcome in (StepRunOutcome.SUCCESS, StepRunOutcome.SKIPPED):
        return run.definition.steps[step.position].reset_failure and step.started_at is not None
    return True


def _step_links(run: ScenarioRun, steps: Iterable[StepRun]) -> list[Link]:
    return [step_link(run, step) for step in {step.position: step for step in steps}.values()]


def _id(manifest: Manifest) -> str:
    return f"{manifest.service}/{manifest.version}"
