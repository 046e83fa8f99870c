"""Writes the generated parts of docs/: the tables of keys, settings and commands, from the code itself.

    python scripts/reference.py           write them anew
    python scripts/reference.py --check   fail when a page is not current

A generated part stands between `<!-- generated: NAME -->` and `<!-- end -->`.
"""

from __future__ import annotations

import ast
import inspect
import re
import sys
import textwrap
import types
import typing
from collections.abc import Callable, Iterator
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
import typer

from scoreline import settings
from scoreline.cli.main import make_app
from scoreline.core import (
    dataset,
    declared,
    drift,
    evaluation_check,
    lookup,
    message,
    model,
    package,
    project,
    recipe,
    scenario,
    scenario_outputs,
    scenario_step,
    scenario_trigger,
    schema,
    service,
    service_key,
)
from scoreline.node.__main__ import make_parser
from scoreline.rest.application import make_application

DOCS = Path(__file__).parent.parent / "docs"
_PART = re.compile(r"<!-- generated: ([a-z-]+) -->\n.*?<!-- end -->", re.DOTALL)


def project_format() -> str:
    """Every key of every kind of definition."""
    kinds: list[tuple[str, tuple[type[msgspec.Struct], ...]]] = [
        ("`project.yaml`", (project.ProjectSettings,)),
        ("`connections/<id>.yaml`", (project.Connection,)),
        ("`datasets/<id>.yaml`", typing.get_args(dataset.Dataset)),
        ("`recipes/<id>.yaml`", typing.get_args(recipe.Recipe)),
        ("`models/<id>.yaml`", (model.SavedModel,)),
        ("`evaluation-stores/<id>.yaml`", (project.EvaluationStore,)),
        ("`services/<id>.yaml`", (service.Service,)),
        ("`scenarios/<id>.yaml`", (scenario.Scenario,)),
    ]
    parts = []
    for heading, structs in kinds:
        parts.append(f"## {heading}\n")
        parts.extend(_section(struct) for struct in structs)
    parts.append("## Parts used above\n")
    parts.extend(_section(struct, "endpoint") for struct in typing.get_args(service.Endpoint))
    shared = (service.TestQuery, service_key.ServiceKey, lookup.Lookup, lookup.LookupKey, lookup.LookupColumn)
    parts.extend(_section(struct) for struct in shared)
    smaller = (
        schema.Column,
        recipe.SplitPart,
        model.FeatureHandling,
        model.Threshold,
        drift.DriftSettings,
        evaluation_check.EvaluationCheck,
    )
    parts.extend(_section(struct) for struct in smaller)
    parts.extend(_section(struct, "algorithm") for struct in typing.get_args(model.Algorithm))
    parts.extend(_scenario_parts())
    return "\n".join(parts)


def _scenario_parts() -> Iterator[str]:
    """Triggers, steps, reporters and messages; what all of a kind have comes once."""
    for family, union in (("trigger", scenario_trigger.Trigger), ("step", scenario_step.Step)):
        kinds = typing.get_args(union)
        base = kinds[0].__mro__[1]
        yield _section(base, title=f"every {family}")
        for struct in kinds:
            yield _section(struct, family, without=base) + _outputs(str(struct.__struct_config__.tag))
    yield _section(scenario_step.Share)
    yield _section(scenario.Reporter)
    yield from (_section(struct, "message") for struct in typing.get_args(message.Message))


def declared_deployments() -> str:
    """Every key of a file of declared deployments."""
    parts = (
        declared.Declared,
        declared.DeclaredStage,
        declared.DeclaredInfrastructure,
        declared.DeclaredNode,
        declared.DeclaredDeployment,
    )
    return "\n".join(_section(struct) for struct in parts)


def package_format() -> str:
    """Every key of a package's manifest."""
    structs = (package.Manifest, package.PackagedModel, package.PackagedLookup, package.FileEntry)
    return "\n".join(_section(struct) for struct in structs)


def commands() -> str:
    """Every command with its arguments and options, as `--help` tells them."""
    return "\n".join(_command(name, command) for name, command in walk_commands())


class _Nothing:
    """Stands for every part of a control plane: routes are only listed, not asked."""

    def __getattr__(self, _name: str) -> _Nothing:
        return self


