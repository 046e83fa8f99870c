"""Queries to the endpoints of deployments, and their test queries."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from scoreline.client.connection import path_to, received
from scoreline.client.deployments import DeploymentCalls
from scoreline.client.http_clients import HttpClients
from scoreline.client.infrastructures import InfrastructureCalls
from scoreline.core.names import did_you_mean
from scoreline.errors import NotFound, Unavailable
from scoreline.wire import dataiku
from scoreline.wire.control import EndpointUrl, SampleCode, TestAnswer, TestRun
from scoreline.wire.control_queries import Answers, NewQueries, SavedQuery

_ACTIONS = {"prediction": ("predict", "features"), "lookup": ("lookup", "data")}


class QueryCalls(InfrastructureCalls, DeploymentCalls):
    """What `scoreline query` and `scoreline deployment test` do."""

    _nodes: HttpClients
    _endpoints: dict[str, tuple[EndpointUrl, ...]]

    def query(
        self,
        deployment: str,
        endpoint: str,
        record: Mapping[str, Any] | None = None,
        *,
        action: str | None = None,
        body: Mapping[str, Any] | None = None,
        service_key: str | None = None,
    ) -> dict[str, Any]:
        """Ask an endpoint, on the node itself, and give its whole answer.

        `record`: the features of a prediction, or the keys of a lookup. `body`: the whole query instead, as
        other actions need it, such as `predict-multi` with `{"items": [{"features": …}]}`.
        `service_key`: of a service that is not public.
        """
        try:
            return self._ask(
                self._endpoint(deployment, endpoint, fresh=False), record, action, body, service_key
            )
        except Unavailable as error:
            if error.code != "no-answer":
                raise
        # The node may have moved to another port since its address was asked for.
        return self._ask(self._endpoint(deployment, endpoint, fresh=True), record, action, body, service_key)

    def _ask(
        self,
        endpoint: EndpointUrl,
        record: Mapping[str, Any] | None,
        action: str | None,
        body: Mapping[str, Any] | None,
        service_key: str | None,
    ) -> dict[str, Any]:
        default, field = _ACTIONS[endpoint.kind]
        if not endpoint.urls:
            raise Unavailable(f"no node answers for endpoint {endpoint.id!r} yet", code="no-answer")
        content = msgspec.json.encode(body if body is not None else {field: record or {}})
        url = f"{endpoint.urls[0]}/{action or default}"
        headers = {"Authorization": f"Bearer {service_key}"} if service_key else {}
        return received(self._nodes.of(url), "POST", url, dict[str, Any], content=content, headers=headers)

    def ask(
        self,
        deployment: str,
        queries: Iterable[Mapping[str, Any]],
        *,
        endpoint: str | None = None,
        every_node: bool = False,
    ) -> tuple[TestAnswer, ...]:
        """Ask through the control plane, which reaches the nodes and has a key for every service.

        Each query is the body of a call, such as `{"features": {…}}`. `endpoint`: None: the only one. It asks
        the first node that answers, or every one. Raises NotFound, Conflict while nothing is live, and
        Unavailable when no node, or not every one, answers.
        """
        wanted = NewQueries(queries=tuple(map(dict, queries)), endpoint=endpoint, every_node=every_node)
        path = path_to("deployments", deployment, "queries")
        return self._control.call("POST", path, Answers, body=wanted).answers

    def run_test_queries(self, deployment: str) -> TestRun:
        """Ask every node the test queries of the deployment's version."""
        return self._control.call("POST", path_to("deployments", deployment, "test-queries"), TestRun)

    def test_queries(self, deployment: str) -> tuple[SavedQuery, ...]:
        """The test queries of the generations that are live."""
        path = path_to("deployments", deployment, "test-queries")
        return self._control.call("GET", path, tuple[SavedQuery, ...])

    def urls(self, deployment: str) -> dict[str, tuple[str, ...]]:
        """Endpoint -> where clients ask it, whole with the action: the public URL, or one for each node."""
        found = self.deployment(deployment)
        public = self.infrastructure(found.infrastructure).public_url
        urls = {}
        for one in found.endpoints:
            action = _ACTIONS[one.kind][0]
            bases = one.urls
            if public:
                bases = (f"{public}{dataiku.BASE}/{found.deployed_service}/{one.id}",)
            urls[one.id] = tuple(f"{base}/{action}" for base in bases)
        return urls

    def sample_code(self, deployment: str, endpoint: str, language: str = "shell") -> str:
        """A program that asks an endpoint, in `shell`, `python`, `r`, `java` or `javascript`.

        Raises NotFound for an unknown endpoint, and while nothing is live; Invalid for another language.
        """
        path = path_to("deployments", deployment, "sample-code", endpoint=endpoint, language=language)
        return self._control.call("GET", path, SampleCode).code

    def openapi(self, deployment: str) -> dict[str, Any]:
        """The OpenAPI description of what is live. Raises NotFound while nothing is."""
        return self._control.call("GET", path_to("deployments", deployment, "openapi"), dict[str, Any])

    def _endpoint(self, deployment: str, endpoint: str, *, fresh: bool) -> EndpointUrl:
        for again in (fresh, True):
            if again or deployment not in self._endpoints:
                found = self.deployment(deployment)
                if found.live is None:
                    raise Unavailable("; ".join(found.messages) or f"{deployment!r} has no version yet")
                self._endpoints[deployment] = found.endpoints
            known = {one.id: one for one in self._endpoints[deployment]}
            if endpoint in known:
                return known[endpoint]
        hint = did_you_mean(endpoint, known)
        raise NotFound(f"deployment {deployment!r} has no endpoint {endpoint!r}; {hint}")
