"""Infrastructures: making, changing and deleting them, and the nodes that belong to each."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator, Sequence

from msgspec.structs import replace

from scoreline.core.infrastructure import (
    LOCAL,
    STATIC,
    Infrastructure,
    SecretReference,
    StaticNode,
    base_url,
    check_infrastructure,
    local_node_ids,
    node_ids,
)
from scoreline.core.names import check_id, did_you_mean
from scoreline.deployer.local_node import LocalNode
from scoreline.deployer.local_nodes import LocalNodes
from scoreline.deployer.messages import infrastructure_message
from scoreline.deployer.nginx_config import nginx_config
from scoreline.deployer.nodes import Node, on_each
from scoreline.deployer.observations import Observed, observe
from scoreline.deployer.remote_node import RemoteNode
from scoreline.deployer.secrets import Secrets, is_kept, is_reference
from scoreline.errors import Conflict, NotAllowed, NotFound
from scoreline.storage.catalog import Catalog
from scoreline.wire import control

BUILT_IN = Infrastructure(id=LOCAL, kind=LOCAL)
"""The infrastructure that there is when there is no other one."""


class Infrastructures:
    """The infrastructures of the catalog, each with its nodes. Everything may be called from any thread."""

    def __init__(self, catalog: Catalog, local_nodes: LocalNodes, secrets: Secrets) -> None:
        self._catalog = catalog.infrastructures
        self._local_nodes = local_nodes
        self._secrets = secrets
        self._nodes: dict[str, tuple[Node, ...]] = {}
        self._changing = threading.Lock()  # of infrastructures; who reads takes what stands

    def all(self) -> list[Infrastructure]:
        """All infrastructures, sorted by id."""
        return self._catalog.all()

    def one(self, infrastructure: str) -> Infrastructure:
        """One infrastructure. Raises NotFound, naming the nearest one."""
        found = self._catalog.one(infrastructure)
        if found is None:
            hint = did_you_mean(infrastructure, [one.id for one in self.all()])
            raise NotFound(f"no infrastructure {infrastructure!r}; {hint}", code="no-such-infrastructure")
        return found

    def nodes(self, infrastructure: str) -> tuple[Node, ...]:
        """The nodes of an infrastructure; none when there is no such infrastructure."""
        return self._nodes.get(infrastructure, ())

    def overview(self) -> list[control.Infrastructure]:
        """All infrastructures, sorted by id, with their nodes as they are just now, looked at together."""
        found = self.all()
        observed = self.observed([one.id for one in found])
        return [infrastructure_message(one, observed[one.id]) for one in found]

    def observed(self, infrastructures: Sequence[str]) -> dict[str, list[Observed]]:
        """By infrastructure, its nodes as they are just now, looked at together."""
        places = [(name, node) for name in infrastructures for node in self.nodes(name)]
        found: dict[str, list[Observed]] = {name: [] for name in infrastructures}
        for (name, _), seen in zip(places, observe([node for _, node in places]), strict=True):
            found[name].append(seen)
        return found

    def described(self, infrastructure: str) -> control.Infrastructure:
        """One infrastructure with its nodes as they are just now. Raises NotFound."""
        return infrastructure_message(self.one(infrastructure), observe(self.nodes(infrastructure)))

    def create(self, wanted: control.NewInfrastructure) -> Infrastructure:
        """Make an infrastructure and begin to look after its nodes, which need not be up.

        Raises Invalid for what cannot be, NotFound for an unknown stage, Conflict when its id is taken.
        """
        check_id(wanted.id, "an infrastructure")
        with self._changing:
            if self._catalog.one(wanted.id) is not None:
                raise Conflict(
                    f"there is an infrastructure {wanted.id!r} already; change that one",
                    code="infrastructure-exists",
                )
            with self._keeping_secrets():
                found = self._settled(Infrastructure(id=wanted.id, kind=wanted.kind), wanted)
                self._catalog.add(found)
            self._look_after(found)
        return found

    def change(
        self,
        infrastructure: str,
        wanted: control.InfrastructureSettings,
        *,
        expected: int | None = None,
        may_refer: bool = False,
    ) -> Infrastructure:
        """Replace the settings of an infrastructure; a node whose settings stay is left in peace.

        `expected`: the revision that was read; None: any. `may_refer`: whether it may refer to secrets of the
        control plane's machine to which it does not refer yet; a node could be made to send them anywhere.
        Raises NotFound, Invalid, NotAllowed, and Conflict (code `stale-revision`) when another one stands.
        """
        with self._changing:
            known = self.one(infrastructure)
            if not may_refer and _references(wanted) - _secrets(known):
                raise NotAllowed(
                    "only admins of the control plane may refer to its files and its environment; give the "
                    "secret itself",
                    code="no-right",
                )
            with self._keeping_secrets():
                found = self._settled(known, wanted)
                read = known.revision if expected is None else expected
                saved = self._catalog.save(replace(found, revision=read))
            self._look_after(saved)
        return saved

    def delete(self, infrastructure: str) -> None:
        """Delete an infrastructure; local nodes end, static ones are left as they are.

        Raises NotFound, and Conflict while there are deployments on it.
        """
        with self._changing:
            self.one(infrastructure)
            with self._keeping_secrets():
                self._catalog.remove(infrastructure)
            self._leave(self._nodes.pop(infrastructure, ()))

    def nginx_config(self, infrastructure: str, listen: str) -> str:
        """The configuration of an nginx before its nodes. Raises Invalid when there can be none."""
        found = self.one(infrastructure)
        urls = {node.id: node.url for node in self.nodes(infrastructure) if node.url}
        return nginx_config(infrastructure, urls, public_url=found.public_url, listen=listen)

    def start(self) -> None:
        """Clear what a killed control plane left, then start or adopt every node."""
        with self._changing:
            if not self.all():
                self._catalog.add(BUILT_IN)
            self._local_nodes.keep_only(self.all())
            self._secrets.drop_others(self._needed())
            for found in self.all():
                self._look_after(found)

    def stop(self) -> None:
        """Stop every node."""
        with self._changing:
            on_each([node for nodes in self._nodes.values() for node in nodes], lambda node: node.stop())

    def _settled(
        self, before: Infrastructure, wanted: control.NewInfrastructure | control.InfrastructureSettings
    ) -> Infrastructure:
        """An infrastructure with other settings, whose secrets are kept. Raises Invalid."""
        keep = self._secrets.keep
        found = replace(
            before,
            stage=wanted.stage,
            local_nodes=wanted.local_nodes,
            nodes=_nodes(before, wanted.nodes),
            public_url=base_url(wanted.public_url, "a public URL") if wanted.public_url else None,
            connections={name: SecretReference(secret) for name, secret in wanted.connections.items()},
        )
        check_infrastructure(found)
        return replace(
            found,
            nodes=tuple(replace(node, admin_key=keep(node.admin_key, found.id)) for node in found.nodes),
            connections={name: keep(secret, found.id) for name, secret in found.connections.items()},
        )

    @contextlib.contextmanager
    def _keeping_secrets(self) -> Iterator[None]:
        """Keep secrets inside; afterwards, also after a failure, only those are there that are needed."""
        try:
            yield
        finally:
            self._secrets.drop_others(self._needed())

    def _needed(self) -> set[str]:
        """Every secret that an infrastructure refers to."""
        return {secret for found in self.all() for secret in _secrets(found)}

    def _look_after(self, infrastructure: Infrastructure) -> None:
        """Let exactly the nodes of an infrastructure be looked after."""
        before = self.nodes(infrastructure.id)
        nodes: Sequence[Node]
        if infrastructure.kind == STATIC:
            known = {node.definition: node for node in before if isinstance(node, RemoteNode)}
            nodes = [known.get(one) or RemoteNode(one, self._secrets) for one in infrastructure.nodes]
        else:
            running = {node.id: node for node in before}
            wanted = local_node_ids(infrastructure)
            nodes = [running.get(one) or self._local_nodes.make(infrastructure.id, one) for one in wanted]
        for node in nodes:
            if node not in before:
                node.start()
        self._nodes[infrastructure.id] = tuple(nodes)
        self._leave([node for node in before if node not in nodes])

    def _leave(self, nodes: Sequence[Node]) -> None:
        """Look no more after nodes that belong to no infrastructure any longer."""
        on_each(nodes, lambda node: node.stop())
        self._local_nodes.remove(node for node in nodes if isinstance(node, LocalNode))


def _secrets(found: Infrastructure) -> set[str]:
    return {*(node.admin_key for node in found.nodes), *found.connections.values()}


def _references(wanted: control.InfrastructureSettings) -> set[str]:
    """What is referred to outside of what the control plane keeps itself."""
    given = (*(node.admin_key for node in wanted.nodes), *wanted.connections.values())
    return {secret for secret in given if is_reference(secret) and not is_kept(secret)}


def _nodes(before: Infrastructure, wanted: Sequence[control.NewNode]) -> tuple[StaticNode, ...]:
    """The nodes as they are wanted; one without an id keeps the one of its URL, or gets the next free one."""
    urls = [base_url(node.url, "the URL of a node") for node in wanted]
    known = {node.url: node.id for node in before.nodes}
    ids = node_ids(before.id, [node.id or known.get(url) for node, url in zip(wanted, urls, strict=True)])
    return tuple(
        StaticNode(id=id_, url=url, admin_key=SecretReference(node.admin_key))
        for id_, url, node in zip(ids, urls, wanted, strict=True)
    )
