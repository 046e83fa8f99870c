"""From a request to its answer: find the call, decode the query, run it, count it."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from scoreline.errors import Invalid, ScorelineError
from scoreline.node.counters import Series
from scoreline.node.endpoint import Clock
from scoreline.node.exchange import CHALLENGE
from scoreline.node.routes import Routes
from scoreline.node.service_routes import Call, Draw
from scoreline.wire.problems import INTERNAL_BODY, encode_problem

Answer = tuple[int, bytes, str]
"""Status, JSON body, and the header lines that go with a refusal."""


class Answering:
    """Answers the user API. `routes` is replaced whole; an answer uses the routes it began with."""

    def __init__(
        self, clock: Clock, draw: Draw, unrouted: Series, report: Callable[[str, Exception], None]
    ) -> None:
        self.routes = Routes(calls={}, targets={}, services={})
        self._clock = clock
        self._draw = draw
        self._unrouted = unrouted
        self._report = report

    def answer(
        self,
        method: bytes,
        url: bytes,
        body: bytes,
        headers: Mapping[bytes, bytes],
    ) -> Answer | None:
        """The answer to a request; None when its path is not one of the user API. Raises nothing.

        `headers`: names as sent. They are only good during the call.
        """
        clock = self._clock
        begun = clock()
        routes = self.routes
        call = routes.calls.get(url)
        try:
            if call is None:
                found = routes.find(url, body, headers, self._draw)
                if found is None:
                    return None
                call, body = found
            if method != call.method:
                _check_method(method, call)
            decode = call.decode
            query = decode(body)
            if query.dispatch is not None and query.dispatch.forced_generation is not None:
                forced = routes.forced(call, query.dispatch, headers, self._draw)
                if forced is not call:
                    call, query = forced, forced.decode(body)
            run = call.run
            reply = run(query, begun)
        except ScorelineError as error:
            return self._refuse(call, begun, *encode_problem(error))
        except Exception as error:
            self._report(f"{call.service}/{call.endpoint}" if call else "routing", error)
            return self._refuse(call, begun, 500, INTERNAL_BODY)
        if isinstance(reply, bytes):
            call.series.count_one(clock() - begun)
            return 200, reply, ""
        call.series.count(200, clock() - begun, reply.records, reply.ignored)
        return 200, reply.body, ""

    def _refuse(self, call: Call | None, begun: int, status: int, body: bytes) -> Answer:
        series = self._unrouted if call is None else call.series
        series.count(status, self._clock() - begun, 0)
        return status, body, _what_to_do(status, call)


def _what_to_do(status: int, call: Call | None) -> str:
    if status == 401:
        return CHALLENGE
    if status == 405 and call is not None:
        return "Allow: GET, HEAD\r\n" if call.method == b"GET" else "Allow: POST\r\n"
    return ""


def _check_method(method: bytes, call: Call) -> None:
    wanted = call.method
    if not (method == b"HEAD" and wanted == b"GET"):
        raise Invalid(f"{call.name!r} is called with {wanted.decode()}", code="method-not-allowed")