def control_routes() -> str:
    """Every route of the control API, from its OpenAPI description."""
    nothing: Any = _Nothing()
    app = make_application(*[nothing] * 4, version="0", url="", max_package_bytes=1, upload_idle_seconds=1)
    lines = ["| method | path | what |", "|---|---|---|"]
    for path, methods in app.openapi()["paths"].items():
        for method, said in methods.items():
            lines.append(f"| {method.upper()} | `{path}` | {_paragraph(said['description'])} |")
    return "\n".join(lines)


def walk_commands() -> Iterator[tuple[str, Any]]:
    """Every command that does something, by its full name (`scoreline version create`)."""
    yield from _walk("scoreline", typer.main.get_command(make_app()))


PARTS: dict[str, Callable[[], str]] = {
    "project-format": project_format,
    "package-format": package_format,
    "declared-deployments": declared_deployments,
    "settings": settings.reference,
    "commands": commands,
    "control-routes": control_routes,
}


def render(text: str) -> str:
    """A page with its generated parts made anew."""

    def fill(match: re.Match[str]) -> str:
        return f"<!-- generated: {match[1]} -->\n\n{PARTS[match[1]]().strip()}\n\n<!-- end -->"

    return _PART.sub(fill, text)


def stale_pages() -> list[Path]:
    """Pages whose generated parts differ from what the code says."""
    return [page for page in sorted(DOCS.rglob("*.md")) if render(page.read_text()) != page.read_text()]


def _outputs(kind: str) -> str:
    """What conditions and texts may name of a step, as `steps.ID.output.NAME`."""
    names = sorted(scenario_outputs.OUTPUTS.get(kind, ()))
    return f"\nOutputs: {', '.join(f'`{name}`' for name in names)}.\n" if names else ""


def _section(
    struct: type[msgspec.Struct],
    family: str = "",
    *,
    title: str = "",
    without: type[msgspec.Struct] = msgspec.Struct,
) -> str:
    """The table of a struct's fields, but for those of the struct `without`, which it is made from."""
    tag = struct.__struct_config__.tag
    title = title or (f"{family} `kind: {tag}`".strip() if tag else _words(struct.__name__))
    lines = [f"### {title}\n", _paragraph(struct.__doc__ or ""), ""]
    left_out = getattr(without, "__struct_fields__", ())
    fields = [field for field in msgspec.structs.fields(struct) if field.name not in left_out]
    if fields:
        lines += ["| key | value | default | meaning |", "|---|---|---|---|"]
    hints = typing.get_type_hints(struct, include_extras=True)
    meanings = _meanings(struct)
    for field in fields:
        said = meanings.get(field.name, "")
        row = (f"`{field.encode_name}`", _type(hints[field.name]), _default(field), said)
        lines.append("| " + " | ".join(row) + " |")
    return "\n".join(lines) + "\n"


def _meanings(struct: type[msgspec.Struct]) -> dict[str, str]:
    """The text that follows each field in the source."""
    source = ast.parse(textwrap.dedent(inspect.getsource(struct))).body[0]
    assert isinstance(source, ast.ClassDef)
    found = {}
    for statement, following in zip(source.body, source.body[1:], strict=False):
        if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
            match following:
                case ast.Expr(value=ast.Constant(value=str(text))):
                    found[statement.target.id] = _paragraph(text).replace("|", "\\|")
    return found


