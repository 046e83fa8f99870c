"""The page of the audit: who changed what, what it was before and after."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from scoreline.client.connection import query_of
from scoreline.ui.differences import deed
from scoreline.ui.forms import Form
from scoreline.ui.pages import Ui
from scoreline.wire.access import Change

AUDIT = "/administration/audit"
_AT_ONCE = 50


def routes(ui: Ui) -> list[Route]:
    """The routes."""

    async def show(request: Request) -> Response:
        form = Form(dict(request.query_params))
        who, on, after = form.text("who") or None, form.text("on") or None, form.text("after") or None
        page = await ui.api(request).page("/audit", Change, who=who, on=on, after=after, limit=_AT_ONCE)
        older = AUDIT + query_of(who=who, on=on, after=page.next) if page.next else ""
        return await ui.page(
            request,
            "administration/audit.html",
            title="Audit",
            section="administration",
            form=form,
            deeds=[deed(change) for change in page.items],
            newest=AUDIT + query_of(who=who, on=on) if after else "",
            older=older,
            filtered=bool(who or on),
        )

    return [Route(AUDIT, show)]
