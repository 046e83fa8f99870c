"""How commands reach a control plane: three options, declared once for all of them, and the client."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from scoreline.client.client import Client

HomeOption = Annotated[
    Path | None,
    typer.Option("--home", metavar="FOLDER", help="Folder of the control plane. Default: ~/.scoreline."),
]
ServerOption = Annotated[
    str | None,
    typer.Option("--server", metavar="URL", help="The control plane. Default: the one on this machine."),
]
_KeyOption = Annotated[
    str | None, typer.Option("--key", metavar="KEY", help="The key for that control plane.")
]
_OPTIONS = {"server": ServerOption, "key": _KeyOption, "home": HomeOption}


def connectable(command: Callable[..., None]) -> Callable[..., None]:
    """A command whose first parameter makes the client, by the options that all such commands have.

    They are `--server`, `--key` and `--home`, and stand before `--json`.
    """
    # `Client` is imported when a command runs, so that `scoreline --help` answers at once.
    signature = inspect.signature(command, eval_str=True, locals={"Client": object})
    own = list(signature.parameters.values())[1:]

    @functools.wraps(command)
    def run(**given: Any) -> None:
        command(functools.partial(open_client, *(given.pop(name) for name in _OPTIONS)), **given)

    options = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=annotation)
        for name, annotation in _OPTIONS.items()
    ]
    last = [parameter for parameter in own if parameter.name == "as_json"]
    parameters = [parameter for parameter in own if parameter not in last] + options + last
    named = [one.replace(kind=inspect.Parameter.KEYWORD_ONLY) for one in parameters]
    run.__signature__ = inspect.Signature(named)  # type: ignore[attr-defined]
    run.__annotations__ = {one.name: one.annotation for one in named}
    return run


def connected(command: Callable[..., None]) -> Callable[..., None]:
    """A command whose first parameter is a client, made as for `connectable` and closed at the end."""

    @functools.wraps(command)
    def run(connect: Callable[[], Client], **given: Any) -> None:
        with connect() as client:
            command(client, **given)

    return connectable(run)


def options_given(parameters: Mapping[str, Any]) -> tuple[Any, Any, Any]:
    """What the options say, among the parameters of a command line that is being completed."""
    server, key, home = (parameters.get(name) for name in _OPTIONS)
    return server, key, home


def open_client(
    server: str | None = None, key: str | None = None, home: Path | None = None, *, timeout: float = 30.0
) -> Client:
    """The client for what the options say. Raises as `Client` does."""
    from scoreline.client.client import Client

    return Client(server, key, home=home, timeout=timeout)
