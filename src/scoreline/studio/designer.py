"""The API designer: services of the projects of a control plane, and changing them; changes are audited."""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec

from scoreline.core.complaint import Known
from scoreline.core.names import check_id, did_you_mean, next_version_id, shortened
from scoreline.core.package import Manifest, PackagedLookup, lookup_id
from scoreline.core.project import Kind
from scoreline.core.service import (
    Endpoint,
    PredictionEndpoint,
    Service,
    endpoint_kinds,
    lookups_of,
)
from scoreline.core.service_checks import service_spots
from scoreline.core.service_key import ENTROPY, make_service_key
from scoreline.core.version_changes import changes_between
from scoreline.errors import Conflict, Invalid, NotFound, Problem, ScorelineError
from scoreline.storage.catalog_audit import CatalogAudit
from scoreline.storage.models import ModelStore
from scoreline.storage.project_edits import Change, ProjectFiles
from scoreline.storage.project_files import check_project
from scoreline.storage.project_layout import ProjectTexts, file_of, read_texts
from scoreline.storage.tables import Tables, open_tables
from scoreline.storage.workspace import Workspace
from scoreline.studio.endpoint_drafts import EndpointDrafts
from scoreline.studio.endpoint_schemas import endpoint_takes, schema_of_endpoint
from scoreline.studio.freezing import packaged_model, resolved
from scoreline.studio.project_registry import ProjectRegistry
from scoreline.studio.query_runs import ask_queries
from scoreline.studio.services import service_of
from scoreline.studio.test_queries import candidates, endpoint_of
from scoreline.studio.versions import StoredVersion, delete_version, version_ids, version_of
from scoreline.wire.control_designer import (
    Candidates,
    DesignedEndpoint,
    DesignedService,
    DraftChanges,
    EndpointTakes,
    Finding,
    Findings,
    MadeVersion,
    QueryOutcomes,
    QueryRun,
    ServiceDefinition,
    WholeService,
)
from scoreline.wire.service_openapi import service_openapi

_LONGEST_PROBLEM = 500
_PLACE = re.compile(r"(?P<message>.*) - at `\$\.?(?P<place>.*)`", re.DOTALL)
_SPOT = re.compile(r"(?P<place>[a-z_]+(?:\[\d+\]|\.[a-z_]+)*): (?P<message>.*)", re.DOTALL)


