"""The web pages: a surface beside the command line and the control API.

A page is a client of the control API in the same process. So whoever uses a page may do, and is audited
for, exactly what he could do over the API. How one is made:

    def routes(ui: Ui) -> list[Route]:
        async def show(request: Request) -> Response:
            flow = await ui.api(request).get(path_to("projects", project, "flow"), Flow)
            return await ui.page(request, "flow/flow.html", title="Flow", flow=flow)

        async def build(request: Request) -> Response:
            form = await ui.form(request)
            job = await ui.api(request).post(path_to("projects", project, "builds"), Order(...), Job)
            return ui.go(request, path_to("projects", project, "jobs", job.id), say="The build has begun.")

        return [Route(URL, show), Route(URL, build, methods=["POST"])]

Errors of the control API that a handler lets through become a page or, for htmx, a message. Where they
belong beside a field, the handler catches them and shows its form again with `status=status_of(error)`.
Templates extend `layout.html` and use the macros of `components.html`. Styles and scripts are in `web/`
of the repository; `scripts/assets.sh` bundles them into `static/`.
"""
