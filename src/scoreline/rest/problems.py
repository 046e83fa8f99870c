"""Errors as answers: always the one shape."""

from __future__ import annotations

import msgspec
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from scoreline.errors import Invalid, NotFound, ScorelineError
from scoreline.wire.problems import INTERNAL, encode_problem


def register(app: FastAPI) -> None:
    """Let every error of `app` be answered in the one shape."""
    app.add_exception_handler(ScorelineError, _ours)
    app.add_exception_handler(RequestValidationError, _validation)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(Exception, _inside)


def problem_answer(error: ScorelineError) -> Response:
    """An error as an answer."""
    status, body = encode_problem(error)
    headers = {"WWW-Authenticate": "Bearer"} if status == 401 else None
    return Response(body, status, headers, media_type="application/json")


def _ours(_request: Request, error: Exception) -> Response:
    assert isinstance(error, ScorelineError)
    return problem_answer(error)


def _validation(_request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    place = ".".join(str(part) for part in first["loc"])
    return problem_answer(Invalid(f"{place}: {first['msg']}", code="bad-parameter"))


def _http(_request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if error.status_code == 405:
        return problem_answer(Invalid("this path does not take this method", code="method-not-allowed"))
    return problem_answer(NotFound("the control API has no such path", code="no-such-path"))


def _inside(_request: Request, _error: Exception) -> Response:
    return Response(msgspec.json.encode(INTERNAL), 500, media_type="application/json")
