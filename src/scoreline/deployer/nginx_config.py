"""A ready nginx configuration: one address before the nodes of an infrastructure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import SplitResult, urlsplit

from scoreline.errors import Invalid, ScorelineError, Unavailable
from scoreline.node.limits import Limits
from scoreline.wire.problems import encode_problem

DEFAULT_LISTEN = "8480"
_LISTEN = re.compile(r"([A-Za-z0-9.-]+:|\[[0-9A-Fa-f:]+\]:|\*:)?[0-9]{1,5}")
_FAILS, _REST = 5, 3
# A path goes into the configuration as it is.
_PATH = re.compile(r"(/[A-Za-z0-9_.~-]+)*")

_TLS = """
    # TLS ends before this nginx; or add `ssl` to the port, and here ssl_certificate and its key."""

_TEMPLATE = """\
# nginx before the infrastructure {id}. Include it in the http block, for example as
# /etc/nginx/conf.d/{id}.conf, and try it with: nginx -t
# It names the nodes that the infrastructure has now; make it anew when they change. nginx 1.19.10 or newer.

upstream scoreline.{id} {{
    zone scoreline.{id} 128k;  # all processes of nginx share what they know of the nodes
    # Health is judged by the queries themselves: a node that failed {fails} of them within {rest} s is left
    # alone for {rest} s, and then tried with one.
{checked}
    keepalive 64;
    keepalive_timeout 60s;  # less than the {idle} s after which a node closes an idle connection
    keepalive_requests 1000000;
}}

# The same nodes, asked whatever is known of them: the last resort when all of them have just failed.
upstream scoreline-any.{id} {{
    zone scoreline-any.{id} 128k;
{unchecked}
}}

server {{
    listen {listen};
    server_name {name};{tls}

    client_max_body_size {body};  # as the nodes
    client_body_buffer_size 64k;  # kept until the answer is there, so that another node can be asked

    proxy_http_version 1.1;
    proxy_set_header Host $http_host;
    proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
    proxy_set_header X-Forwarded-Proto $scheme;
    proxy_set_header Connection "";  # connections to the nodes are kept
    # Java's HttpClient offers an upgrade to HTTP/2 with every first query; no node takes it.
    proxy_set_header Upgrade "";
    proxy_set_header HTTP2-Settings "";

    # A query changes nothing on a node, so it may be asked twice, though it is a POST (non_idempotent).
    # Only broken connections and silence count. Answers do not: a 503 says something about one service
    # (disabled, say), and must not take the node from the others.
    proxy_next_upstream error timeout non_idempotent;
    proxy_connect_timeout 1s;
    proxy_send_timeout 10s;
    proxy_read_timeout 30s;

    recursive_error_pages on;
    error_page 413 @too_large;
    error_page 502 504 = @down;

    location {prefix}/ {{
        error_page 413 @too_large;
        error_page 502 = @any;
        error_page 504 = @down;
        proxy_pass http://scoreline.{id}{pass_on};
    }}

    # The admin API and the metrics of a node are for those who reach the node itself.
    location {prefix}/admin {{ return 404; }}
    location {prefix}/metrics {{ return 404; }}
{elsewhere}
    location @any {{{rewrite}
        proxy_pass http://scoreline-any.{id};
    }}

    location @too_large {{
        default_type application/json;
        return 413 '{too_large}';
    }}

    location @down {{
        default_type application/json;
        return 503 '{down}';
    }}
}}
"""


def nginx_config(
    infrastructure: str,
    nodes: Mapping[str, str],
    *,
    public_url: str | None = None,
    listen: str = DEFAULT_LISTEN,
    limits: Limits | None = None,
) -> str:
    """The configuration of an nginx that listens on `listen` (PORT or ADDRESS:PORT) before these nodes.

    `nodes`: id -> URL. Raises Invalid when there is none, when one is not reached over plain http (nginx
    checks the certificates of a pool against one name only), or when they stand under different paths.
    """
    limits = limits or Limits()
    if not _LISTEN.fullmatch(listen):
        raise Invalid(
            f"nginx cannot listen on {listen[:60]!r}; give PORT or ADDRESS:PORT", code="bad-parameter"
        )
    urls = {node: urlsplit(url) for node, url in nodes.items()}
    path = _one_path(infrastructure, urls)
    public = urlsplit(public_url or "")
    prefix = _checked_path(public.path.rstrip("/"))
    changed = prefix or path
    return _TEMPLATE.format(
        id=infrastructure,
        checked=_servers(urls, f"max_fails={_FAILS} fail_timeout={_REST}s"),
        unchecked=_servers(urls, "max_fails=0"),
        fails=_FAILS,
        rest=_REST,
        idle=f"{limits.idle:g}",
        listen=listen,
        name=public.hostname or "_",
        tls=_TLS if public.scheme == "https" else "",
        body=limits.body,
        prefix=prefix,
        elsewhere="    location / { return 404; }\n" if prefix else "",
        pass_on=f"{path}/" if changed else "",
        rewrite=f"\n        rewrite ^{re.escape(prefix)}/(.*)$ {path}/$1 break;" if changed else "",
        too_large=_body(
            Invalid(f"the body exceeds {limits.body} bytes; send less at a time", code="body-too-large")
        ),
        down=_body(Unavailable("no node answers now; try again", code="no-node")),
    )


def _one_path(infrastructure: str, urls: Mapping[str, SplitResult]) -> str:
    if not urls:
        raise Invalid(f"infrastructure {infrastructure!r} has no node whose address is known")
    for node, url in urls.items():
        if url.scheme != "http" or not url.hostname:
            raise Invalid(f"node {node!r} is not reached over plain http; nginx cannot check its certificate")
    paths = {url.path.rstrip("/") for url in urls.values()}
    if len(paths) > 1:
        raise Invalid(f"the nodes of {infrastructure!r} stand under different paths; nginx balances one only")
    return _checked_path(paths.pop())


def _checked_path(path: str) -> str:
    if not _PATH.fullmatch(path):
        raise Invalid(f"the path {path[:60]!r} has characters that cannot go into a configuration of nginx")
    return path


def _servers(urls: Mapping[str, SplitResult], health: str) -> str:
    lines = [f"    server {url.netloc} {health};  # {node}" for node, url in urls.items()]
    return "\n".join(lines)


def _body(error: ScorelineError) -> str:
    return encode_problem(error)[1].decode()
