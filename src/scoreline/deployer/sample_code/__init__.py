"""Sample code: programs, ready to paste, that ask an endpoint of a deployment and print what it answers."""

from __future__ import annotations

from scoreline.deployer.sample_code.languages import LANGUAGES, SampleQuery, sample_code

__all__ = ["LANGUAGES", "SampleQuery", "sample_code"]
