"""Where the pages are of what a run has made, and of what it was because of."""

from __future__ import annotations

from urllib.parse import urlsplit

from scoreline.core.scenario_run import Effect
from scoreline.core.why import Link
from scoreline.ui.api import path_to
from scoreline.wire.control_scenarios import RunOfStep

_PREFIX = "/api/v1"


def effect_url(project: str, step: RunOfStep, effect: Effect) -> str:
    """The page of what a step has made."""
    name, _, part = effect.target.partition("/")
    match effect.kind:
        case "model_version" | "active_version":
            return path_to("projects", project, "models", name, "versions", part)
        case "evaluation":
            return path_to("projects", project, "evaluation-stores", name, "evaluations", part)
        case "version":
            return path_to("projects", project, "services", name, "versions")
        case "published":
            return path_to("deployer", "services", name, "versions", part)
        case "update":
            deployment = str(step.outputs.get("deployment") or step.inputs.get("deployment") or "")
            return path_to("deployer", "deployments", deployment, "updates", name) if deployment else ""
        case "run":
            return path_to("runs", name)


def link_url(link: Link) -> str:
    """The page that tells what the control API tells at the path of a link; empty: there is none."""
    if not link.path:
        return ""
    path = urlsplit(link.path).path.removeprefix(_PREFIX)
    kind = path.split("/")[1] if path.startswith("/") else ""
    match kind:
        case "runs":
            return path.removesuffix("/log")
        case "deployments" | "services":
            return f"/deployer{path}"
        case "projects":
            return path if "/services/" not in path else path.rpartition("/versions/")[0] + "/versions"
        case _:
            return ""
