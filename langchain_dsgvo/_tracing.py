"""A warning of tracing: LangSmith gets prompts and answers, whatever the vendor's residency."""

from __future__ import annotations

import os

from dsgvo._warnings import warn_once
from dsgvo.errors import ResidencyWarning
from dsgvo.tracing import SWITCHES, langsmith_host
from dsgvo.wire.residency import Residency

__all__ = ["warn_of_tracing"]

# Source: LangSmith's page "Regions FAQ".
_REGIONS = {"api.smith.langchain.com": "in the USA", "eu.api.smith.langchain.com": "in the EU"}


def warn_of_tracing(residency: Residency) -> None:
    """Warn once if LangChain sends what is asked and answered to LangSmith.

    Args:
        residency: The setting; ``"any"`` silences the warning.
    """
    switch = next((name for name in SWITCHES if os.environ.get(name, "").lower() == "true"), None)
    if switch is None or residency == "any":
        return
    host = langsmith_host()
    warn_once(
        ("tracing", host),
        f"{switch}=true: LangChain sends prompts and answers to LangSmith at {host}, "
        f"{_REGIONS.get(host, 'a region that is not known here')}. Set {switch}=false to switch it "
        "off; residency='any' silences this warning",
        ResidencyWarning,
    )
