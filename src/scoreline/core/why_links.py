"""Links of explanations: runs, steps, updates and versions, each said in a sentence with its evidence."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from scoreline.core.audit import Change
from scoreline.core.deployment import Deployment, Update, UpdateOutcome
from scoreline.core.model_version import ModelVersion, algorithm_name
from scoreline.core.package import Manifest, PublishedVersion
from scoreline.core.scenario_run import RunOutcome, ScenarioRun, StepRun, StepRunOutcome
from scoreline.core.scenario_step import RunChecksStep
from scoreline.core.why import Link

_LARGEST = 2_000
"""Of one output of a step, as JSON; larger ones are told by its run."""


def run_link(run: ScenarioRun) -> Link:
    """A run: how it ended."""
    if run.outcome is RunOutcome.RUNNING:
        return _run_link(run, "goes on", run.started_at)
    message = f": {run.message}" if run.message else ""
    return _run_link(run, f"ended {run.outcome.value}{message}", run.finished_at)


def began_link(run: ScenarioRun) -> Link:
    """A run: that it began."""
    return _run_link(run, "began", run.started_at)


def _run_link(run: ScenarioRun, fares: str, at: str | None) -> Link:
    return Link(
        kind="run",
        id=str(run.id),
        said=f"run {run.id} of {run.scenario} {fares}",
        at=at,
        path=f"/api/v1/runs/{run.id}",
        evidence={
            "project": run.project,
            "scenario": run.scenario,
            "outcome": run.outcome.value,
            "fire": msgspec.to_builtins(run.fire),
            "finished_at": run.finished_at,
        },
    )


def step_link(run: ScenarioRun, step: StepRun) -> Link:
    """A step of a run: how it ended, and why it ran or did not."""
    return Link(
        kind="step",
        id=f"{run.id}/{step.step}",
        said=f"step {step.step} of run {run.id} {_fared(step)}",
        at=step.finished_at or step.started_at,
        by=f"scenario {run.scenario} (run {run.id})",
        path=f"/api/v1/runs/{run.id}/log?step={step.step}",
        evidence={
            "kind": step.kind,
            "when": run.definition.steps[step.position].when,
            "why": step.why,
            "outcome": step.outcome.value,
            "attempt": step.attempt,
            **_found(run, step),
            "effects": msgspec.to_builtins(step.effects),
        },
    )


def not_reached(run: ScenarioRun, step: str) -> Link:
    """A step that a run has not come to."""
    over = run.outcome is not RunOutcome.RUNNING
    said = "was not reached" if over else "is not reached yet"
    return Link(
        kind="step",
        id=f"{run.id}/{step}",
        said=f"step {step} of run {run.id} {said}",
        path=f"/api/v1/runs/{run.id}",
    )


def trigger_link(run: ScenarioRun) -> Link:
    """What fired a run by itself."""
    fire = run.fire
    name = f"trigger {fire.name!r}" if fire.name else "its trigger"
    return Link(
        kind="trigger",
        id=fire.id,
        said=f"{name} ({fire.kind}) started run {run.id}: {fire.reason}",
        at=fire.due_at or run.started_at,
        evidence=msgspec.to_builtins(fire),
    )


def person_link(who: str, said: str, at: str | None, deed: Change | None = None) -> Link:
    """Somebody who did something by hand; `deed` is what the audit has of it."""
    evidence = {"key": deed.key, "address": deed.address, "audit": deed.id} if deed else {}
    return Link(kind="person", id=who, said=said, at=at, by=who, evidence=evidence)


def mapping_link(deployment: Deployment) -> Link:
    """What answers on a deployment."""
    live = deployment.live
    if live is None:
        said = f"nothing answers on {deployment.id}: no update of it has succeeded yet"
    elif not deployment.live_enabled:
        said = f"{live} is on {deployment.id}, which is disabled"
    else:
        said = f"{live} {'answers' if live.version else 'answer'} on {deployment.id}"
    return Link(
        kind="mapping",
        id=deployment.id,
        said=said,
        path=f"/api/v1/deployments/{deployment.id}",
        evidence={"live": msgspec.to_builtins(live), "enabled": deployment.live_enabled},
    )


def update_link(update: Update) -> Link:
    """An update of a deployment."""
    before = f" instead of {update.from_mapping}" if update.from_mapping else ""
    if update.outcome is UpdateOutcome.SUCCESS:
        said = f"update {update.id} ({update.kind.value}) brought {update.to_mapping} live{before}"
    else:
        said = f"update {update.id} to {update.to_mapping} ended {update.outcome.value}: {update.message}"
    return Link(
        kind="update",
        id=str(update.id),
        said=said,
        at=update.finished_at or update.started_at,
        by=update.by,
        path=f"/api/v1/deployments/{update.deployment}/updates/{update.id}",
        evidence={
            "kind": update.kind.value,
            "rolling": update.rolling,
            "enabled": update.enabled,
            "from": msgspec.to_builtins(update.from_mapping),
            "to": msgspec.to_builtins(update.to_mapping),
            "outcome": update.outcome.value,
            "started_at": update.started_at,
            "finished_at": update.finished_at,
        },
    )


def version_link(manifest: Manifest, published: PublishedVersion | None = None) -> Link:
    """A version of a service: what is frozen in it, and who made it."""
    service = published.service_id if published else manifest.service
    models = ", ".join(f"{name} {packaged.version}" for name, packaged in manifest.models.items())
    made = f"{service} {manifest.version} was made" + (f" of {models}" if models else "")
    told = f", and published by {published.by}" if published else ""
    evidence: dict[str, Any] = {
        "digest": manifest.digest,
        "created_by": manifest.created_by,
        "created_at": manifest.created_at,
        "release_notes": manifest.release_notes,
        "models": {
            name: {"version": packaged.version, "digest": packaged.digest}
            for name, packaged in manifest.models.items()
        },
        "lookups": {
            name: {"dataset": one.dataset, "rows": one.rows, "dataset_digest": one.dataset_digest}
            for name, one in manifest.lookups.items()
        },
    }
    path = ""
    if published is not None:
        evidence |= {"published_by": published.by, "published_at": published.at}
        path = f"/api/v1/services/{service}/versions/{manifest.version}"
    return Link(
        kind="version",
        id=f"{service}/{manifest.version}",
        said=made + told,
        at=manifest.created_at,
        by=manifest.created_by,
        path=path,
        evidence=evidence,
    )


def model_version_link(project: str, model: str, version: ModelVersion, *, active: bool = False) -> Link:
    """A version of a saved model: what it was trained on, and how good it is."""
    is_active = " is active; it" if active else ""
    measured = f"{version.metric} {version.metrics[version.metric]:.4g}"
    return Link(
        kind="model_version",
        id=f"{model}/{version.id}",
        said=f"version {version.id} of {model}{is_active} was trained on {version.data.rows.given} rows of "
        f"{version.data.dataset}: {algorithm_name(version.algorithm)}, {measured}",
        at=version.created_at,
        by=version.created_by,
        path=f"/api/v1/projects/{project}/models/{model}/versions/{version.id}",
        evidence={
            "digest": version.digest,
            "dataset": version.data.dataset,
            "data_digest": version.data.digest,
            "rows": msgspec.to_builtins(version.data.rows),
            "metrics": version.metrics,
            "algorithm": algorithm_name(version.algorithm),
            "seed": version.seed,
            "libraries": version.libraries,
        },
    )


def _fared(step: StepRun) -> str:
    told = f": {step.message}" if step.message else ""
    if step.outcome is StepRunOutcome.SKIPPED:
        return f"did not run: {step.why}"
    if not step.outcome.ended:
        return f"goes on{told}"
    since = f"; it ran since {step.why}" if step.why and step.started_at else ""
    return f"ended {step.outcome.value}{told}{since}"


def _found(run: ScenarioRun, step: StepRun) -> Mapping[str, Any]:
    """What a step has given; of checks, those that are not OK."""
    if isinstance(run.definition.steps[step.position], RunChecksStep):
        wrong = [one for one in step.outputs.get("results", ()) if one["outcome"] != "OK"]
        kept = {name: step.outputs[name] for name in ("store", "evaluation") if name in step.outputs}
        return {"outputs": {**kept, "checks": wrong}}
    small = {
        name: value
        for name, value in step.outputs.items()
        if len(msgspec.json.encode(value, enc_hook=str)) <= _LARGEST
    }
    return {"outputs": small}
