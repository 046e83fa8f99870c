"""All pages of the deployer."""

from __future__ import annotations

from starlette.routing import Route

from scoreline.ui import (
    deployment,
    deployment_changes,
    deployment_settings,
    deployment_tests,
    deployments,
    infrastructures,
    published_services,
)
from scoreline.ui.pages import Ui

_MODULES = (
    deployments,
    deployment,
    deployment_tests,
    deployment_settings,
    deployment_changes,
    published_services,
    infrastructures,
)


def routes(ui: Ui) -> list[Route]:
    """The routes."""
    return [route for module in _MODULES for route in module.routes(ui)]
