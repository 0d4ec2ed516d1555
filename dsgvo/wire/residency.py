"""Where the data goes: models are refused by where the vendor says that they run.

This reports what a vendor says. What holds for a customer is in the customer's contract.
"""

from __future__ import annotations

import os
from collections.abc import Collection
from typing import Literal, cast, get_args

from dsgvo.errors import ConfigurationError, ResidencyError
from dsgvo.providers import Provider

__all__ = ["RESIDENCY_VARIABLE", "Residency", "check_residency", "resolve_residency"]

Residency = Literal["eu", "any", "strict"]
"""``eu`` refuses models that are said to run elsewhere, ``strict`` also those of which nobody says
where they run, and ``any`` none."""

RESIDENCY_VARIABLE = "DSGVO_RESIDENCY"

# ISO codes of the European Economic Area, and "EU" for vendors that say no more.
_EUROPEAN = frozenset(
    [
        "EU",
        "EEA",
        "AT",
        "BE",
        "BG",
        "CY",
        "CZ",
        "DE",
        "DK",
        "EE",
        "ES",
        "FI",
        "FR",
        "GR",
        "HR",
        "HU",
        "IE",
        "IS",
        "IT",
        "LI",
        "LT",
        "LU",
        "LV",
        "MT",
        "NL",
        "NO",
        "PL",
        "PT",
        "RO",
        "SE",
        "SI",
        "SK",
    ]
)


def resolve_residency(value: str | None) -> Residency:
    """Return the setting out of the argument or the environment; by default ``"eu"``.

    Raises:
        ConfigurationError: If it is none of the three.
    """
    value = value or os.environ.get(RESIDENCY_VARIABLE) or "eu"
    if value not in get_args(Residency):
        raise ConfigurationError(
            f"residency={value!r} (argument or {RESIDENCY_VARIABLE}): use 'eu', 'strict' or 'any'"
        )
    return cast("Residency", value)


def check_residency(
    provider: Provider, model: str, residency: Residency, trusted_models: Collection[str] = ()
) -> None:
    """Refuse a model by where it runs.

    Args:
        provider: Who will be asked.
        model: The model's id.
        residency: The setting.
        trusted_models: Ids that the user has checked; they are never refused.

    Raises:
        ResidencyError: If the setting does not accept the model. Nothing is sent.

    Example:
        >>> from dsgvo import PROVIDERS
        >>> check_residency(PROVIDERS["meingpt"], "gpt-4o", "eu")
    """
    if residency == "any" or model in trusted_models:
        return
    known = provider.model(model)
    if known.region is None and residency == "eu":
        return
    if known.region in _EUROPEAN:
        return
    where = (
        f"runs in {known.region} ({known.source})"
        if known.region
        else "runs at a place that the vendor's pages do not name"
    )
    raise ResidencyError(
        f"model={model!r}: by what {provider.title} says it {where}, and residency={residency!r} "
        f"refuses that. Your contract decides: pass residency='any' or set {RESIDENCY_VARIABLE}, "
        f"or pass trusted_models=[{model!r}]",
        provider=provider.name,
    )
