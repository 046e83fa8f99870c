"""Commands on infrastructures: pools of API nodes."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from scoreline.cli.arguments import InfrastructureArgument, complete_stages
from scoreline.cli.connection import connected
from scoreline.cli.console import AsJson, Yes, confirm, out, print_facts, print_json, print_table, say
from scoreline.errors import Invalid

if TYPE_CHECKING:
    from scoreline.client.client import Client
    from scoreline.wire.control import Infrastructure

StageOption = Annotated[
    str | None,
    typer.Option(
        "--stage",
        metavar="STAGE",
        help="Its stage of the lifecycle. A new one: Development.",
        autocompletion=complete_stages,
    ),
]
LocalNodes = Annotated[
    int | None,
    typer.Option("--local-nodes", metavar="N", help="Of kind local: how many nodes. A new one: 1."),
]
NodeOption = Annotated[
    list[str] | None,
    typer.Option("--node", metavar="URL", help="Of kind static: a node; may be given again."),
]
AdminKey = Annotated[
    list[str] | None,
    typer.Option(
        "--admin-key",
        metavar="REF",
        help="Where the key of a node's admin API is kept: env:NAME or file:/PATH of the control plane; -: "
        "the key itself, from standard input. One for each node in order, or one for all.",
    ),
]
PublicUrl = Annotated[
    str | None,
    typer.Option("--public-url", metavar="URL", help="Where clients reach it; empty for its nodes."),
]
ConnectionOption = Annotated[
    list[str] | None,
    typer.Option(
        "--connection",
        metavar="NAME=REF",
        help="A connection, and where its secret is kept, as for --admin-key; may be given again.",
    ),
]


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    group = typer.Typer(no_args_is_help=True, help="Infrastructures: pools of API nodes.")
    group.command("list")(list_infrastructures)
    group.command("show")(show)
    group.command("create")(create)
    group.command("change")(change)
    group.command("delete")(delete)
    group.command("nginx-config")(nginx_config)
    app.add_typer(group, name="infra")


@connected
def list_infrastructures(client: Client, as_json: AsJson = False) -> None:
    """List the infrastructures with their nodes."""
    found = client.infrastructures()
    if as_json:
        print_json(found)
    else:
        print_infrastructures(found)


@connected
def show(client: Client, infrastructure: InfrastructureArgument, as_json: AsJson = False) -> None:
    """Show one infrastructure: settings and nodes."""
    _show(client.infrastructure(infrastructure), as_json)


@connected
def create(
    client: Client,
    infrastructure: Annotated[str, typer.Argument(help="The id of the new infrastructure.")],
    kind: Annotated[
        str, typer.Option(metavar="KIND", help="local: nodes are started; static: they run elsewhere.")
    ] = "local",
    stage: StageOption = None,
    local_nodes: LocalNodes = None,
    node: NodeOption = None,
    admin_key: AdminKey = None,
    public_url: PublicUrl = None,
    connection: ConnectionOption = None,
    as_json: AsJson = False,
) -> None:
    """Make an infrastructure. Its nodes need not be up."""
    made = client.create_infrastructure(
        infrastructure,
        kind=kind,
        stage=stage or "Development",
        local_nodes=1 if local_nodes is None else local_nodes,
        nodes=_nodes(node, admin_key) or {},
        public_url=public_url or None,
        connections=_connections(connection),
    )
    _show(made, as_json)


@connected
def change(
    client: Client,
    infrastructure: InfrastructureArgument,
    stage: StageOption = None,
    local_nodes: LocalNodes = None,
    node: NodeOption = None,
    admin_key: AdminKey = None,
    public_url: PublicUrl = None,
    connection: ConnectionOption = None,
    as_json: AsJson = False,
) -> None:
    """Change what is given; the rest stays.

    Nodes, and connections, are replaced whole: name all that it is to have.
    """
    changed = client.change_infrastructure(
        infrastructure,
        stage=stage,
        local_nodes=local_nodes,
        nodes=_nodes(node, admin_key),
        public_url=public_url,
        connections=_connections(connection),
    )
    _show(changed, as_json)


@connected
def delete(
    client: Client, infrastructure: InfrastructureArgument, yes: Yes = False, as_json: AsJson = False
) -> None:
    """Delete an infrastructure without deployments.

    Local nodes end; static ones are left as they are.
    """
    found = client.infrastructure(infrastructure)
    confirm(f"delete infrastructure {found.id!r} with {len(found.nodes)} nodes", yes)
    client.delete_infrastructure(found.id)
    if as_json:
        print_json({"id": found.id})
    else:
        say(f"infrastructure {found.id!r} is deleted")


@connected
def nginx_config(
    client: Client,
    infrastructure: InfrastructureArgument,
    listen: Annotated[
        str | None, typer.Option(metavar="[ADDRESS:]PORT", help="Where nginx listens. Default: 8480.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Print an nginx configuration that stands before it.

    It goes into the http block, for example as /etc/nginx/conf.d/ID.conf.
    """
    configuration = client.nginx_config(infrastructure, listen=listen)
    if as_json:
        print_json({"infrastructure": infrastructure, "configuration": configuration})
    else:
        sys.stdout.write(configuration)


