"""Mails reach a real mail server, or it is told why not."""

from __future__ import annotations

import ssl
import time
from collections.abc import Iterator

import msgspec
import pytest
import trustme
from tests.automation.mail_servers import PASSWORD, USER, Mailbox, mail_server
from tests.automation.senders import sender
from tests.automation.web_servers import closed_port, dripping_server

from scoreline.core.message import Mail
from scoreline.errors import Invalid, Unavailable

SECRETS = {"env:SMTP_PASSWORD": PASSWORD}
MAIL = Mail(to=("risk@bank.example",), subject="Retrain Model has failed", text="Look at it.\n\nSoon.")


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def certified(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    return context


@pytest.fixture(scope="module")
def trusting(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context


@pytest.fixture
def plain() -> Iterator[Mailbox]:
    with mail_server(unknown=("gone@bank.example",)) as mailbox:
        yield mailbox


def test_a_mail_says_from_whom_to_whom_and_what(plain: Mailbox) -> None:
    mail = Mail(
        to=("risk@bank.example", "Risk Tëam <team@bank.example>"),
        from_="Nightly runs <night@bank.example>",
        subject="Drift – schon wieder",
        text=".a line that begins with a dot\nein Umlaut: ä\n" + "long " * 400,
    )

    told = sender(smtp=f"smtp://127.0.0.1:{plain.port}").send(mail)

    (taken,), (envelope,) = plain.mails, plain.envelopes
    assert told == f"mail to risk@bank.example, team@bank.example by 127.0.0.1:{plain.port}"
    assert envelope.mail_from == "night@bank.example"
    assert envelope.rcpt_tos == ["risk@bank.example", "team@bank.example"]
    assert taken["From"] == "Nightly runs <night@bank.example>"
    assert taken["To"] == "risk@bank.example, Risk Tëam <team@bank.example>"
    assert taken["Subject"] == "Drift – schon wieder"
    assert taken["Message-ID"].endswith("@bank.example>")
    assert taken["Auto-Submitted"] == "auto-generated"
    assert taken.get_content_type() == "text/plain"
    assert taken.get_content().splitlines() == mail.text.splitlines()


def test_who_sends_is_the_setting_where_the_mail_names_nobody(plain: Mailbox) -> None:
    sender(smtp=f"smtp://127.0.0.1:{plain.port}").send(MAIL)

    assert plain.mails[0]["From"] == "Scoreline <scoreline@bank.example>"


@pytest.mark.parametrize("scheme", ["smtp+starttls", "smtps"])
def test_a_mail_goes_over_a_private_line_after_signing_in(
    scheme: str, certified: ssl.SSLContext, trusting: ssl.SSLContext
) -> None:
    contexts = {"starttls" if scheme == "smtp+starttls" else "tls": certified}
    with mail_server(**contexts, sign_in=True) as mailbox:  # type: ignore[arg-type]
        url = f"{scheme}://{USER}:${{env:SMTP_PASSWORD}}@127.0.0.1:{mailbox.port}"

        sender(smtp=url, known=SECRETS, trusted=trusting).send(MAIL)

        assert mailbox.mails[0]["Subject"] == MAIL.subject
        assert mailbox.private == mailbox.signed_in == [True]


@pytest.mark.parametrize("scheme", ["smtp+starttls", "smtps"])
def test_a_server_with_a_certificate_of_nobody_known_gets_neither_password_nor_mail(
    scheme: str, certified: ssl.SSLContext
) -> None:
    contexts = {"starttls" if scheme == "smtp+starttls" else "tls": certified}
    with mail_server(**contexts, sign_in=True) as mailbox:  # type: ignore[arg-type]
        url = f"{scheme}://{USER}:${{env:SMTP_PASSWORD}}@127.0.0.1:{mailbox.port}"

        with pytest.raises(Unavailable, match=rf"127\.0\.0\.1:{mailbox.port} is not trusted: "):
            sender(smtp=url, known=SECRETS).send(MAIL)

        assert mailbox.mails == []


def test_a_server_that_offers_no_private_line_gets_no_mail(plain: Mailbox) -> None:
    with pytest.raises(Unavailable, match="STARTTLS extension not supported"):
        sender(smtp=f"smtp+starttls://127.0.0.1:{plain.port}").send(MAIL)

    assert plain.mails == []


def test_a_wrong_password_is_told_but_not_shown(certified: ssl.SSLContext, trusting: ssl.SSLContext) -> None:
    with mail_server(starttls=certified, sign_in=True) as mailbox:
        url = f"smtp+starttls://{USER}:${{env:SMTP_PASSWORD}}@127.0.0.1:{mailbox.port}"

        with pytest.raises(Unavailable, match="does not let us sign in: 535") as refused:
            sender(smtp=url, known={"env:SMTP_PASSWORD": "wrong-and-long"}, trusted=trusting).send(MAIL)

        assert "wrong" not in refused.value.message
        assert mailbox.mails == []


def test_a_secret_that_is_not_there_is_told_by_its_reference() -> None:
    url = f"smtp+starttls://{USER}:${{env:SMTP_PASSWORD}}@127.0.0.1:1"

    with pytest.raises(Unavailable, match="'env:SMTP_PASSWORD' is not there"):
        sender(smtp=url).send(MAIL)


def test_a_recipient_whom_the_server_does_not_know_is_named(plain: Mailbox) -> None:
    mail = msgspec.structs.replace(MAIL, to=("gone@bank.example",))

    with pytest.raises(
        Unavailable, match=r"takes no mail for gone@bank\.example: 550 5\.1\.1 nobody"
    ) as told:
        sender(smtp=f"smtp://127.0.0.1:{plain.port}").send(mail)

    assert told.value.code == "not-sent"
    assert plain.mails == []


def test_a_mail_that_only_some_have_got_is_told_as_such(plain: Mailbox) -> None:
    mail = msgspec.structs.replace(MAIL, to=("risk@bank.example", "gone@bank.example"))

    with pytest.raises(Unavailable, match=r"but not to all: gone@bank\.example: 550") as told:
        sender(smtp=f"smtp://127.0.0.1:{plain.port}").send(mail)

    assert told.value.code == "partly-sent"
    assert plain.envelopes[0].rcpt_tos == ["risk@bank.example"]


def test_a_server_that_is_not_there_is_named() -> None:
    refused = "cannot be reached: Connection refused"
    with closed_port() as port, pytest.raises(Unavailable, match=f"127.0.0.1:{port}: {refused}"):
        sender(smtp=f"smtp://127.0.0.1:{port}").send(MAIL)


@pytest.mark.parametrize(
    "greeting",
    [
        pytest.param(b"220-wait\r\n", id="lines"),
        pytest.param(b"2", id="one line without an end"),
        pytest.param(b"\x16\x03", id="no line at all"),
    ],
)
@pytest.mark.parametrize("scheme", ["smtp", "smtps"])
def test_a_server_that_never_comes_to_the_point_is_given_up(scheme: str, greeting: bytes) -> None:
    with dripping_server(greeting) as port:
        begun = time.monotonic()

        with pytest.raises(Unavailable, match="did not do it within" if scheme == "smtp" else None):
            sender(smtp=f"{scheme}://127.0.0.1:{port}", timeout=1.5).send(MAIL)

        assert time.monotonic() - begun < 30


def test_a_server_that_says_nothing_is_given_up() -> None:
    with dripping_server(b"") as port, pytest.raises(Unavailable, match=r"did not do it within 0\.5 s"):
        sender(smtp=f"smtp://127.0.0.1:{port}", timeout=0.5).send(MAIL)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"subject": "all well\r\nBcc: everybody@bank.example"}, "not one line"),
        ({"subject": "all well\nBcc: everybody@bank.example"}, "not one line"),
        ({"subject": "all well\u2028Bcc: everybody@bank.example"}, "not one line"),
        ({"to": ("risk@bank.example\r\nBcc: everybody@bank.example",)}, "no mail address"),
        ({"to": ("risk@bank.example, everybody@bank.example",)}, "no mail address"),
        ({"to": ("risk@bank.example\nRCPT TO:<everybody@bank.example>",)}, "no mail address"),
        ({"to": ("Risk\nBcc: everybody@bank.example <risk@bank.example>",)}, "no mail address"),
        ({"to": ("<risk@bank.example> SIZE=1",)}, "no mail address"),
        ({"to": ("",)}, "no mail address"),
        ({"to": ()}, "goes to 1 to 100 addresses, not to 0"),
        ({"to": ("risk@bank.example",) * 101}, "goes to 1 to 100 addresses"),
        ({"from_": "me@bank.example\r\nBcc: everybody@bank.example"}, "no mail address"),
    ],
)
def test_what_would_break_out_of_a_header_is_refused(
    change: dict[str, object], complaint: str, plain: Mailbox
) -> None:
    mail = msgspec.structs.replace(MAIL, **change)

    with pytest.raises(Invalid, match=complaint):
        sender(smtp=f"smtp://127.0.0.1:{plain.port}").send(mail)

    assert plain.mails == []


def test_a_text_says_nothing_to_the_mail_server(plain: Mailbox) -> None:
    text = (
        "one\r\n.\r\nMAIL FROM:<evil@bank.example>\r\nRCPT TO:<all@bank.example>\r\nDATA\r\n\r\ntwo\r\n.\r\n"
    )

    sender(smtp=f"smtp://127.0.0.1:{plain.port}").send(msgspec.structs.replace(MAIL, text=text))

    (taken,) = plain.mails
    assert "MAIL FROM:<evil@bank.example>" in taken.get_content()


def test_a_text_that_is_too_long_is_cut(plain: Mailbox) -> None:
    mail = msgspec.structs.replace(MAIL, text="word " * 100_000)

    sender(smtp=f"smtp://127.0.0.1:{plain.port}").send(mail)

    content = plain.mails[0].get_content()
    assert content.rstrip().endswith("… the rest is left out")
    assert len(content) < 201_000


def test_without_a_mail_server_it_is_told_what_to_set() -> None:
    with pytest.raises(Invalid, match="set SCORELINE_SMTP_URL"):
        sender().send(MAIL)
