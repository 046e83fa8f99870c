"""Endpoints of a generation: a query in, its answer as JSON out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import parse_qsl

import msgspec
from msgspec import UNSET, Raw, UnsetType

from scoreline.core.prediction import Ignored, Prediction
from scoreline.errors import Invalid
from scoreline.node.lookup import RecordLookup
from scoreline.wire import dataiku
from scoreline.wire.dataiku import (
    Explanations,
    LookupAnswer,
    LookupBatch,
    LookupQuery,
    LookupResult,
    LookupTiming,
    PredictAnswer,
    PredictBatch,
    PredictBatchAnswer,
    PredictionResult,
    PredictQuery,
    Timing,
)

if TYPE_CHECKING:
    from scoreline.scoring.scorer import Scorer

Clock = Callable[[], int]
"""Nanoseconds since some start; never goes back."""


class Reply(NamedTuple):
    """An answer, and what is counted about it."""

    body: bytes
    records: int
    ignored: tuple[str, ...]
    """Why records were ignored, one reason a record."""


class Action(NamedTuple):
    """One way to call an endpoint."""

    method: bytes
    decode: Callable[[bytes], Any]
    """Body (GET: query string) -> query. Raises Invalid."""
    run: Callable[[Any, int], bytes | Reply]
    """Query, and when its answer was begun -> answer. Raises Invalid.
    Bytes: the answer for one record that was not ignored."""


_encode = msgspec.json.Encoder().encode


class PredictionEndpoint:
    """Enrich, score, tell."""

    def __init__(
        self,
        scorer: Scorer,
        enrichments: Sequence[RecordLookup],
        api_context: bytes,
        *,
        show_enriched: bool,
        clock: Clock,
    ) -> None:
        self._score = scorer.score
        self._enrichments = tuple(enrichments)
        self._enrich = self._one_or_all()
        self._show_enriched = show_enriched
        self._clock = clock
        self._context = Raw(api_context)

    @property
    def actions(self) -> Mapping[str, Action]:
        """How it can be called."""
        # Not kept: endpoint and actions would hold each other, and no one collects what is frozen.
        return {
            "predict": Action(b"POST", _decode_predict, self.predict),
            "predict-multi": Action(b"POST", _decode_predict_multi, self.predict_multi),
            "predict-simple": Action(b"GET", decode_query_string, self.predict),
        }

    def predict(self, query: PredictQuery, begun: int) -> bytes | Reply:
        """Answer for one record. Raises Invalid for a record that cannot be scored."""
        # A callable that is an attribute is called faster by a local name.
        clock, enrich, score = self._clock, self._enrich, self._score
        if query.explanations is not None:
            _refuse_explanations(query.explanations)
        record = query.features
        decoded = enriched = clock()
        ignored = None
        if enrich is not None:
            ignored = enrich(record)
            enriched = clock()
        outcome = score(record) if ignored is None else ignored
        scored = clock()
        timing = Timing((decoded - begun) // 1000, (enriched - decoded) // 1000, (scored - enriched) // 1000)
        result = _result(outcome, record if self._show_enriched else UNSET)
        body = _encode(PredictAnswer(result, timing, self._context))
        return Reply(body, 1, (outcome.reason,)) if type(outcome) is Ignored else body

    def predict_multi(self, query: PredictBatch, begun: int) -> Reply:
        """Answer for every record, in order; a record that cannot be scored does not fail the others."""
        clock = self._clock
        if query.explanations is not None:
            _refuse_explanations(query.explanations)
        check_count(query.items)
        decoded = clock()
        results = []
        enrich = predict = 0
        for item in query.items:
            start = clock()
            record: dict[str, Any] = {}
            middle = start
            outcome: Prediction | Ignored
            try:
                record = record_of(item, "features")
                ignored = None if self._enrich is None else self._enrich(record)
                middle = clock()
                outcome = self._score(record) if ignored is None else ignored
            except Invalid as error:
                outcome = ignored_for(error)
            enrich += middle - start
            predict += clock() - middle
            results.append(_result(outcome, record if self._show_enriched else UNSET))
        whole = clock() - decoded
        timing = Timing(
            (decoded - begun) // 1000, enrich // 1000, predict // 1000, (whole - enrich - predict) // 1000
        )
        reasons = tuple(result.ignore_reason for result in results if result.ignored)
        body = _encode(PredictBatchAnswer(results, timing, self._context))
        return Reply(body, len(results), reasons)  # type: ignore[arg-type]

    def _one_or_all(self) -> Callable[[dict[str, Any]], Ignored | None] | None:
        """What enriches a record; None: nothing does."""
        lookups = self._enrichments

        def enrich(record: dict[str, Any]) -> Ignored | None:
            for lookup in lookups:
                ignored = lookup.enrich(record)
                if ignored is not None:
                    return ignored
            return None

        if len(lookups) > 1:
            return enrich
        return lookups[0].enrich if lookups else None


class LookupEndpoint:
    """Find rows by key, tell their columns. One record is answered in the shape of many: `results`."""

    def __init__(self, lookups: Sequence[RecordLookup], api_context: bytes, *, clock: Clock) -> None:
        self._lookups = tuple(lookups)
        self._clock = clock
        self._empty = {name: None for lookup in lookups for name in lookup.names}
        self._context = Raw(api_context)

    @property
    def actions(self) -> Mapping[str, Action]:
        """How it can be called."""
        return {
            "lookup": Action(b"POST", _decode_lookup, self.lookup),
            "lookup-multi": Action(b"POST", _decode_lookup_multi, self.lookup_multi),
        }

    def lookup(self, query: LookupQuery, begun: int) -> Reply:
        """Answer for one record. Raises Invalid where a lookup says `error`."""
        decoded = self._clock()
        return self._reply([self._find(query.data)], begun, decoded)

    def lookup_multi(self, query: LookupBatch, begun: int) -> Reply:
        """Answer for every record, in order; one that cannot be looked up does not fail the others."""
        check_count(query.items)
        decoded = self._clock()
        results = []
        for item in query.items:
            try:
                results.append(self._find(record_of(item, "data")))
            except Invalid as error:
                results.append(self._ignored(ignored_for(error)))
        return self._reply(results, begun, decoded)

    def _find(self, record: dict[str, Any]) -> LookupResult:
        data: dict[str, Any] = dict(self._empty)
        found = True
        for lookup in self._lookups:
            row = lookup.row(record)
            if type(row) is tuple:
                columns = lookup.found(row)
                data.update(columns)
                record = {**record, **columns}
            elif row is None:
                found = False
            else:
                return self._ignored(row)  # type: ignore[arg-type]
        return LookupResult(data, found)

    def _ignored(self, why: Ignored) -> LookupResult:
        return LookupResult(dict(self._empty), False, True, why.reason, why.detail)

    def _reply(self, results: list[LookupResult], begun: int, decoded: int) -> Reply:
        timing = LookupTiming((decoded - begun) // 1000, (self._clock() - decoded) // 1000)
        reasons = tuple(result.ignore_reason for result in results if result.ignored is True)
        body = _encode(LookupAnswer(results, timing, self._context))
        return Reply(body, len(results), reasons)  # type: ignore[arg-type]


def decoder(kind: type[Any]) -> Callable[[bytes], Any]:
    """JSON -> a value of this kind. Raises Invalid (`bad-json`, `bad-query`) and never shows the payload."""
    decode = msgspec.json.Decoder(kind).decode

    def checked(body: bytes) -> Any:
        try:
            return decode(body or b"{}")
        except msgspec.ValidationError as error:
            raise Invalid(f"the query is not as expected: {error}", code="bad-query") from error
        except msgspec.DecodeError as error:
            raise Invalid(f"the body is not JSON: {error}", code="bad-json") from error
        except UnicodeDecodeError as error:
            raise Invalid("the body is not JSON: it is not UTF-8 text", code="bad-json") from error
        except RecursionError as error:
            raise Invalid("the body is nested too deeply", code="bad-json") from error

    return checked


_decode_predict = decoder(PredictQuery)
_decode_predict_multi = decoder(PredictBatch)
_decode_lookup = decoder(LookupQuery)
_decode_lookup_multi = decoder(LookupBatch)


def decode_query_string(text: bytes) -> PredictQuery:
    """The query of `predict-simple`: each parameter is a feature, as text; of equal names the last."""
    try:
        pairs = parse_qsl(
            text.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=10_000
        )
    except ValueError as error:
        raise Invalid("the query string is not UTF-8 text in percent-encoding", code="bad-query") from error
    return PredictQuery(dict(pairs))


def check_count(items: Sequence[object]) -> None:
    """Raise Invalid for more records than one call may bring."""
    if len(items) > dataiku.MOST_ITEMS:
        raise Invalid(
            f"{len(items)} items in one query; send at most {dataiku.MOST_ITEMS} at a time",
            code="too-many-items",
        )


def record_of(item: object, name: str) -> dict[str, Any]:
    """The record in an item of a batch; Invalid when there is none."""
    record = item.get(name) if isinstance(item, dict) else None
    if not isinstance(record, dict):
        raise Invalid(f"the item has no object under {name!r}", code="invalid-record")
    return record


def ignored_for(error: Invalid) -> Ignored:
    """What a batch says of a record for which a single query would have been refused."""
    reason = error.code.upper().replace("-", "_")
    return Ignored(reason if "LOOKUP" in reason else dataiku.INVALID_RECORD, error.message)


def _result(outcome: Prediction | Ignored, shown: dict[str, Any] | UnsetType) -> PredictionResult:
    """`shown`: the record after the enrichments, where it is to be told."""
    if type(outcome) is Ignored:
        detail = outcome.detail or UNSET
        return PredictionResult(UNSET, UNSET, UNSET, True, outcome.reason, detail, shown)
    percentile, probas = outcome.percentile, outcome.probas  # type: ignore[union-attr]  # mypy knows no `type(...) is`
    return PredictionResult(
        outcome.prediction,  # type: ignore[union-attr]
        UNSET if percentile is None else percentile,
        UNSET if probas is None else probas,
        False,
        UNSET,
        UNSET,
        shown,
    )


def _refuse_explanations(wanted: Explanations) -> None:
    if wanted.enabled:
        raise Invalid("explanations are not supported yet; leave them out", code="not-supported")
