"""Pages of signing in and out, and of one's own password."""

from __future__ import annotations

import msgspec
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from scoreline.errors import Invalid, NotAllowed, ScorelineError
from scoreline.ui.complaints import complaints
from scoreline.ui.forms import Form
from scoreline.ui.pages import Ui, csrf, part
from scoreline.wire.access import Me, NewPassword, NewSession, Session, SessionEnd
from scoreline.wire.problems import status_of

SIGN_IN, SIGN_OUT, PASSWORD = "/sign-in", "/sign-out", "/me/password"
_PASSWORD_FIELDS = {"old-password": "old", "wrong-password": "old", "bad-password": "new", "again": "again"}


def routes(ui: Ui) -> list[Route]:
    """The routes."""

    async def show(request: Request) -> Response:
        form = Form({"next": request.query_params.get("next", "")})
        return _sign_in_page(ui, request, form, me=await ui.me(request))

    async def sign_in(request: Request) -> Response:
        form = await ui.form_of_anyone(request)
        wanted = NewSession(name=form.text("name"), password=form.raw("password"))
        try:
            given = await ui.api(request).answered("POST", "/session", wanted)
        except ScorelineError as error:
            return _sign_in_page(ui, request, form, error)
        begun = msgspec.json.decode(given.content, type=Session)
        answer = ui.go(request, PASSWORD if begun.must_change else own_path(form.text("next")))
        return with_cookies(answer, given.headers.get_list("set-cookie"))

    async def sign_out(request: Request) -> Response:
        try:
            given = await ui.api(request).answered("DELETE", "/session")
        except ScorelineError:
            return RedirectResponse(SIGN_IN, 303)  # the session had ended before
        msgspec.json.decode(given.content, type=SessionEnd)
        return with_cookies(ui.go(request, SIGN_IN), given.headers.get_list("set-cookie"))

    @part
    async def token(request: Request) -> Response:
        """Who is signed in now, in whichever tab, and the token for requests that change something."""
        me = await ui.me(request)
        return JSONResponse({"user": me.user if me else None, "csrf": csrf(request)})

    @part  # the open mode has no passwords
    async def show_password(request: Request) -> Response:
        try:
            await ui.api(request).get("/me", Me)
        except NotAllowed as error:
            if error.code != "password-change-needed":
                raise
        return await _password_page(ui, request, Form())

    async def change_password(request: Request) -> Response:
        form = await ui.form_of_anyone(request)
        try:
            if form.raw("new") != form.raw("again"):
                raise Invalid("this is not the same password as above", code="again")
            wanted = NewPassword(old=form.raw("old"), new=form.raw("new"))
            given = await ui.api(request).answered("PUT", "/me/password", wanted)
        except ScorelineError as error:
            if error.code in ("unauthenticated", "session-ended"):
                raise
            return await _password_page(ui, request, form, error)
        answer = ui.go(request, "/projects", say="Your password is changed.")
        return with_cookies(answer, given.headers.get_list("set-cookie"))

    return [
        Route(SIGN_IN, show),
        Route(SIGN_IN, sign_in, methods=["POST"]),
        Route(f"{SIGN_IN}/token", token),
        Route(SIGN_OUT, sign_out, methods=["POST"]),
        Route(PASSWORD, show_password),
        Route(PASSWORD, change_password, methods=["POST"]),
    ]


def own_path(wanted: str) -> str:
    """Where somebody wanted to go, if that is a page of ours; else the first page."""
    # Browsers read a backslash as a slash and leave out tabs: `/\t/evil.example` is another host.
    is_plain = wanted.startswith("/") and wanted.isprintable() and "\\" not in wanted
    return wanted if is_plain and not wanted.startswith("//") else "/projects"


def with_cookies(answer: Response, cookies: list[str]) -> Response:
    """An answer that passes on the cookies of another one."""
    for cookie in cookies:
        answer.headers.append("Set-Cookie", cookie)
    return answer


def _sign_in_page(
    ui: Ui, request: Request, form: Form, error: ScorelineError | None = None, me: Me | None = None
) -> Response:
    return ui.fragment(
        request,
        "sign_in/sign_in.html",
        status=status_of(error) if error else 200,
        title="Sign in",
        known=me,
        goes_on=own_path(form.text("next")),
        form=form,
        errors=complaints(error, {"wrong-password": "password"}) if error else {},
    )


async def _password_page(
    ui: Ui, request: Request, form: Form, error: ScorelineError | None = None
) -> Response:
    me = await ui.me(request)
    return ui.fragment(
        request,
        "sign_in/password.html",
        status=status_of(error) if error else 200,
        title="Change your password",
        me=me,
        form=form,
        errors=complaints(error, _PASSWORD_FIELDS) if error else {},
    )