def print_infrastructures(found: Sequence[Infrastructure]) -> None:
    """One line for each node, and why those are not up that are not."""
    rows: list[tuple[str, ...]] = []
    for one in found:
        rows += [
            (one.id, one.stage, one.kind, node.id, node.url or "-", "up" if node.up else "down")
            for node in one.nodes
        ] or [(one.id, one.stage, one.kind, "-", "-", "-")]
    columns = ("infrastructure", "stage", "kind", "node", "url", "state")
    print_table(columns, rows, empty="no infrastructure yet; make one: scoreline infra create ID")
    for one in found:
        for node in one.nodes:
            if node.message:
                out.print(f"{one.id}, node {node.id}: {node.message}", markup=False)


def _show(found: Infrastructure, as_json: bool) -> None:
    if as_json:
        print_json(found)
        return
    facts: dict[str, Any] = {"infrastructure": found.id, "stage": found.stage, "kind": found.kind}
    facts["public URL"] = found.public_url or "-"
    facts.update({f"connection {name}": secret for name, secret in found.connections.items()})
    print_facts(facts)
    rows = [
        (node.id, node.url or "-", "up" if node.up else "down", node.admin_key or "-") for node in found.nodes
    ]
    print_table(("node", "url", "state", "admin key"), rows, empty="it has no nodes yet")
    for node in found.nodes:
        if node.message:
            out.print(f"node {node.id}: {node.message}", markup=False)


def _nodes(urls: list[str] | None, keys: list[str] | None) -> dict[str, str] | None:
    if not urls and not keys:
        return None
    if not urls or not keys or len(keys) not in (1, len(urls)):
        raise Invalid(
            "name each node with --node, and its key with --admin-key: one for all, or one for each"
        )
    given = [_secret(key) for key in keys]
    return dict(zip(urls, given * len(urls) if len(given) == 1 else given, strict=True))


def _connections(given: list[str] | None) -> dict[str, str] | None:
    if given is None:
        return None
    found = {}
    for text in given:
        name, equals, secret = text.partition("=")
        if not equals:
            raise Invalid(f"--connection {text[:40]!r}: write NAME=REF, such as bank=env:BANK_URL")
        found[name] = _secret(secret)
    return found


def _secret(given: str) -> str:
    """A reference as it is, or a secret from standard input: not from the command line, where others see it.

    Raises Invalid for anything else.
    """
    if given == "-":
        return sys.stdin.readline().strip()
    if given.startswith(("env:", "file:", "secret:")):
        return given
    raise Invalid(
        "a secret is not given on the command line, where others can read it; say where it is kept "
        "(env:NAME, file:/PATH), or give - and put it on standard input",
        code="secret-in-the-open",
    )