class Designer:
    """What is said of services comes from their files, whoever wrote those."""

    def __init__(self, registry: ProjectRegistry, audit: CatalogAudit) -> None:
        self._registry = registry
        self._audit = audit
        self._drafts = EndpointDrafts()

    def all(self, project: str) -> list[DesignedService]:
        """All services of a project, by id; `problem` says why one cannot be used. Raises NotFound."""
        folder = self._registry.folder(project)
        texts = read_texts(folder)
        read, problems = check_project(folder, texts)
        return [
            _designed(project, name, read.services.get(name), _own(problems, name), Workspace(folder))
            for name in _ids(texts, problems)[Kind.SERVICE]
        ]

    def one(self, project: str, service: str) -> WholeService:
        """One service with its definition. Raises NotFound, naming the nearest one."""
        folder = self._registry.folder(project)
        revision = ProjectFiles(folder).revision(Kind.SERVICE, service) if _may_be(service) else None
        texts = read_texts(folder)
        read, problems = check_project(folder, texts)
        known = _ids(texts, problems)[Kind.SERVICE]
        if service not in known:
            hint = did_you_mean(service, known)
            raise NotFound(f"the project has no service {shortened(service)}; {hint}", code="no-such-service")
        found = read.services.get(service)
        return WholeService(
            service=_designed(project, service, found, _own(problems, service), Workspace(folder)),
            definition=None if found is None else to_wire(found),
            revision=revision or "",
        )

    def create(self, project: str, service: str, definition: Service) -> WholeService:
        """Make a service. Raises Conflict when there is one of that id, Invalid and InvalidProject."""
        folder = self._registry.folder(project)
        check_id(service, "a service")
        taken = {name.casefold(): name for name in _ids(read_texts(folder), ())[Kind.SERVICE]}
        if service.casefold() in taken:
            raise Conflict(
                f"the project has a service {taken[service.casefold()]!r} already; choose another id",
                code="exists",
            )
        ProjectFiles(folder).save(Kind.SERVICE, service, definition, since=None)
        self._note("create service", project, service, None, definition)
        return self.one(project, service)

    def save(
        self, project: str, service: str, definition: Service, *, since: str | None = None
    ) -> WholeService:
        """Change a service; comments in its file stay. `since`: the revision that was read; None: any.

        Raises NotFound, InvalidProject, and Conflict (code `stale-revision`) when somebody changed it since.
        """
        found = self.one(project, service)
        files = ProjectFiles(self._registry.folder(project))
        files.save(Kind.SERVICE, service, definition, since=since or found.revision)
        before = None if found.definition is None else from_wire(found.definition)
        if before != definition:
            self._note("update service", project, service, before, definition)
        return self.one(project, service)

    def rename(self, project: str, service: str, new: str, *, since: str | None = None) -> WholeService:
        """Give a service another id. Raises as `save`, and Conflict once there are versions of it (code
        `has-versions`): those carry its id."""
        folder = self._registry.folder(project)
        found = self.one(project, service)
        if version_ids(Workspace(folder), service):
            raise Conflict(
                f"service {service!r} has versions, which carry its id; make another service instead",
                code="has-versions",
            )
        definition = service_of(folder, service)
        since = since or found.revision
        changes = [
            Change(Kind.SERVICE, new, definition, None, like=service),
            Change(Kind.SERVICE, service, None, since),
        ]
        ProjectFiles(folder).apply(changes)
        told = {"service": service}
        self._audit.record("rename service", f"project:{project}", before=told, after={"service": new})
        return self.one(project, new)

    def add_key(self, project: str, service: str, label: str) -> str:
        """Make a key that callers of a service show, and give it; the service is for callers with a key now.

        What is deployed knows it once a version with it is. Raises NotFound, Invalid, and InvalidProject.
        """
        found = self.one(project, service)
        definition = service_of(self._registry.folder(project), service)
        key, kept = make_service_key(label, secrets.token_bytes(ENTROPY))
        keys = (*definition.api_keys, kept)
        changed = msgspec.structs.replace(definition, authorization="api_keys", api_keys=keys)
        self.save(project, service, changed, since=found.revision)
        return key

    def remove_key(self, project: str, service: str, label: str) -> None:
        """Take a key from a service. Raises NotFound, and Conflict for the last one (code `last-key`)."""
        found = self.one(project, service)
        definition = service_of(self._registry.folder(project), service)
        keys = tuple(one for one in definition.api_keys if one.label != label)
        if len(keys) == len(definition.api_keys):
            hint = did_you_mean(label, [one.label for one in keys])
            raise NotFound(f"service {service!r} has no key {shortened(label)}; {hint}", code="no-such-key")
        if not keys:
            raise Conflict(
                f"{label!r} is the last key of service {service!r}: make another one first, or let it answer "
                "everybody (authorization: public)",
                code="last-key",
            )
        changed = msgspec.structs.replace(definition, api_keys=keys)
        self.save(project, service, changed, since=found.revision)

    def delete(self, project: str, service: str, *, since: str | None = None) -> None:
        """Delete a service; its versions stay where they are. Raises as `save`."""
        found = self.one(project, service)
        files = ProjectFiles(self._registry.folder(project))
        files.delete(Kind.SERVICE, service, since=since or found.revision)
        self._note("delete service", project, service, found.definition, None)

    def check(self, project: str, service: str, given: Any) -> Findings:
        """What is wrong in a definition, given as JSON values; nothing is saved."""
        folder = self._registry.folder(project)
        try:
            definition = msgspec.convert(given, Service)
        except msgspec.ValidationError as error:
            return Findings(findings=(_unreadable(str(error)),))
        texts = read_texts(folder)
        read, problems = check_project(folder, texts)
        known = Known(read, _ids(texts, problems))
        found = [
            Finding(field=_place(at), message=message, stands_against="saving")
            for at, message in service_spots(definition, known)
        ]
        return Findings(findings=tuple(found or _unready(definition, service, folder, self._tables(folder))))

    def takes(self, project: str, service: str, endpoint: str) -> EndpointTakes:
        """What an endpoint takes and gives. Raises NotFound, also for what it needs and is not built."""
        folder = self._registry.folder(project)
        found = endpoint_of(service_of(folder, service), service, endpoint)
        return endpoint_takes(found, folder, self._tables(folder))

    def openapi(self, project: str, service: str) -> dict[str, Any]:
        """The OpenAPI description of a service as it is defined now. Raises as `takes`."""
        folder = self._registry.folder(project)
        definition, tables = service_of(folder, service), self._tables(folder)
        return service_openapi(
            service,
            "draft",
            [schema_of_endpoint(one, folder, tables) for one in definition.endpoints],
            urls=(),
            description=definition.description,
            needs_key=definition.authorization == "api_keys",
        )

    def candidates(
        self, project: str, service: str, endpoint: str, dataset: str, count: int, skip: int
    ) -> Candidates:
        """Rows of a dataset as test queries of an endpoint. Raises NotFound and Invalid."""
        folder = self._registry.folder(project)
        return Candidates(queries=candidates(folder, service, endpoint, dataset, count, skip=skip))

    def ask(self, project: str, service: str, endpoint: str, wanted: QueryRun) -> QueryOutcomes:
        """Ask test queries of an endpoint as it is defined now. Raises what `freezing.freeze` raises."""
        folder = self._registry.folder(project)
        given = wanted.definition
        definition = service_of(folder, service) if given is None else from_wire(given)
        return ask_queries(folder, service, definition, endpoint, wanted.queries, drafts=self._drafts)

    def versions(self, project: str, service: str) -> list[MadeVersion]:
        """The versions of a service, newest first. Raises NotFound."""
        folder = self._registry.folder(project)
        workspace = Workspace(folder)
        if not version_ids(workspace, service):
            self.one(project, service)
        found = [_made(workspace, service, name) for name in version_ids(workspace, service)]
        return sorted(found, key=lambda one: one.created_at, reverse=True)

    def version(self, project: str, service: str, version: str) -> MadeVersion:
        """One version. Raises NotFound, naming the nearest one."""
        return _version(version_of(Workspace(self._registry.folder(project)), service, version))

    def delete_version(self, project: str, service: str, version: str) -> None:
        """Remove a version from the project; where it was published, it stays. Raises NotFound."""
        delete_version(Workspace(self._registry.folder(project)), service, version)
        told = {"service": service, "version": version}
        self._audit.record("delete version", f"project:{project}", before=told)

    def changes(self, project: str, service: str, since: str | None = None) -> DraftChanges:
        """What a version made now would change since another one; None: since the last. Raises NotFound."""
        folder = self._registry.folder(project)
        workspace, tables = Workspace(folder), self._tables(folder)
        definition = service_of(folder, service)
        taken = version_ids(workspace, service)
        last = _last_version(workspace, service) if since is None else since
        before = None if last is None else version_of(workspace, service, last)
        findings = _unready(definition, service, folder, tables)
        after = definition if findings else resolved(definition, service, tables)
        changes = None
        if before is not None and not findings:
            manifest = _draft_manifest(after, before, workspace, tables)
            changes = changes_between((before.manifest, before.service), (manifest, after))
        return DraftChanges(
            next_version=next_version_id(taken),
            compared_with=last,
            changes=changes,
            before=None if before is None else to_wire(before.service),
            after=to_wire(after),
            findings=tuple(findings),
        )

    def _tables(self, folder: Path) -> Tables:
        texts = read_texts(folder)
        return open_tables(check_project(folder, texts)[0], folder, os.environ)

    def _note(
        self, what: str, project: str, service: str, before: Service | None, after: Service | None
    ) -> None:
        def told(definition: Service | None) -> Any:
            return None if definition is None else {"service": service, "definition": definition}

        self._audit.record(what, f"project:{project}", before=told(before), after=told(after))


