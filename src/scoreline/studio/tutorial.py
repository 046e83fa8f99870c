"""The tutorial's second shape of `fraud_detection`: the enrichment, the lookup endpoint, the sixth query."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

import msgspec

from scoreline.core.service import PredictionEndpoint, Service
from scoreline.storage.atomic import write_file
from scoreline.storage.definitions import read_definition
from scoreline.storage.project_files import read_project
from scoreline.storage.yaml_edits import edited

SERVICE = "fraud_detection"
ENDPOINT = "predict_fraud"
_SECOND_SHAPE = "templates/real_time_apis_v2_service.yaml"


def enrich(project: Path) -> None:
    """Rewrite the service's file in its second shape; the endpoint's test queries stay, as the first."""
    text = resources.files("scoreline").joinpath(_SECOND_SHAPE).read_text()
    shape: Service = read_definition(text, Service).value
    before = {each.id: each.test_queries for each in read_project(project).services[SERVICE].endpoints}
    prediction, *others = shape.endpoints
    assert isinstance(prediction, PredictionEndpoint)
    known = tuple(query for query in before.get(prediction.id, ()) if query not in prediction.test_queries)
    queries = (*known, *prediction.test_queries)
    whole = msgspec.structs.replace(
        shape, endpoints=(msgspec.structs.replace(prediction, test_queries=queries), *others)
    )
    write_file(project / "services" / f"{SERVICE}.yaml", edited(text, whole, Service).encode())
