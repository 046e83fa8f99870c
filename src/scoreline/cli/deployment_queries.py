"""Commands that ask the endpoints of a deployment, or tell how others do."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from scoreline.cli.arguments import DeploymentArgument, EndpointArgument, complete_endpoints
from scoreline.cli.connection import connected
from scoreline.cli.console import AsJson, out, print_json, say
from scoreline.cli.deployment_view import print_traffic
from scoreline.cli.test_queries import print_test_queries
from scoreline.errors import Invalid

if TYPE_CHECKING:
    from scoreline.client.client import Client


def register(app: typer.Typer, group: typer.Typer) -> None:
    """Add the commands of this module, also to the group `deployment`."""
    app.command("query")(query)
    group.command("test")(ask_test_queries)
    group.command("traffic")(traffic)
    group.command("urls")(urls)
    group.command("sample-code")(sample_code)
    group.command("openapi")(openapi)


@connected
def query(
    client: Client,
    deployment: DeploymentArgument,
    endpoint: EndpointArgument,
    record: Annotated[
        str,
        typer.Argument(
            metavar="JSON|@FILE|-",
            help="The record, or the whole query such as {features: …}; from a file, or standard input.",
        ),
    ],
    action: Annotated[
        str | None,
        typer.Option(
            metavar="ACTION", help="predict, lookup, predict-multi, … Default: by the endpoint's kind."
        ),
    ] = None,
    service_key: Annotated[
        str | None,
        typer.Option(
            "--service-key",
            metavar="KEY|@FILE",
            help="Of a service that is not public: its key, or a file that holds it.",
        ),
    ] = None,
    every_node: Annotated[
        bool, typer.Option("--every-node", help="Ask every node, through the control plane.")
    ] = False,
    as_json: AsJson = False,  # noqa: ARG001 the answer is JSON always
) -> None:
    """Ask an endpoint and print its whole answer as JSON."""
    given = _object(record)
    whole = action is not None or any(isinstance(given.get(name), dict) for name in ("features", "data"))
    if every_node:
        kinds = {one.id: one.kind for one in client.deployment(deployment).endpoints}
        body = given if whole else {"data" if kinds.get(endpoint) == "lookup" else "features": given}
        print_json(client.ask(deployment, [body], endpoint=endpoint, every_node=True))
        return
    key = service_key
    if key is not None and key.startswith("@"):
        key = _read(key[1:]).decode().strip()
    if whole:
        print_json(client.query(deployment, endpoint, action=action, body=given, service_key=key))
    else:
        print_json(client.query(deployment, endpoint, given, service_key=key))


@connected
def ask_test_queries(
    client: Client,
    deployment: DeploymentArgument,
    endpoint: Annotated[
        str | None,
        typer.Option(metavar="ID", help="Only of this endpoint.", autocompletion=complete_endpoints),
    ] = None,
    details: Annotated[bool, typer.Option("--details", help="Print whole answers.")] = False,
    as_json: AsJson = False,
) -> None:
    """Ask every node its test queries; exit code 1 if one fails."""
    answers = client.run_test_queries(deployment).answers
    rows = [one for one in answers if endpoint is None or one.endpoint == endpoint]
    if as_json:
        print_json(rows)
    else:
        print_test_queries(rows, details, None)
    if not all(row.passed for row in rows):
        raise typer.Exit(1)


@connected
def traffic(client: Client, deployment: DeploymentArgument, as_json: AsJson = False) -> None:
    """Show how many queries it answered lately, and how fast."""
    found = client.traffic(deployment)
    if as_json:
        print_json(found)
    else:
        print_traffic(found)


@connected
def urls(client: Client, deployment: DeploymentArgument, as_json: AsJson = False) -> None:
    """Show where its endpoints answer."""
    found = client.urls(deployment)
    if as_json:
        print_json(found)
        return
    if not found:
        say(f"{deployment} has no version yet; update it to one")
    width = max((len(endpoint) for endpoint in found), default=0)
    for endpoint, listed in found.items():
        for url in listed:
            out.print(f"{endpoint:<{width}}  {url}", markup=False)


@connected
def sample_code(
    client: Client,
    deployment: DeploymentArgument,
    endpoint: EndpointArgument,
    language: Annotated[
        str,
        typer.Option(
            metavar="LANGUAGE",
            help="shell, python, r, java or javascript.",
            autocompletion=lambda: ["shell", "python", "r", "java", "javascript"],
        ),
    ] = "shell",
    as_json: AsJson = False,
) -> None:
    """Print a program that asks an endpoint."""
    code = client.sample_code(deployment, endpoint, language)
    if as_json:
        print_json({"language": language, "code": code})
    else:
        sys.stdout.write(code)


@connected
def openapi(
    client: Client,
    deployment: DeploymentArgument,
    as_json: AsJson = False,  # noqa: ARG001 it is JSON always
) -> None:
    """Print its OpenAPI description; it is JSON always."""
    print_json(client.openapi(deployment))


def _object(text: str) -> dict[str, Any]:
    import msgspec

    if text == "-":
        raw = sys.stdin.buffer.read()
    elif text.startswith("@"):
        raw = _read(text[1:])
    else:
        raw = text.encode()
    try:
        return msgspec.json.decode(raw, type=dict[str, Any])
    except msgspec.MsgspecError as error:
        raise Invalid(f"the record must be a JSON object: {error}", code="bad-json") from error


def _read(path: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise Invalid(f"{path!r} cannot be read: {error.strerror}") from error
