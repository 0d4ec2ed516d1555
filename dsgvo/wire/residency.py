"""Data residency: models are refused by where the vendor says that they run.

This reports what a vendor says. What holds for a customer is in the customer's contract.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from functools import lru_cache
from itertools import chain
from typing import Any, Literal, cast, get_args

from pydantic_core import to_jsonable_python

from dsgvo.errors import ConfigurationError, ResidencyError
from dsgvo.providers import Provider
from dsgvo.wire.arguments import among, as_json, is_given, shown

__all__ = [
    "EUROPEAN",
    "RESIDENCY_VARIABLE",
    "Residency",
    "answered_elsewhere",
    "check_models",
    "check_residency",
    "model_id",
    "resolve_residency",
]

Residency = Literal["eu", "any", "strict"]
"""``eu`` refuses models that are said to run elsewhere, ``strict`` also those of which nobody says
where they run, and ``any`` none."""

RESIDENCY_VARIABLE = "DSGVO_RESIDENCY"

# ISO codes of the European Economic Area, and "EU" for vendors that say no more.
EUROPEAN = frozenset(
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


# Fields for the model, and of gateways (OpenRouter, LiteLLM, Portkey) for those that answer where
# the first one does not, or in a part of the work; without signs between their words.
_NAMING = frozenset(
    {
        *("model", "models", "modelid", "modelids", "modelname", "modellist", "basemodel"),
        *("fallback", "fallbacks", "fallbackmodel", "fallbackmodels", "modelfallbacks"),
        *("backupmodel", "backupmodels", "defaultfallbacks", "contentpolicyfallbacks"),
        *("contextwindowfallbacks", "contextwindowfallbackdict"),
    }
)
_AZURE = frozenset({"engine", "deployment", "deployment_id", "deployment_name"})  # of a body alone
_SCHEMA = re.compile(r"(?i)(\$defs|definitions|(pattern)?properties|.*schema)")
# What a model reads, and what its answer is to look like: a property may be called "model" there.
_CONTENT = frozenset(
    {
        *("messages", "input", "prompt", "query", "documents", "metadata", "labels", "variables"),
        *("inputs", "prompt_variables", "chat_template_kwargs", "functions"),
        *("response_format", "structured_outputs", "guided_json"),
    }
)


def resolve_residency(value: str | None) -> Residency:
    """Return the setting; by default ``"eu"``.

    Raises:
        ConfigurationError: If it is none of the three.
    """
    value = value if is_given(value) else "eu"
    if not among(value, get_args(Residency)):
        raise ConfigurationError(
            f"residency={shown(value)} (argument or {RESIDENCY_VARIABLE}): use 'eu', 'strict' or "
            "'any'"
        )
    return cast("Residency", value)


def model_id(model: str) -> str:
    """Return a model's id without white space around it.

    Raises:
        ConfigurationError: If it is no text, holds control characters or is empty.

    Examples:
        >>> model_id(" gpt-4o ")
        'gpt-4o'
    """
    if not isinstance(model, str):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise ConfigurationError(f"model={shown(model)} is not a str")
    text = model.strip(" ")
    if not text or not text.isprintable():
        raise ConfigurationError(f"model={shown(model)}: an id holds no control characters")
    return text


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

    Examples:
        >>> from dsgvo import PROVIDERS
        >>> check_residency(PROVIDERS["meingpt"], "gpt-4o", "eu")
    """
    if residency == "any":
        return
    known = provider.model(model)
    elsewhere = {one.region for one in provider.models} - EUROPEAN - {None}
    plain = not elsewhere or (model.isascii() and model.isprintable())  # else it may pass for one
    if plain and (known.region in EUROPEAN or (known.region is None and residency == "eu")):
        return
    if model.strip().casefold() in {trusted.strip().casefold() for trusted in trusted_models}:
        return
    where = (
        f"runs in {known.region} ({known.source})"
        if known.region
        else "runs at a place that the vendor's pages do not name"
    )
    why = f"by what {provider.title} says it {where}" if plain else f"it is {model!a}, not ASCII"
    raise ResidencyError(
        f"model={shown(model)}: {why}, and residency={residency!r} refuses that. Your contract "
        f"decides: pass residency='any' or set {RESIDENCY_VARIABLE}, or pass "
        f"trusted_models=[{shown(model)}]",
        provider=provider.name,
    )


