"""Arguments of ``ChatOpenAI``, ``OpenAIEmbeddings`` and ``OpenAILike`` without a counterpart here.

A program brings them along when one of those becomes a class of ours. Each changes nothing, or is
refused with the way out; none is dropped in silence and none goes into a body by mistake.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from dsgvo.errors import ConfigurationError
from dsgvo.wire.arguments import equal

__all__ = ["PEER_ARGUMENTS", "PeerArgument", "check_peer_argument"]


class PeerArgument(NamedTuple):
    """An argument without a counterpart.

    Args:
        harmless: Values that ask for what happens anyway; ``ANY``: all of them.
        reason: Why others cannot be taken, and what to do.
        per_call: Whether a call may set it: for that request, or as a field of its body.
    """

    harmless: tuple[Any, ...]
    reason: str = ""
    per_call: bool = False


ANY: Final = ("any value",)

_OWN_POOLS = (
    "connections are pooled by this package: pass http_transport=… or http_async_transport=… for "
    "your own way to the network, and default_headers=… and timeout=…; a proxy is taken from "
    "HTTPS_PROXY, certificates from SSL_CERT_FILE"
)
_ONE_VERSION = "the vendors' APIs have one version, in the base URL"
_BODY_FIELD = "no vendor documents it; to send it all the same, use {body}={{{name!r}: …}}"
_RESPONSES_API = "it belongs to OpenAI's Responses API, which no vendor has"
_NO_TOKENIZER = "texts are sent as they are, and tokens are counted by the vendor"
_PACED = "requests are repeated with growing pauses, and as Retry-After says: pass max_retries=…"

PEER_ARGUMENTS: Mapping[str, PeerArgument] = {
    # Clients and connections
    **dict.fromkeys(
        ("client", "async_client", "root_client", "root_async_client"),
        PeerArgument((None,), _OWN_POOLS),
    ),
    **dict.fromkeys(
        ("openai_client", "async_openai_client", "http_socket_options"),
        PeerArgument((None,), _OWN_POOLS),
    ),
    "openai_proxy": PeerArgument((None, ""), _OWN_POOLS),
    "reuse_client": PeerArgument(
        (True, False, None), "connections are always shared, safely in any thread and event loop"
    ),
    "stream_chunk_timeout": PeerArgument(
        (None,),
        "timeout=… is the longest silence, between the pieces of a stream too; what a server sends "
        "to keep the connection open ends one, and asyncio.timeout(…) bounds a whole call",
    ),
    "retry_min_seconds": PeerArgument(ANY, _PACED),
    "retry_max_seconds": PeerArgument(ANY, _PACED),
    **dict.fromkeys(
        ("organization", "openai_organization"),
        PeerArgument((None, ""), "a gateway's own headers go into default_headers={{…}}"),
    ),
    **dict.fromkeys(("api_version", "openai_api_version"), PeerArgument((None, ""), _ONE_VERSION)),
    "openai_api_type": PeerArgument((None, "", "openai", "open_ai"), _ONE_VERSION),
    "deployment": PeerArgument((None,), "pass the model's id as model=…"),
    "headers": PeerArgument((None,), "pass default_headers={{…}}"),
    "extra_headers": PeerArgument(
        (None,), "pass default_headers={{…}}, or extra_headers per call", per_call=True
    ),
    "extra_query": PeerArgument((None,), "pass extra_query per call", per_call=True),
    # What is asked for
    "is_chat_model": PeerArgument((True, None), "all models here are chat models"),
    "should_use_structured_outputs": PeerArgument(
        (False, None), "pass structured_output='json_schema', where the vendor documents it"
    ),
    "n": PeerArgument(
        (None, 1), "the vendors give one answer a request: call batch() instead", per_call=True
    ),
    "logprobs": PeerArgument((None, False), _BODY_FIELD, per_call=True),
    "top_logprobs": PeerArgument((None, 0), _BODY_FIELD, per_call=True),
    "audio_config": PeerArgument((None,), _BODY_FIELD),
    **dict.fromkeys(
        ("min_p", "modalities", "service_tier", "store", "top_k", "verbosity"),
        PeerArgument((None,), _BODY_FIELD, per_call=True),
    ),
    **dict.fromkeys(
        ("response_format", "tool_choice", "tools"),
        PeerArgument((None,), "pass it per call", per_call=True),
    ),
    "reasoning": PeerArgument((None,), f"{_RESPONSES_API}: pass reasoning_effort=…", per_call=True),
    **dict.fromkeys(
        ("context_management", "include", "prompt_cache_options", "truncation"),
        PeerArgument((None,), _RESPONSES_API, per_call=True),
    ),
    "use_responses_api": PeerArgument((None, False), _RESPONSES_API),
    "use_previous_response_id": PeerArgument((None, False), _RESPONSES_API),
    "disabled_params": PeerArgument(
        (None, {"parallel_tool_calls": None}), "nothing is sent but what you set"
    ),
    # Tokenizers
    "tokenizer": PeerArgument((None,), f"{_NO_TOKENIZER}; LlamaIndex has Settings.tokenizer"),
    "tiktoken_model_name": PeerArgument((None,), _NO_TOKENIZER),
    "tiktoken_enabled": PeerArgument((True, False, None), _NO_TOKENIZER),
    "allowed_special": PeerArgument(ANY, _NO_TOKENIZER),
    "disallowed_special": PeerArgument(ANY, _NO_TOKENIZER),
    "embedding_ctx_length": PeerArgument(ANY, _NO_TOKENIZER),
    "check_embedding_ctx_length": PeerArgument(
        (False, None), f"{_NO_TOKENIZER}: split long ones before"
    ),
    "skip_empty": PeerArgument((False, None), "leave empty texts out before"),
    "mode": PeerArgument((None,), "queries and documents are embedded alike; pass model=…"),
}


def check_peer_argument(owner: str, name: str, value: object, body_argument: str) -> bool:
    """Return whether an argument is a peer's that changes nothing here.

    Args:
        owner: Name of the class, for messages.
        name: The argument.
        value: What it was given.
        body_argument: The class's argument for fields of the body.

    Returns:
        ``False`` if no peer has such an argument.

    Raises:
        ConfigurationError: If it asks for something that there is not.

    Examples:
        >>> check_peer_argument("ChatSovrGPT", "use_responses_api", False, "model_kwargs")
        True
    """
    peer = PEER_ARGUMENTS.get(name)
    if peer is None:
        return False
    if peer.harmless is not ANY and not any(
        value is harmless or equal(value, harmless) for harmless in peer.harmless
    ):
        reason = peer.reason.format(body=body_argument, name=name)
        raise ConfigurationError(f"{owner}: {name} cannot be set: {reason}")
    return True
