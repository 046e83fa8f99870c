"""Real mail servers for tests, each in a thread of its own."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import default
from typing import Any, cast

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

USER, PASSWORD = "alerts@bank.example", "p4ss-of-the-mail-server"


@dataclass
class Mailbox:
    """What a server took, and whom it does not know."""

    unknown: tuple[str, ...] = ()
    port: int = 0
    envelopes: list[Envelope] = field(default_factory=list)
    private: list[bool] = field(default_factory=list)
    signed_in: list[bool] = field(default_factory=list)

    @property
    def mails(self) -> list[EmailMessage]:
        parser = BytesParser(policy=default)
        return [
            cast(EmailMessage, parser.parsebytes(cast(bytes, one.original_content))) for one in self.envelopes
        ]

    async def handle_RCPT(
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        if address in self.unknown:
            return "550 5.1.1 nobody of that name"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        self.private.append(server.transport.get_extra_info("sslcontext") is not None)
        self.signed_in.append(session.authenticated)
        self.envelopes.append(envelope)
        return "250 OK"


def authenticate(_server: SMTP, _session: Session, _envelope: Envelope, _way: str, data: Any) -> AuthResult:
    right = isinstance(data, LoginPassword) and data == LoginPassword(USER.encode(), PASSWORD.encode())
    return AuthResult(success=right, handled=False)


@contextlib.contextmanager
def mail_server(
    *,
    starttls: ssl.SSLContext | None = None,
    tls: ssl.SSLContext | None = None,
    sign_in: bool = False,
    unknown: tuple[str, ...] = (),
) -> Iterator[Mailbox]:
    """A mail server on a free port of this machine."""
    mailbox = Mailbox(unknown=unknown)

    def protocol() -> SMTP:
        return SMTP(
            mailbox,
            hostname="mail.test",
            tls_context=starttls,
            require_starttls=starttls is not None,
            auth_required=starttls is not None and sign_in,
            auth_require_tls=starttls is not None,
            authenticator=authenticate,
        )

    with _loop() as loop:

        async def listen() -> asyncio.Server:
            return await loop.create_server(protocol, "127.0.0.1", 0, ssl=tls)

        server = asyncio.run_coroutine_threadsafe(listen(), loop).result(30)
        mailbox.port = server.sockets[0].getsockname()[1]
        try:
            yield mailbox
        finally:
            loop.call_soon_threadsafe(server.close)


@contextlib.contextmanager
def _loop() -> Iterator[asyncio.AbstractEventLoop]:
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()

    async def end() -> None:
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    try:
        yield loop
    finally:
        asyncio.run_coroutine_threadsafe(end(), loop).result(30)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(30)
        loop.close()
