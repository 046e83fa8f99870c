"""Settings: one table of names, defaults and meanings, and the one place where they are read.

A value comes from the flag of a command, else from the environment (`SCORELINE_<NAME>`), else from
`config.toml` in the home folder, else from the default. Nothing else in Scoreline reads the environment
but references to secrets (`env:NAME`), through `process_environment`.
"""

from __future__ import annotations

import difflib
import os
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from scoreline.errors import Invalid

CONFIG_FILE = "config.toml"
_PREFIX = "SCORELINE_"


def _about(meaning: str, *, least: float | None = None, most: float | None = None) -> dict[str, Any]:
    return {"meaning": meaning, "least": least, "most": most}


@dataclass(frozen=True)
class Settings:
    """Every setting with its value. The fields are the table: name, type, default, meaning, limits."""

    home: Path = field(
        default=Path("~/.scoreline"),
        metadata=_about("Folder of the control plane: catalog, packages, nodes, `config.toml`."),
    )
    url: str | None = field(
        default=None,
        metadata=_about(
            "Control plane that commands and the SDK speak to; unset: the one of the home folder."
        ),
    )
    key: str | None = field(
        default=None,
        metadata=_about("Key for that control plane; unset: the one of the home folder."),
    )
    open: bool = field(
        default=False,
        metadata=_about(
            "Whether anyone who reaches the control plane may do everything on it without a key: for demos."
        ),
    )
    host: str = field(
        default="127.0.0.1",
        metadata=_about("Address on which the control plane and its local node listen."),
    )
    port: int | None = field(
        default=None,
        metadata=_about("Port of the control plane; 0: any; unset: 8460, or the next free one.", most=65535),
    )
    node_port: int | None = field(
        default=None,
        metadata=_about("Port of the local node; 0: any; unset: 8470, or the next free one.", most=65535),
    )
    node_workers: int = field(
        default=1,
        metadata=_about("Worker processes of the local node.", least=1, most=256),
    )
    max_package_bytes: int = field(
        default=2 << 30,
        metadata=_about(
            "Largest package that is taken when it is published, in bytes.", least=1, most=2 << 30
        ),
    )
    upload_idle_seconds: float = field(
        default=30.0,
        metadata=_about("An upload that sends nothing for this long is given up.", least=0.1, most=3600),
    )
    reconcile_seconds: float = field(
        default=2.0,
        metadata=_about("How often what nodes serve is compared with what is wanted.", least=0.05, most=3600),
    )
    traffic_seconds: float = field(
        default=5.0,
        metadata=_about(
            "How often the nodes are asked how many queries they answered, and how fast.",
            least=0.05,
            most=3600,
        ),
    )
    trigger_seconds: float = field(
        default=1.0,
        metadata=_about("How often the triggers of scenarios are looked at.", least=0.05, most=3600),
    )
    smtp_url: str | None = field(
        default=None,
        metadata=_about(
            "Mail server for the messages of scenarios: `smtp+starttls://USER:${env:NAME}@HOST:587` (the "
            "password is a reference), `smtps://…` or `smtp://HOST`; unset: no mails."
        ),
    )
    smtp_from: str | None = field(
        default=None,
        metadata=_about("Address that mails come from, where the message names none."),
    )
    message_hosts: str | None = field(
        default=None,
        metadata=_about(
            "Hosts that webhooks and messages to Slack and Teams may go to, such as "
            "`hooks.slack.com, *.example.com`; unset: any."
        ),
    )
    test_query_seconds: float = field(
        default=60.0,
        metadata=_about(
            "How often the nodes of a deployment are asked its test queries again.", least=0.1, most=1e6
        ),
    )


def load(
    flags: Mapping[str, object] | None = None, *, environment: Mapping[str, str] | None = None
) -> Settings:
    """Read the settings. A flag that is None was not given. `environment` None: the process's own.

    Raises Invalid naming the setting, where its value stands and what was expected.
    """
    given = {name: value for name, value in (flags or {}).items() if value is not None}
    from_environment = _environment(os.environ if environment is None else environment)
    home = given.get("home", from_environment.get("home", Settings.home))
    folder = Path(str(home)).expanduser().absolute()
    values: dict[str, object] = {}
    sources: tuple[tuple[str, Mapping[str, object]], ...] = (
        (f"{folder / CONFIG_FILE}", _config(folder / CONFIG_FILE)),
        ("the environment", from_environment),
        ("the command line", given),
    )
    for place, source in sources:
        for name, value in source.items():
            values[name] = _parsed(name, value, place)
    values["home"] = folder
    return Settings(**values)  # type: ignore[arg-type]


def reference() -> str:
    """The table of settings as Markdown."""
    lines = ["| setting | environment | default | meaning |", "|---|---|---|---|"]
    for setting in fields(Settings):
        default = "unset" if setting.default is None else f"`{setting.default}`"
        variable = f"`{_PREFIX}{setting.name.upper()}`"
        row = (f"`{setting.name}`", variable, default, setting.metadata["meaning"])
        lines.append("| " + " | ".join(row) + " |")
    return "\n".join(lines) + "\n"


_TABLE = {setting.name: setting for setting in fields(Settings)}


def process_environment() -> Mapping[str, str]:
    """The environment as it is when it is looked into: where `env:NAME` finds its secret."""
    return os.environ


def _environment(environment: Mapping[str, str]) -> dict[str, object]:
    named = {name: environment.get(_PREFIX + name.upper(), "") for name in _TABLE}
    return {name: text for name, text in named.items() if text}


def _config(path: Path) -> Mapping[str, object]:
    try:
        values = tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return {}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise Invalid(f"{path}: {error}", code="bad-setting") from error
    except OSError as error:
        raise Invalid(f"{path} cannot be read: {error.strerror}", code="bad-setting") from error
    for name in values:
        if name == "home" or name not in _TABLE:
            close = difflib.get_close_matches(name, _TABLE, n=1)
            hint = f"did you mean {close[0]!r}?" if close else f"there is: {', '.join(_TABLE)}"
            if name == "home":
                hint = "the file stands in the home folder, so it cannot move it"
            raise Invalid(f"{path}: no setting {name!r} here; {hint}", code="bad-setting")
    return values


def _parsed(name: str, value: object, place: str) -> object:
    setting = _TABLE[name]
    kind = str(setting.type).removesuffix(" | None")
    try:
        parsed = _PARSERS[kind](value)
    except ValueError as error:
        raise Invalid(f"setting {name!r} in {place}: expected {error}", code="bad-setting") from None
    least, most = setting.metadata["least"] or 0, setting.metadata["most"]
    if isinstance(parsed, int | float) and not least <= parsed <= (most or float("inf")):
        limits = f"at least {least}" if most is None else f"{least} to {most}"
        raise Invalid(f"setting {name!r} in {place}: expected {limits}", code="bad-setting")
    return parsed


def _text(value: object) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError("a text")
    return value


def _whole(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise ValueError("a whole number")
    try:
        return int(value)
    except ValueError:
        raise ValueError("a whole number") from None


def _yes_or_no(value: object) -> bool:
    words = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
    found = words.get(str(value).lower())
    if found is None:
        raise ValueError("true or false")
    return found


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise ValueError("a number")
    try:
        return float(value)
    except ValueError:
        raise ValueError("a number") from None


_PARSERS: dict[str, Callable[[object], object]] = {
    "Path": lambda value: Path(str(value)),
    "str": _text,
    "bool": _yes_or_no,
    "int": _whole,
    "float": _number,
}
