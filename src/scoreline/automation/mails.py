"""Mails, handed to a mail server by SMTP."""

from __future__ import annotations

import contextlib
import smtplib
import socket
import ssl
import threading
from collections.abc import Iterator
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import formatdate, make_msgid
from types import TracebackType

from scoreline.automation.message_secrets import MessageSecrets
from scoreline.core.mail_server import MailServer
from scoreline.core.message import Mail
from scoreline.core.message_checks import MOST_RECIPIENTS, is_address
from scoreline.core.names import shortened
from scoreline.errors import Invalid, Unavailable

_LONGEST_SUBJECT = 250
_LONGEST_TEXT = 200_000
_LEFT_OUT = "\n… the rest is left out\n"
_SHOWN = 200

PARTLY_SENT = "partly-sent"
"""Code of the error that says that some have it and others do not."""


def send_mail(
    mail: Mail,
    server: MailServer,
    sender: str,
    *,
    secrets: MessageSecrets,
    trusted: ssl.SSLContext,
    timeout: float,
) -> str:
    """Hand in a mail, and say to whom it goes. `sender` counts where the mail names none.

    Raises Invalid for what is no mail, Unavailable when the server does not take it, or, with the code
    `partly-sent`, takes it for some of the recipients only.
    """
    message = _composed(mail, mail.from_ or sender)
    user, password = secrets.put_in(server.user), secrets.put_in(server.password)
    with _translated(server, secrets, timeout), _Call(server, trusted, timeout) as call:
        call.greet(user, password)
        refused = call.send_message(message)
    to = ", ".join(_address(one).addr_spec for one in mail.to)
    if refused:
        listed = "; ".join(f"{address}: {_said(*reply)}" for address, reply in refused.items())
        raise Unavailable(
            f"mail to {to} by {server.place}, but not to all: {secrets.shown(listed)[:1_000]}",
            code=PARTLY_SENT,
        )
    return f"mail to {to} by {server.place}"


class _Call(smtplib.SMTP):
    """One conversation with a mail server, which is cut when its time is over."""

    def __init__(self, server: MailServer, trusted: ssl.SSLContext, timeout: float) -> None:
        super().__init__(timeout=timeout)
        self._server = server
        self._trusted = trusted
        self._line: socket.socket | None = None
        self._late = False
        self._timer = threading.Timer(timeout, self._cut)
        self._timer.daemon = True

    def __enter__(self) -> _Call:
        self._timer.start()
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        late = self._late
        # The mail is taken, or it is not: how the farewell goes changes nothing.
        with contextlib.suppress(smtplib.SMTPException, OSError, ValueError):
            self.quit()
        self._timer.cancel()
        self.close()
        if self._line is not None:
            self._line.close()
        if error is not None and late:
            raise TimeoutError from None

    def greet(self, user: str, password: str) -> None:
        """Call the server, make the line private and sign in, as far as its URL says so."""
        self._host = self._server.host  # the name that its certificate is to bear
        self.connect(self._server.host, self._server.port)
        if self._server.security == "starttls":
            self.starttls(context=self._trusted)
        if user:
            self.login(user, password)

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        line = socket.create_connection((host, port), timeout)
        line.settimeout(2 * timeout)  # the timer comes first: it counts the whole conversation
        self._line = line.dup()
        if self._late:
            line.close()
            raise TimeoutError
        if self._server.security == "tls":
            return self._trusted.wrap_socket(line, server_hostname=host)
        return line

    def _cut(self) -> None:
        """A server that says something now and then would hold the line for ever."""
        self._late = True
        if self._line is not None:
            with contextlib.suppress(OSError):
                self._line.shutdown(socket.SHUT_RDWR)


def _composed(mail: Mail, sender: str) -> EmailMessage:
    if not sender:
        raise Invalid("nobody sends the mail: give it 'from', or set SCORELINE_SMTP_FROM")
    if not 1 <= len(mail.to) <= MOST_RECIPIENTS:
        raise Invalid(f"a mail goes to 1 to {MOST_RECIPIENTS} addresses, not to {len(mail.to)}")
    if not mail.subject.isprintable():
        raise Invalid(f"the subject {shortened(mail.subject)} is not one line of plain characters")
    text = mail.text
    if len(text) > _LONGEST_TEXT:
        text = text[:_LONGEST_TEXT] + _LEFT_OUT
    by, to = _address(sender), [_address(one) for one in mail.to]
    message = EmailMessage(policy=SMTP.clone(cte_type="7bit"))  # any server takes that
    try:
        message["From"] = by
        message["To"] = to
        message["Subject"] = mail.subject[:_LONGEST_SUBJECT]
        message["Date"] = formatdate()
        message["Message-ID"] = make_msgid(domain=by.domain)
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(text)
    except (ValueError, MessageError) as error:
        raise Invalid(f"the mail cannot be written: {type(error).__name__}") from None
    return message


def _address(text: str) -> Address:
    name, _, address = text.rpartition("<")
    try:
        if is_address(text):
            return Address(name.strip(), addr_spec=address.rstrip(">"))
    except (ValueError, MessageError):
        pass
    raise Invalid(f"{shortened(text)} is no mail address, such as risk@example.com")


@contextlib.contextmanager
def _translated(server: MailServer, secrets: MessageSecrets, timeout: float) -> Iterator[None]:
    try:
        yield
    except TimeoutError:
        raise Unavailable(
            f"mail server {server.place} did not do it within {timeout:g} s", code="not-sent"
        ) from None
    except ssl.SSLCertVerificationError as error:
        raise Unavailable(
            f"mail server {server.place} is not trusted: {error.verify_message}", code="not-sent"
        ) from None
    except (smtplib.SMTPException, OSError, ValueError) as error:
        told = secrets.shown(_why(error))[:_SHOWN]
        raise Unavailable(f"mail server {server.place}: {told}", code="not-sent") from None


def _why(error: Exception) -> str:
    match error:
        case smtplib.SMTPAuthenticationError():
            return f"does not let us sign in: {_said(error.smtp_code, error.smtp_error)}"
        case smtplib.SMTPRecipientsRefused():
            address, reply = next(iter(error.recipients.items()))
            return f"takes no mail for {address}: {_said(*reply)}"
        case smtplib.SMTPSenderRefused():
            return f"takes no mail from {error.sender}: {_said(error.smtp_code, error.smtp_error)}"
        case smtplib.SMTPResponseException():
            return f"refused: {_said(error.smtp_code, error.smtp_error)}"
        case smtplib.SMTPServerDisconnected():
            return "has hung up"
        case smtplib.SMTPException():
            return str(error)  # what it cannot do, in the words of the library
        case OSError():
            return f"cannot be reached: {error.strerror or error}"
    return type(error).__name__


def _said(code: int, reply: bytes | str) -> str:
    text = reply.decode("utf-8", "replace") if isinstance(reply, bytes) else reply
    return " ".join(f"{code} {text}".split())[:_SHOWN]
