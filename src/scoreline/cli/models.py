"""Commands on saved models: list them, look into their versions, choose the active one."""

from __future__ import annotations

from typing import Annotated

import typer

from scoreline.cli.console import AsJson, print_json, print_table, say
from scoreline.cli.project_option import ProjectOption, find_project
from scoreline.core.model_version import algorithm_name

ModelArgument = Annotated[str, typer.Argument(help="The model's id.")]


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    group = typer.Typer(no_args_is_help=True, help="Saved models: their versions, and which is active.")
    group.command("list")(list_models)
    group.command("show")(show)
    group.command("activate")(activate)
    group.command("delete-version")(delete_version)
    app.add_typer(group, name="model")


def delete_version(
    model: ModelArgument,
    version: Annotated[str, typer.Argument(help="The version's id, such as t1.")],
    project: ProjectOption = None,
    as_json: AsJson = False,
) -> None:
    """Delete a version that is not the active one.

    Packages keep what they hold of it.
    """
    from scoreline.studio.saved_models import delete_model_version

    delete_model_version(find_project(project), model, version)
    if as_json:
        print_json({"model": model, "deleted": version})
    else:
        say(f"version {version} of model {model!r} is deleted")


def list_models(project: ProjectOption = None, as_json: AsJson = False) -> None:
    """List the saved models with their active versions."""
    from scoreline.studio.saved_models import saved_models

    stores = {name: model.store for name, model in saved_models(find_project(project)).items()}
    if as_json:
        print_json(
            [
                {"id": name, "active": store.active(), "versions": list(store.ids())}
                for name, store in stores.items()
            ]
        )
        return
    rows = []
    for name, store in stores.items():
        version = store.active_version() if store.active() is not None else None
        if version is None:
            rows.append((name, "not trained", "", "", ""))
        else:
            algorithm = algorithm_name(version.algorithm)
            metric = f"{version.metric} {version.metrics[version.metric]:.4f}"
            rows.append((name, version.id, algorithm, metric, str(len(store.ids()))))
    print_table(
        ("model", "active", "algorithm", "metric", "versions"),
        rows,
        empty="the project has no saved models yet: add one in models/",
    )


def show(
    model: ModelArgument,
    version: Annotated[
        str | None, typer.Option("--version", help="A version's id. Default: the active one.")
    ] = None,
    project: ProjectOption = None,
    as_json: AsJson = False,
) -> None:
    """Show a model: versions, metrics, features, scorer.

    Also its confusion matrix, the importance of its features, and the parity report.
    """
    from scoreline.cli.model_view import print_version, print_versions
    from scoreline.studio.saved_models import saved_model

    store = saved_model(find_project(project), model).store
    chosen = store.version(version) if version is not None else store.active_version()
    signature, report = store.signature(chosen.id), store.report(chosen.id)
    if as_json:
        print_json(
            {
                "model": model,
                "active": store.active(),
                "versions": [
                    {"id": one.id, "created_at": one.created_at, "metrics": one.metrics}
                    for one in store.versions()
                ],
                "version": chosen,
                "signature": signature,
                "report": report,
            }
        )
        return
    print_versions(store.versions(), active=store.active())
    print_version(chosen, signature, report)


def activate(
    model: ModelArgument,
    version: Annotated[str, typer.Argument(help="The version's id, such as t2.")],
    project: ProjectOption = None,
    as_json: AsJson = False,
) -> None:
    """Make a version of a model the active one."""
    from scoreline.studio.saved_models import saved_model

    saved_model(find_project(project), model).store.activate(version)
    if as_json:
        print_json({"model": model, "active": version})
    else:
        say(f"{version} is the active version of model {model!r}")