def to_wire(service: Service) -> ServiceDefinition:
    """A definition as the control API says it."""
    return ServiceDefinition(**{name: getattr(service, name) for name in service.__struct_fields__})


def from_wire(definition: Service) -> Service:
    """A definition as the project's files say it."""
    return Service(**{name: getattr(definition, name) for name in definition.__struct_fields__})


def _may_be(service: str) -> bool:
    try:
        check_id(service, "a service")
    except Invalid:
        return False
    return True


def _ids(texts: ProjectTexts, problems: Sequence[Problem]) -> dict[Kind, list[str]]:
    """The ids of all definitions, sound or not, sorted."""
    names = {*texts.files, *(one.file for one in problems)}
    found: dict[Kind, list[str]] = {}
    for kind in Kind:
        prefix = f"{kind.value}/"
        mine = (name for name in names if name.startswith(prefix) and name.endswith(".yaml"))
        found[kind] = sorted(name[len(prefix) : -len(".yaml")] for name in mine)
    return found


def _own(problems: Sequence[Problem], service: str) -> list[Problem]:
    return [one for one in problems if one.file == file_of(Kind.SERVICE, service)]


def _designed(
    project: str, name: str, service: Service | None, problems: Sequence[Problem], workspace: Workspace
) -> DesignedService:
    definition = service or Service()
    made = version_ids(workspace, name)
    kinds = endpoint_kinds(definition)
    return DesignedService(
        id=name,
        project=project,
        name=definition.name,
        description=definition.description,
        endpoints=tuple(
            DesignedEndpoint(
                id=one.id,
                kind=kinds[one.id],
                model=one.model if isinstance(one, PredictionEndpoint) else None,
                datasets=tuple(lookup.dataset for lookup in lookups_of(one)),
                test_queries=len(one.test_queries),
            )
            for one in definition.endpoints
        ),
        authorization=definition.authorization,
        versions=len(made),
        last_version=_last_version(workspace, name),
        problem="; ".join(str(one) for one in problems)[:_LONGEST_PROBLEM],
    )