def check_models(
    provider: Provider,
    body: Mapping[str, Any],
    residency: Residency,
    trusted_models: Collection[str] = (),
) -> None:
    """Refuse the models that a body names by where they run, those that may stand in for one too.

    Raises:
        ResidencyError: If the setting does not accept one of them. Nothing is sent.

    Examples:
        >>> from dsgvo import PROVIDERS
        >>> body = {"model": "gpt-4o", "fallbacks": [{"model": "o1-us"}]}
        >>> check_models(PROVIDERS["meingpt"], body, "any")
    """
    if residency == "any":
        return
    for name, value in body.items():
        names_models = _names_models(name) or name in _AZURE
        if isinstance(value, str):
            found = [value] if name == "model" else _ids(value) if names_models else ()
        elif value is None or isinstance(value, int | float) or name in _CONTENT:
            continue
        else:
            written = _written(value, name)
            found = _ids(written) if names_models else _nested(written)
        for model in found:
            check_residency(provider, model, residency, trusted_models)


def _written(value: object, name: str) -> object:
    """Return a value as it is sent, be it a set, a deque or an Enum; of tools no functions."""
    if name == "tools" and isinstance(value, list | tuple):  # a function's schema is content
        tools = cast("list[Any]", value)
        value = [tool for tool in tools if not _is_function(tool)]
    try:
        return to_jsonable_python(value, fallback=as_json)
    except (ValueError, RecursionError):  # which is said where the body is written
        return None


def _is_function(tool: object) -> bool:
    fields = cast("Mapping[str, object]", tool if isinstance(tool, Mapping) else {})
    return fields.get("type", "function") == "function"


@lru_cache
def _names_models(field: str) -> bool:
    return field.lower().replace("_", "").replace("-", "") in _NAMING


def _ids(value: object) -> Iterator[str]:
    """Yield the ids in a model, a list of them, or a dict that holds one or maps some to others."""
    if isinstance(value, str):
        if " " not in value.strip():  # else it is text
            yield value
    elif isinstance(value, dict):
        fields = cast("dict[str, object]", value)
        holds_one = any(name.lower() == "model" for name in fields)
        yield from _nested(fields) if holds_one else chain(*map(_ids, fields.values()))
    elif isinstance(value, list):
        yield from chain(*map(_ids, cast("list[object]", value)))


def _nested(value: object) -> Iterator[str]:
    """Yield the ids in the fields of options, however deep, that are for models."""
    if isinstance(value, dict):
        for name, item in cast("dict[str, object]", value).items():
            if not _SCHEMA.fullmatch(name):
                yield from _ids(item) if _names_models(name) else _nested(item)
    elif isinstance(value, list):
        yield from chain(*map(_nested, cast("list[object]", value)))


def answered_elsewhere(
    provider: Provider,
    asked: str,
    answered: str,
    residency: Residency,
    trusted_models: Collection[str] = (),
) -> str | None:
    """Return a warning if another model has answered than was asked, at a place not accepted.

    Examples:
        >>> from dsgvo import PROVIDERS
        >>> answered_elsewhere(PROVIDERS["meingpt"], "o1", "o1", "eu")
        >>> answered_elsewhere(PROVIDERS["meingpt"], "o1", "o1-us", "eu").partition(":")[0]
        "meinGPT answered with model 'o1-us', asked for 'o1'"
    """
    if asked == answered or residency == "any" or provider.model(answered).region is None:
        return None
    try:
        check_residency(provider, answered, residency, trusted_models)
    except ResidencyError as error:
        said = f"answered with model {shown(answered)}, asked for {shown(asked)}"
        return f"{provider.title} {said}: {error.message}"
    return None
