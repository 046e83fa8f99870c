"""A step that sends a message. It runs in a process of its own."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from scoreline.automation.mails import PARTLY_SENT
from scoreline.automation.messages import MessageSettings, Sender
from scoreline.automation.step_result import StepResult
from scoreline.core.message import Message
from scoreline.deployer.secrets import Secrets
from scoreline.errors import Unavailable
from scoreline.settings import process_environment


def send_message(message: Message, settings: Mapping[str, Any], say: Callable[[str], None]) -> StepResult:
    """Send it; what some have got and others have not is a warning. Raises what `Sender.send` raises."""
    found = msgspec.convert(settings, MessageSettings)
    secrets = Secrets(Path(found.secrets), process_environment())
    sender = Sender(found, secrets.reveal, ssl.create_default_context())
    try:
        told = sender.send(message)
    except Unavailable as error:
        if error.code != PARTLY_SENT:
            raise
        return StepResult(outcome="WARNING", message=error.message)
    say(told)
    return StepResult(message=told)
