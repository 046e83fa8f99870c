"""Pages: from a template and what it shows to an answer."""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import msgspec
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from scoreline.core.session import SESSION_COOKIE, csrf_of
from scoreline.errors import ScorelineError
from scoreline.ui import deployment_figures, figures
from scoreline.ui.api import Api, ApiCalls, path_to
from scoreline.ui.assets import Assets
from scoreline.ui.forms import Form, read_form
from scoreline.ui.rights import lacking
from scoreline.wire.access import Me
from scoreline.wire.problems import status_of

Handler = Callable[[Request], Awaitable[Response]]

_TEMPLATES = Path(__file__).parent / "templates"
_SAY_COOKIE = "scoreline_say"
_UNKNOWN = frozenset({"unauthenticated", "unknown-key", "wrong-password", "session-ended"})
"""Codes of errors that mean: nobody is signed in."""
_BETWEEN = re.compile(r">\s+<")
_LONGEST_FORM = 32 * 2**20
_LONGEST_OF_ANYONE = 2**16


class Ui:
    """What every page is made with."""

    def __init__(self, calls: ApiCalls, assets: Assets, version: str, *, longest_upload: int) -> None:
        """`longest_upload`: of a form with a file, in bytes."""
        self._calls = calls
        self._longest_upload = longest_upload
        self.files = assets.files
        """The application that answers the bundled files."""
        self._jinja = _environment(assets, version)

    def api(self, request: Request) -> Api:
        """The control API in the name of who looks at the page."""
        return self._calls.of(request)

    async def form(self, request: Request) -> Form:
        """What was typed into the form that a request carries, which is read once it is known who sends it.

        Raises NotAllowed, and Invalid (code `body-too-large`).
        """
        await self.api(request).get("/me", Me)
        return await read_form(request, _LONGEST_FORM)

    async def form_with_file(self, request: Request) -> Form:
        """The same of a form in which a file may be chosen."""
        await self.api(request).get("/me", Me)
        return await read_form(request, self._longest_upload)

    async def form_of_anyone(self, request: Request) -> Form:
        """The same of a form for people who are not known yet: it is short."""
        return await read_form(request, _LONGEST_OF_ANYONE)

    async def page(
        self, request: Request, template: str, *, title: str, status: int = 200, **values: Any
    ) -> Response:
        """A whole page. `me`, when the handler knows it, is not asked for again."""
        me = values.pop("me", None) or await self.me(request)
        return self.fragment(request, template, status=status, title=title, me=me, **values)

    def fragment(self, request: Request, template: str, *, status: int = 200, **values: Any) -> Response:
        """A part of a page."""
        given = {"request": request, "me": None, "csrf": csrf(request), **values}
        text = self._jinja.get_template(template).render(given)
        return HTMLResponse(text, status, headers={"Scoreline-Page": "1", "Vary": "HX-Request"})

    def go(self, request: Request, path: str, *, say: str = "") -> Response:
        """Lead on to another page after a change, with a short message there."""
        answer: Response
        if is_partial(request):
            answer = Response(status_code=200, headers={"HX-Redirect": path, "Scoreline-Page": "1"})
        else:
            answer = RedirectResponse(path, 303)
        if say:
            answer.set_cookie(_SAY_COOKIE, quote(say), max_age=60, samesite="lax")
        return answer

    def said(self, answer: Response, say: str) -> Response:
        """An answer with a short message beside it."""
        answer.set_cookie(_SAY_COOKIE, quote(say), max_age=60, samesite="lax")
        return answer

    async def me(self, request: Request) -> Me | None:
        """Who looks at the page; None: nobody has signed in."""
        try:
            return await self.api(request).get("/me", Me)
        except ScorelineError as error:
            if error.code in _UNKNOWN or error.code == "password-change-needed":
                return None
            raise

    async def refused(self, request: Request, error: ScorelineError) -> Response:
        """The page for an error that a handler let through."""
        status = status_of(error)
        if error.code in _UNKNOWN and not is_partial(request):
            return RedirectResponse(_sign_in(request), 303)
        if error.code == "password-change-needed":
            return self.go(request, "/me/password")
        if is_partial(request):
            answer = self.fragment(request, "problem.html", status=status, problem=error)
            if error.code in _UNKNOWN:
                answer.headers["Scoreline-Sign-In"] = _sign_in(request)
            return answer
        return await self.page(
            request, "error.html", title="Not shown", status=status, problem=error, status_code=status
        )


def part(endpoint: Handler) -> Handler:
    """Mark a handler that answers a part of a page, or leads on: no link leads to it."""
    vars(endpoint)["is_part"] = True
    return endpoint


def is_partial(request: Request) -> bool:
    """Whether htmx asks, which puts the answer into the page that is there."""
    return request.headers.get("hx-request") == "true"


def _sign_in(request: Request) -> str:
    here = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    return f"/sign-in?next={quote(here if request.method == 'GET' else '/', safe='')}"


def csrf(request: Request) -> str:
    """The token of the session that a request came with; empty: with none."""
    token = request.cookies.get(SESSION_COOKIE)
    return csrf_of(token) if token else ""


def _environment(assets: Assets, version: str) -> Environment:
    jinja = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    jinja.globals |= {
        "asset": assets.url,
        "icons": assets.icons,
        "outlines": assets.outlines,
        "path": path_to,
        "version": version,
        "Form": Form,
        "lacking": lacking,
        "bar": deployment_figures.bar,
        "line": deployment_figures.line,
        "took": deployment_figures.took,
    }
    jinja.filters |= {
        "number": figures.number,
        "percent": figures.percent,
        "size": figures.size,
        "seconds": figures.seconds,
        "milliseconds": figures.milliseconds,
        "plural": figures.plural,
        "initials": figures.initials,
        "json": _json,
        "builtins": msgspec.to_builtins,
        "tight": _tight,
    }
    return jinja


def _tight(html: str) -> str:
    """HTML without blanks between its elements, each of which a browser would keep as a text."""
    return _BETWEEN.sub("><", html)


def _json(value: Any) -> str:
    """A value as JSON with two spaces of indentation, to be read and edited."""
    return json.dumps(msgspec.to_builtins(value), indent=2, ensure_ascii=False)
