"""Parts of scenarios in words: what a step does and when, what starts a scenario, who is told."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from scoreline.ui.part_fields import scalar_text

_WHEN = {
    "no_failure": "",
    "some_failure": "if something before it has failed",
    "always": "always",
    "never": "never",
}
_MESSAGES = {
    "mail": "a mail",
    "webhook": "a webhook",
    "slack": "a message in Slack",
    "teams": "a card in Teams",
}
_LONGEST = 110


def does(part: Mapping[str, Any]) -> str:
    """What a step, a trigger or a reporter does, in one line."""
    text = " ".join(_does(part).split())
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def condition(part: Mapping[str, Any]) -> str:
    """When a step runs, where it says so; empty: when nothing before it has failed."""
    when = str(part.get("when", "no_failure"))
    return _WHEN.get(when, f"if {when}")


def _does(part: Mapping[str, Any]) -> str:
    match part.get("kind", "reporter"):
        case "build":
            items = ", ".join(part["items"]) or "the whole flow"
            return items + (", even what is up to date" if part["force"] else "")
        case "train":
            return str(part["model"])
        case "evaluate":
            return f"into {part['store']}"
        case "compute_metrics":
            return f"of {part['dataset']}"
        case "run_checks":
            return f"of {part['store']} on {part['evaluation'] or 'its newest evaluation'}"
        case "activate_version":
            return f"version {part['version']} of {part['model']}"
        case "create_version":
            return _version(part)
        case "update_deployment":
            return f"{part['deployment']} to {part['version']}, {part['update']} update"
        case "set_mapping":
            shares = ", ".join(f"{one['version']} {one['share']}" for one in part["shares"])
            return f"{part['deployment']}: {shares}"
        case "run_test_queries":
            return f"of {part['deployment']}" + (f", endpoint {part['endpoint']}" if part["endpoint"] else "")
        case "sql" | "sql_changed":
            return str(part["query"])
        case "python":
            return str(part["file"] or part["code"] or "")
        case "set_variables":
            given = ", ".join(f"{name} = {scalar_text(value)}" for name, value in part["variables"].items())
            return given + (" of the project" if part["scope"] == "project" else "")
        case "run_scenario" | "stop_scenario":
            return str(part["scenario"])
        case "approval":
            return str(part["text"])
        case "message":
            return _message(part["message"])
        case "time":
            return f"{part['cron']} ({part['zone']})"
        case "dataset_changed":
            return ", ".join(part["datasets"])
        case "after_scenario":
            return f"{part['scenario']}: {', '.join(part['outcomes'])}"
        case "webhook":
            return "its URL is posted to"
        case "reporter":
            return _message(part["message"])
    return ""


def _version(part: Mapping[str, Any]) -> str:
    named = part["version"] or "the next version"
    told = f"{named} of {part['service']}"
    told += f", its id in ${{{part['variable']}}}" if part["variable"] else ""
    return told + ("" if part["publish"] else ", not published")


def _message(message: Mapping[str, Any]) -> str:
    sent = _MESSAGES.get(str(message["kind"]), "a message")
    to = ", ".join(message.get("to") or ()) or str(message.get("url", ""))
    return f"{sent} to {to}"