def _last_version(workspace: Workspace, service: str) -> str | None:
    made = [workspace.versions(service) / f"{name}.zip" for name in version_ids(workspace, service)]
    return max(made, key=lambda path: path.stat().st_mtime_ns).stem if made else None


def _unreadable(told: str) -> Finding:
    """What msgspec says of values that are no definition."""
    match = _PLACE.fullmatch(told)
    place, message = (match["place"], match["message"]) if match else ("", told)
    return Finding(field=place.replace("[...]", ""), message=message, stands_against="saving")


def _place(at: tuple[str | int, ...]) -> str:
    return "".join(f"[{one}]" if isinstance(one, int) else f".{one}" for one in at).lstrip(".")


def _unready(service: Service, service_id: str, folder: Path, tables: Tables) -> list[Finding]:
    """What stands against packaging a definition that is sound by itself."""
    if not service.endpoints:
        return [_later("endpoints", "there is no endpoint yet; add one")]
    found = []
    for position, endpoint in enumerate(service.endpoints):
        at = f"endpoints[{position}]"
        try:
            resolved(Service(endpoints=(endpoint,)), service_id, tables)
        except ScorelineError as error:
            found.append(_later(at, error.message))
        found += [_later(f"{at}.model", why) for why in _model_problems(endpoint, folder)]
    return found


def _later(field: str, message: str) -> Finding:
    return Finding(field=field, message=message, stands_against="packaging")


def _model_problems(endpoint: Endpoint, folder: Path) -> Iterator[str]:
    if not isinstance(endpoint, PredictionEndpoint):
        return
    store = ModelStore(Workspace(folder).model(endpoint.model))
    if store.active() is None:
        yield f"model {endpoint.model!r} is not trained yet; build it"
        return
    try:
        packaged_model(endpoint.model, store.active_version())
    except ScorelineError as error:
        yield error.message


def _draft_manifest(
    service: Service, before: StoredVersion, workspace: Workspace, tables: Tables
) -> Manifest:
    """The manifest that a version would get, as far as it matters for what changed. Nothing is packaged.

    Rows of a dataset that is as it was are those that the version before has.
    """
    models = {
        one.model: packaged_model(one.model, ModelStore(workspace.model(one.model)).active_version())
        for one in service.endpoints
        if isinstance(one, PredictionEndpoint)
    }
    lookups: dict[str, PackagedLookup] = {}
    for endpoint in service.endpoints:
        for lookup in lookups_of(endpoint):
            name, digest = lookup_id(lookup), tables.digest(lookup.dataset)
            known = before.manifest.lookups.get(name)
            if known is not None and known.dataset_digest == digest:
                lookups[name] = known
                continue
            rows = tables.read(lookup.dataset).num_rows
            lookups[name] = PackagedLookup(
                dataset=lookup.dataset, rows=rows, digest=digest, dataset_digest=digest
            )
    return msgspec.structs.replace(before.manifest, models=models, lookups=lookups)


def _made(workspace: Workspace, service: str, version: str) -> MadeVersion:
    """A version for the list, in which a damaged one does not hide the others."""
    try:
        return _version(version_of(workspace, service, version))
    except Invalid as error:
        return MadeVersion(
            id=version,
            digest="",
            size=0,
            release_notes="",
            created_by="",
            created_at="",
            endpoints={},
            models={},
            lookups={},
            problem=error.message[:_LONGEST_PROBLEM],
        )


def _version(version: StoredVersion) -> MadeVersion:
    manifest = version.manifest
    return MadeVersion(
        id=manifest.version,
        digest=manifest.digest,
        size=version.size,
        release_notes=manifest.release_notes,
        created_by=manifest.created_by,
        created_at=manifest.created_at,
        endpoints=endpoint_kinds(version.service),
        models={name: model.version for name, model in manifest.models.items()},
        lookups={lookup.dataset: lookup.rows for lookup in manifest.lookups.values()},
        problem="",
    )
