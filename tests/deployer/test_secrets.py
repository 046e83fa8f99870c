"""Secrets go in once, and are known by their references from then on."""

from __future__ import annotations

from pathlib import Path

import pytest

from scoreline.core.infrastructure import SecretReference
from scoreline.deployer.secrets import Secrets
from scoreline.errors import Invalid, Unavailable


@pytest.fixture
def secrets(tmp_path: Path) -> Secrets:
    return Secrets(tmp_path / "secrets", {"NODE_KEY": "from-the-environment", "EMPTY": ""})


def test_a_secret_that_is_given_is_kept_for_its_owner_alone_to_read(secrets: Secrets, tmp_path: Path) -> None:
    reference = secrets.keep("the-key-of-a-node", "prod")

    assert reference.startswith("secret:prod~")
    assert "the-key" not in reference
    assert secrets.reveal(reference) == "the-key-of-a-node"
    (file,) = (tmp_path / "secrets").iterdir()
    assert file.stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "secrets").stat().st_mode & 0o777 == 0o700


def test_a_reference_stays_as_it_is(secrets: Secrets, tmp_path: Path) -> None:
    (tmp_path / "key").write_text("from-a-file\n")

    in_environment = secrets.keep("env:NODE_KEY", "prod")
    in_file = secrets.keep(f"file:{tmp_path / 'key'}", "prod")
    again = secrets.keep(secrets.keep("given", "prod"), "prod")

    assert (in_environment, secrets.reveal(in_environment)) == ("env:NODE_KEY", "from-the-environment")
    assert (in_file, secrets.reveal(in_file)) == (f"file:{tmp_path / 'key'}", "from-a-file")
    assert secrets.reveal(again) == "given"


@pytest.mark.parametrize("reference", ["env:NO_SUCH", "env:EMPTY", "file:/no/such/file", "secret:prod~0"])
def test_a_secret_that_is_not_there_is_told_by_its_reference(secrets: Secrets, reference: str) -> None:
    with pytest.raises(Unavailable, match=reference) as refused:
        secrets.reveal(SecretReference(reference))

    assert refused.value.code == "no-secret"


@pytest.mark.parametrize(
    "given",
    [
        "",
        "   ",
        "x" * 5_000,
        "secret:other~1",
        "secret:prod~../../key",
        "secret:prod~no",
        "secret:prod",
        "secret:",
    ],
)
def test_what_cannot_be_a_secret_of_this_owner_is_refused_and_not_repeated(
    secrets: Secrets, given: str
) -> None:
    secrets.keep("kept", "other")

    with pytest.raises(Invalid) as refused:
        secrets.keep(given, "prod")

    assert not given.strip() or given not in refused.value.message


def test_only_what_is_needed_stays(secrets: Secrets) -> None:
    needed, other = secrets.keep("needed", "prod"), secrets.keep("other", "prod")

    secrets.drop_others({needed})

    assert secrets.reveal(needed) == "needed"
    with pytest.raises(Unavailable):
        secrets.reveal(other)