def _default(field: msgspec.structs.FieldInfo) -> str:
    if field.required:
        return "required"
    if field.default_factory is not msgspec.NODEFAULT:
        return "empty"
    value = field.default
    if value is None:
        return "none"
    if isinstance(value, msgspec.Struct):
        return "as below"
    if value in ("", ()):
        return "empty"
    if isinstance(value, tuple):
        return ", ".join(f"`{one}`" for one in value)
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def _type(hint: Any) -> str:
    """A type in words."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is Annotated:
        return _type(arguments[0]) + _limits(arguments[1])
    if origin is Literal:
        return " \\| ".join(f"`{value}`" for value in arguments)
    if origin in (typing.Union, types.UnionType):
        named = [argument for argument in arguments if argument is not type(None)]
        if all(_is_tagged(argument) for argument in named):
            return "mapping with `kind`: " + ", ".join(
                f"`{argument.__struct_config__.tag}`" for argument in named
            )
        return " or ".join(dict.fromkeys(_type(argument) for argument in named))
    if origin is tuple:
        return f"list of {_type(arguments[0])}"
    if origin is dict:
        return f"mapping of text to {_type(arguments[1])}"
    if isinstance(hint, type) and issubclass(hint, Enum):
        return " \\| ".join(f"`{member.value}`" for member in hint)
    if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
        return _words(hint.__name__)
    return {str: "text", int: "whole number", float: "number", bool: "true or false", Any: "anything"}[hint]


def _is_tagged(hint: Any) -> bool:
    return isinstance(hint, type) and issubclass(hint, msgspec.Struct) and bool(hint.__struct_config__.tag)


def _limits(meta: msgspec.Meta) -> str:
    pairs = (("from", meta.ge), ("above", meta.gt), ("to", meta.le), ("below", meta.lt))
    return "".join(f" {word} {value}" for word, value in pairs if value is not None)


def _words(name: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).lower()


def _paragraph(text: str) -> str:
    return re.sub(r"\bNone:", "Left out:", " ".join(inspect.cleandoc(text).split()))


def _walk(name: str, command: Any) -> Iterator[tuple[str, Any]]:
    children = getattr(command, "commands", None)
    if not children:
        yield name, command
        return
    for child in sorted(children):
        yield from _walk(f"{name} {child}", children[child])


def _command(name: str, command: Any) -> str:
    arguments = [p for p in command.params if p.param_type_name == "argument"]
    options = [p for p in command.params if p.param_type_name == "option" and p.name != "help"]
    usage = " ".join(
        [name, *(_argument(argument) for argument in arguments), *(["[OPTIONS]"] if options else [])]
    )
    lines = [f"### `{name}`\n", inspect.cleandoc(command.help or ""), "", f"    {usage}", ""]
    if name == "scoreline node":
        lines[-2] = f"    {name} --data FOLDER [OPTIONS]"
    rows = _node_options() if name == "scoreline node" else []
    rows += [(f"`{(p.metavar or p.name).strip('[]').upper()}`", p.help or "") for p in arguments]
    rows += [(_option(option), _meaning(option)) for option in options]
    if rows:
        lines += ["| | |", "|---|---|"]
        lines += [f"| {shown} | {_paragraph(text).replace('|', chr(92) + '|')} |" for shown, text in rows]
    return "\n".join(lines) + "\n"


def _node_options() -> list[tuple[str, str]]:
    """A node reads its options itself, so that it starts without what the command line needs."""
    shown = []
    for action in make_parser()._actions:
        if action.dest != "help":
            names = ", ".join(f"`{name}`" for name in action.option_strings)
            said = action.help or ""
            shown.append((f"{names} {action.metavar or ''}".strip(), f"{said[:1].upper()}{said[1:]}."))
    return shown


def _option(option: Any) -> str:
    names = ", ".join(f"`{name}`" for name in [*option.opts, *option.secondary_opts])
    return names if option.is_flag else f"{names} {option.metavar or option.name.strip('_').upper()}"


def _meaning(option: Any) -> str:
    annotation = option.type_descriptor.annotation
    choices = typing.get_args(annotation) if typing.get_origin(annotation) is Literal else ()
    one_of = f"One of: {', '.join(f'`{choice}`' for choice in choices)}." if choices else ""
    default = "" if option.default in (None, False, "") or option.is_flag else f"Default: `{option.default}`."
    return " ".join(part for part in (option.help, one_of, default) if part)


def _argument(argument: Any) -> str:
    shown = (argument.metavar or argument.name).strip("[]").upper() + ("..." if argument.nargs == -1 else "")
    return shown if argument.required else f"[{shown}]"


def main(arguments: list[str]) -> int:
    """Write or check the pages."""
    if "--check" in arguments:
        stale = stale_pages()
        for page in stale:
            sys.stderr.write(f"{page} is not current: run python scripts/reference.py\n")
        return 1 if stale else 0
    for page in stale_pages():
        page.write_text(render(page.read_text()))
        sys.stderr.write(f"wrote {page}\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
