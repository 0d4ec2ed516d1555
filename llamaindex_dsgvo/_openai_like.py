"""Arguments that a program brings along when ``OpenAILike(...)`` becomes one of our classes.

Each is understood, or refused with the reason; none is dropped in silence.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from dsgvo.errors import ConfigurationError

__all__ = ["without_openai_like"]


class _Leftover(NamedTuple):
    """An argument without a counterpart here.

    Args:
        harmless: Values that ask for what happens anyway.
        reason: Why others cannot be taken, and what to do.
    """

    harmless: tuple[Any, ...]
    reason: str


_OWN_CONNECTIONS = (
    "connections are pooled by this package; a proxy is taken from HTTPS_PROXY, certificates from "
    "SSL_CERT_FILE"
)
_BODY_FIELD = "no vendor documents it; to send it all the same, use additional_kwargs={…}"

_LEFTOVERS: Mapping[str, _Leftover] = {
    "is_chat_model": _Leftover((True, None), "all models here are chat models"),
    "reuse_client": _Leftover(
        (True, False, None), "connections are always shared, safely in any thread and event loop"
    ),
    "should_use_structured_outputs": _Leftover(
        (False, None), "pass structured_output='json_schema', where the vendor documents it"
    ),
    "api_version": _Leftover((None, ""), "the vendors' APIs have one version, in api_base"),
    "tokenizer": _Leftover(
        (None,), "tokens are counted by the vendor; for LlamaIndex's own, set Settings.tokenizer"
    ),
    "logprobs": _Leftover((None, False), _BODY_FIELD),
    "top_logprobs": _Leftover((None, 0), _BODY_FIELD),
    "modalities": _Leftover((None,), _BODY_FIELD),
    "audio_config": _Leftover((None,), _BODY_FIELD),
    "http_client": _Leftover((None,), _OWN_CONNECTIONS),
    "async_http_client": _Leftover((None,), _OWN_CONNECTIONS),
    "openai_client": _Leftover((None,), _OWN_CONNECTIONS),
    "async_openai_client": _Leftover((None,), _OWN_CONNECTIONS),
}


def without_openai_like(cls_name: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments that are left to be understood.

    Raises:
        ConfigurationError: If one asks for something that there is not.
    """
    left: dict[str, Any] = {}
    for name, value in arguments.items():
        leftover = _LEFTOVERS.get(name)
        if leftover is None:
            left[name] = value
        elif not any(value is harmless or value == harmless for harmless in leftover.harmless):
            raise ConfigurationError(f"{cls_name}: {name} cannot be set: {leftover.reason}")
    return left
