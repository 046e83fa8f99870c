"""The pages of the API designer."""

from __future__ import annotations

from starlette.routing import Route

from scoreline.ui import endpoints, enrichments, made_versions, services, test_queries
from scoreline.ui.pages import Ui


def routes(ui: Ui) -> list[Route]:
    """The routes."""
    parts = (services, endpoints, enrichments, test_queries, made_versions)
    return [route for part in parts for route in part.routes(ui)]
