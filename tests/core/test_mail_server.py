"""A mail server is named by a URL without secrets."""

from __future__ import annotations

import pytest

from scoreline.core.mail_server import MailServer, mail_server
from scoreline.errors import Invalid


@pytest.mark.parametrize(
    ("url", "server"),
    [
        ("smtp://mail", MailServer(host="mail", port=25, security="none")),
        ("smtp://127.0.0.1:2525/", MailServer(host="127.0.0.1", port=2525, security="none")),
        ("smtps://[::1]", MailServer(host="::1", port=465, security="tls")),
        (
            "smtp+starttls://bot%40bank.example:${env:PASSWORD}@mail.bank.example",
            MailServer(
                host="mail.bank.example",
                port=587,
                security="starttls",
                user="bot@bank.example",
                password="${env:PASSWORD}",
            ),
        ),
        (
            "smtps://bot@bank.example:${secret:mail}@mail.bank.example:4650",
            MailServer(
                host="mail.bank.example",
                port=4650,
                security="tls",
                user="bot@bank.example",
                password="${secret:mail}",
            ),
        ),
        (
            "smtps://${env:USER}:${env:PASSWORD}@mail",
            MailServer(host="mail", port=465, security="tls", user="${env:USER}", password="${env:PASSWORD}"),
        ),
    ],
)
def test_a_url_names_a_mail_server(url: str, server: MailServer) -> None:
    assert mail_server(url) == server


@pytest.mark.parametrize(
    ("url", "complaint"),
    [
        ("smtps://bot:pass-word@mail", "is to be a reference"),
        ("smtps://bot:x${env:PASSWORD}@mail", "is to be a reference"),
        ("smtps://bot:@mail", "there is a user and a password, or neither"),
        ("smtps://:${env:PASSWORD}@mail", "there is a user and a password, or neither"),
        ("smtp://bot:${env:PASSWORD}@mail", "would send the password for all to read"),
        ("smtps://bot@mail", "cannot be understood"),
        ("http://mail", "cannot be understood"),
        ("smtp://mail:0", "cannot be understood"),
        ("smtp://mail:99999", "cannot be understood"),
        ("smtp://mail/path", "cannot be understood"),
        ("smtp://mail\r\n", "cannot be understood"),
        ("mail", "cannot be understood"),
    ],
)
def test_a_url_that_names_none_is_refused_and_not_shown(url: str, complaint: str) -> None:
    with pytest.raises(Invalid, match=complaint) as refused:
        mail_server(url)

    assert refused.value.code == "bad-setting"
    assert "pass-word" not in refused.value.message
