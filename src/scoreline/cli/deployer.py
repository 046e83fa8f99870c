"""Commands on the deployer: publish, deploy, update, query, and see how it does."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from scoreline.cli import control_plane
from scoreline.cli.console import AsJson, out, print_facts, print_json, print_table, say
from scoreline.cli.project_option import ProjectOption, find_project
from scoreline.errors import Invalid

if TYPE_CHECKING:
    from scoreline.client.client import Client
    from scoreline.core.deployment import Update
    from scoreline.wire.control import Deployment

ServerOption = Annotated[
    str | None,
    typer.Option("--server", metavar="URL", help="The control plane. Default: the one on this machine."),
]
KeyOption = Annotated[str | None, typer.Option("--key", help="The key for that control plane.")]
HomeOption = control_plane.HomeOption

_DEPLOYMENTS_EMPTY = "no deployment yet; make one: scoreline deploy SERVICE VERSION"


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    control_plane.register(app)
    app.command("status")(status)
    app.command("publish")(publish)
    app.command("deploy")(deploy)
    app.command("update")(update)
    app.command("query")(query)
    services = typer.Typer(no_args_is_help=True, help="Published services: list.")
    services.command("list")(list_services)
    app.add_typer(services, name="service")
    deployments = typer.Typer(no_args_is_help=True, help="Deployments: list, show, history.")
    deployments.command("list")(list_deployments)
    deployments.command("show")(show)
    deployments.command("history")(history)
    app.add_typer(deployments, name="deployment")


def status(
    server: ServerOption = None, key: KeyOption = None, home: HomeOption = None, as_json: AsJson = False
) -> None:
    """Show the control plane, its nodes and its deployments."""
    with _client(server, key, home) as client:
        found = client.status()
    if as_json:
        print_json(found)
        return
    print_facts({"control plane": found.url, "version": found.version, "process": found.pid})
    nodes = [
        (one.id, one.stage, node.id, node.url or "-", "up" if node.up else node.message)
        for one in found.infrastructures
        for node in one.nodes
    ]
    print_table(("infrastructure", "stage", "node", "url", "state"), nodes, empty="no infrastructure")
    _print_deployments(found.deployments)


def publish(
    service: Annotated[str | None, typer.Argument(help="Which service of the project.")] = None,
    version: Annotated[str | None, typer.Argument(help="Which version. Default: the newest one.")] = None,
    file: Annotated[Path | None, typer.Option("--file", help="A package file instead.")] = None,
    project: ProjectOption = None,
    server: ServerOption = None,
    key: KeyOption = None,
    home: HomeOption = None,
    as_json: AsJson = False,
) -> None:
    """Publish a version of a service on the deployer. Doing it again changes nothing."""
    if (file is None) == (service is None):
        raise Invalid("name a service of the project, or a package with --file")
    archive = file if file is not None else _package(find_project(project), service or "", version)
    with _client(server, key, home) as client:
        published = client.publish(archive)
        deployed = [one.id for one in client.deployments() if one.service == published.service]
    if as_json:
        print_json(published)
        return
    say(f"{published.service} {published.version} is published ({published.size} bytes, {published.digest})")
    command = f"update {deployed[0]}" if deployed else f"deploy {published.service}"
    say(f"next: scoreline {command} {published.version}")


def deploy(
    service: Annotated[str, typer.Argument(help="A published service.")],
    version: Annotated[str, typer.Argument(help="One of its published versions.")],
    infrastructure: Annotated[str, typer.Option("--infra", help="Where to.")] = "local",
    id_: Annotated[str | None, typer.Option("--id", help="Default: SERVICE-on-INFRA.")] = None,
    server: ServerOption = None,
    key: KeyOption = None,
    home: HomeOption = None,
    as_json: AsJson = False,
) -> None:
    """Deploy a published version as a new deployment, and wait until it answers."""
    with _client(server, key, home) as client:
        update_ = client.deploy(service, version, infrastructure=infrastructure, id=id_, progress=say)
        _print_updated(client, update_, as_json)


def update(
    deployment: Annotated[str, typer.Argument(help="Which deployment.")],
    version: Annotated[str, typer.Argument(help="A published version of its service.")],
    server: ServerOption = None,
    key: KeyOption = None,
    home: HomeOption = None,
    as_json: AsJson = False,
) -> None:
    """Bring a deployment to another version, and wait until that answers. No query is lost on the way."""
    with _client(server, key, home) as client:
        _print_updated(client, client.update(deployment, version, progress=say), as_json)


def query(
    deployment: Annotated[str, typer.Argument(help="Which deployment.")],
    endpoint: Annotated[str, typer.Argument(help="Which of its endpoints.")],
    record: Annotated[
        str,
        typer.Argument(
            metavar="JSON|@FILE|-",
            help="The record, or the whole query such as {features: …}; from a file, or standard input.",
        ),
    ],
    action: Annotated[
        str | None, typer.Option(help="predict, lookup, predict-multi, … Default: by the endpoint's kind.")
    ] = None,
    server: ServerOption = None,
    key: KeyOption = None,
    home: HomeOption = None,
) -> None:
    """Ask an endpoint of a deployment and print the whole answer as JSON."""
    given = _object(record)
    whole = action is not None or any(isinstance(given.get(name), dict) for name in ("features", "data"))
    with _client(server, key, home) as client:
        if whole:
            print_json(client.query(deployment, endpoint, action=action, body=given))
        else:
            print_json(client.query(deployment, endpoint, given))


def list_services(
    server: ServerOption = None, key: KeyOption = None, home: HomeOption = None, as_json: AsJson = False
) -> None:
    """List the published services and their versions."""
    with _client(server, key, home) as client:
        found = client.services()
    if as_json:
        print_json(found)
        return
    rows = [
        (one.service, one.version, one.digest[:12], one.size, one.published_by, one.published_at)
        for service in found
        for one in service.versions
    ]
    columns = ("service", "version", "digest", "bytes", "published by", "at")
    print_table(columns, rows, empty="nothing is published yet; begin with: scoreline publish SERVICE")


def list_deployments(
    server: ServerOption = None, key: KeyOption = None, home: HomeOption = None, as_json: AsJson = False
) -> None:
    """List the deployments with their health."""
    with _client(server, key, home) as client:
        found = client.deployments()
    if as_json:
        print_json(found)
    else:
        _print_deployments(found)


def show(
    deployment: Annotated[str, typer.Argument(help="Which deployment.")],
    server: ServerOption = None,
    key: KeyOption = None,
    home: HomeOption = None,
    as_json: AsJson = False,
) -> None:
    """Show one deployment: what is wanted, what answers, and one URL per endpoint."""
    with _client(server, key, home) as client:
        found = client.deployment(deployment)
    if as_json:
        print_json(found)
    else:
        _print_deployment(found)


def history(
    deployment: Annotated[str, typer.Argument(help="Which deployment.")],
    server: ServerOption = None,
    key: KeyOption = None,
    home: HomeOption = None,
    as_json: AsJson = False,
) -> None:
    """Show the updates of a deployment, newest first: who, when, from, to, how long, how it ended."""
    with _client(server, key, home) as client:
        found = client.updates(deployment)
    if as_json:
        print_json(found)
        return
    rows = [
        (
            one.id,
            one.by,
            one.started_at,
            one.from_version or "-",
            one.to_version,
            _how_long(one),
            one.outcome.value,
            one.message,
        )
        for one in found
    ]
    columns = ("update", "by", "started", "from", "to", "seconds", "outcome", "why")
    print_table(columns, rows, empty="no update yet")


def _client(server: str | None, key: str | None, home: Path | None) -> Client:
    from scoreline.client.client import Client

    return Client(server, key, home=home)


def _package(folder: Path, service: str, version: str | None) -> Path:
    from scoreline.studio.project_folder import ProjectFolder

    return ProjectFolder(folder).package(service, version)


def _object(text: str) -> dict[str, Any]:
    import msgspec

    if text == "-":
        raw = sys.stdin.buffer.read()
    elif text.startswith("@"):
        try:
            raw = Path(text[1:]).read_bytes()
        except OSError as error:
            raise Invalid(f"{text[1:]!r} cannot be read: {error.strerror}") from error
    else:
        raw = text.encode()
    try:
        return msgspec.json.decode(raw, type=dict[str, Any])
    except msgspec.MsgspecError as error:
        raise Invalid(f"the record must be a JSON object: {error}", code="bad-json") from error


def _print_updated(client: Client, update_: Update, as_json: bool) -> None:
    if as_json:
        print_json(update_)
        return
    say(f"{update_.deployment} answers with {update_.to_version} ({_how_long(update_)} s)")
    _print_deployment(client.deployment(update_.deployment))


def _print_deployments(found: tuple[Deployment, ...]) -> None:
    rows = [
        (
            one.id,
            one.service,
            one.version or "-",
            one.infrastructure,
            one.health.value,
            "; ".join(one.messages),
        )
        for one in found
    ]
    columns = ("deployment", "service", "version", "infrastructure", "health", "messages")
    print_table(columns, rows, empty=_DEPLOYMENTS_EMPTY)


def _print_deployment(found: Deployment) -> None:
    facts: dict[str, object] = {
        "deployment": found.id,
        "service": found.service,
        "version": found.version or "-",
        "infrastructure": found.infrastructure,
        "health": found.health.value,
    }
    facts.update({f"node {node}": version or "-" for node, version in found.serving.items()})
    print_facts(facts)
    for message in found.messages:
        say(message)
    for endpoint in found.endpoints:
        for url in endpoint.urls:
            out.print(f"{url}/{'lookup' if endpoint.kind == 'lookup' else 'predict'}", markup=False)


def _how_long(update_: Update) -> str:
    from datetime import datetime

    if update_.finished_at is None:
        return "-"
    took = datetime.fromisoformat(update_.finished_at) - datetime.fromisoformat(update_.started_at)
    return f"{took.total_seconds():.1f}"
