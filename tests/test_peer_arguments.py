"""Arguments that a program brings along from ``ChatOpenAI``, ``OpenAILike`` and their embeddings.

The lists are those of langchain-openai 1.7.4, llama-index-llms-openai-like 0.8.1 and
llama-index-embeddings-openai-like 0.4.0, each argument with its default there.
"""

from __future__ import annotations

from typing import Any

import pytest

from dsgvo import errors
from dsgvo.emulator import Server
from dsgvo.peers import ANY, PEER_ARGUMENTS
from langchain_dsgvo import ChatInnoGPT, ChatSovrGPT, InnoGPTEmbeddings
from llamaindex_dsgvo import InnoGPT, InnoGPTEmbedding

CHAT_OPENAI: dict[str, Any] = {
    **dict.fromkeys(("client", "async_client", "root_client", "root_async_client")),
    **dict.fromkeys(("openai_organization", "organization", "openai_proxy", "http_client")),
    **dict.fromkeys(("http_async_client", "http_socket_options", "stream_chunk_timeout")),
    **dict.fromkeys(("name", "cache", "callbacks", "tags", "metadata", "custom_get_token_ids")),
    **dict.fromkeys(("rate_limiter", "temperature", "openai_api_key", "openai_api_base")),
    **dict.fromkeys(("presence_penalty", "frequency_penalty", "seed", "logprobs", "top_logprobs")),
    **dict.fromkeys(("logit_bias", "n", "top_p", "max_completion_tokens", "reasoning_effort")),
    **dict.fromkeys(("reasoning", "verbosity", "tiktoken_model_name", "default_headers")),
    **dict.fromkeys(("default_query", "stop_sequences", "extra_body", "disabled_params")),
    **dict.fromkeys(("context_management", "include", "prompt_cache_options", "service_tier")),
    **dict.fromkeys(("store", "truncation", "use_responses_api", "max_retries", "request_timeout")),
    "disable_streaming": False,
    "include_response_headers": False,
    "model_kwargs": {},
    "model_name": "gpt-5",
    "stream_usage": True,
    "streaming": False,
    "use_previous_response_id": False,
    "verbose": False,
}
OPENAI_EMBEDDINGS: dict[str, Any] = {
    **dict.fromkeys(("client", "async_client", "dimensions", "deployment", "openai_api_version")),
    **dict.fromkeys(("openai_api_base", "openai_api_type", "openai_proxy", "openai_api_key")),
    **dict.fromkeys(("openai_organization", "allowed_special", "disallowed_special", "headers")),
    **dict.fromkeys(("request_timeout", "tiktoken_model_name", "default_headers", "http_client")),
    **dict.fromkeys(("default_query", "http_async_client")),
    "check_embedding_ctx_length": False,  # as programs set it for servers that are not OpenAI's
    "chunk_size": 1000,
    "embedding_ctx_length": 8191,
    "max_retries": 2,
    "model": "text-embedding-3-small",
    "retry_max_seconds": 20,
    "retry_min_seconds": 4,
    "show_progress_bar": False,
    "skip_empty": False,
    "tiktoken_enabled": True,
}
OPENAI_LIKE: dict[str, Any] = {
    **dict.fromkeys(("rate_limiter", "system_prompt", "messages_to_prompt", "max_tokens")),
    **dict.fromkeys(("completion_to_prompt", "output_parser", "query_wrapper_prompt", "logprobs")),
    **dict.fromkeys(("default_headers", "api_key", "api_base", "api_version", "modalities")),
    **dict.fromkeys(("reasoning_effort", "audio_config", "tokenizer", "http_client")),
    **dict.fromkeys(("async_http_client", "openai_client", "async_openai_client")),
    "additional_kwargs": {},
    "context_window": 3900,
    "is_chat_model": True,
    "is_function_calling_model": False,
    "max_retries": 3,
    "reuse_client": True,
    "should_use_structured_outputs": False,
    "strict": False,
    "temperature": 0.1,
    "timeout": 60.0,
    "top_logprobs": 0,
}
OPENAI_LIKE_EMBEDDING: dict[str, Any] = {
    **dict.fromkeys(("num_workers", "embeddings_cache", "rate_limiter", "api_base", "dimensions")),
    **dict.fromkeys(("api_key", "default_headers", "http_client", "async_http_client")),
    "additional_kwargs": {},
    "api_version": "",
    "embed_batch_size": 10,
    "max_retries": 10,
    "reuse_client": True,
    "timeout": 60.0,
}


def sovrgpt(**arguments: Any) -> Any:
    given: dict[str, Any] = {"model": "qwen3.5-9b", **arguments}
    return ChatSovrGPT(**given)


@pytest.fixture(autouse=True)
def vendors(vendor_environment: Server) -> Server:
    return vendor_environment


def test_a_program_of_each_peer_runs_with_the_class_changed(server: Server) -> None:
    assert ChatInnoGPT(**CHAT_OPENAI).invoke("Hallo!").text
    assert len(InnoGPTEmbeddings(**OPENAI_EMBEDDINGS).embed_query("Hallo!")) == 1536
    positional: Any = InnoGPT
    assert positional("gpt-5", **OPENAI_LIKE).complete("Hallo!").text
    positional = InnoGPTEmbedding
    embedding = positional("text-embedding-3-large", **OPENAI_LIKE_EMBEDDING)
    assert len(embedding.get_query_embedding("Hallo!")) == 1536  # as the emulator makes them
    assert [request.json["model"] for request in server.requests] == [
        "gpt-5",
        "text-embedding-3-small",
        "gpt-5",
        "text-embedding-3-large",
    ]
    assert all("n" not in request.json for request in server.requests)


@pytest.mark.parametrize("name", PEER_ARGUMENTS)
def test_what_there_is_not_is_refused_with_the_way_out(server: Server, name: str) -> None:
    peer = PEER_ARGUMENTS[name]
    if peer.harmless is ANY:
        sovrgpt(**{name: object()})
        return
    for value in peer.harmless:
        if name != "should_use_structured_outputs":
            sovrgpt(**{name: value})
    with pytest.raises(errors.ConfigurationError, match=f"ChatSovrGPT: {name} cannot be set") as e:
        sovrgpt(**{name: object()})
    assert "{body}" not in str(e.value)


@pytest.mark.parametrize("name", ["http_clinet", "respond_format", "stopp", "grammar", "modell"])
def test_hints_are_near_and_mean_the_same(name: str) -> None:
    near = {"stopp": "stop", "modell": "model"}
    with pytest.raises(errors.ConfigurationError) as caught:
        sovrgpt(**{name: 1})
    if name in near:
        assert f"did you mean {near[name]!r}?" in str(caught.value)
    else:
        assert f"go into model_kwargs={{{name!r}: …}}" in str(caught.value)


@pytest.mark.parametrize("given", ["argument", "environment"])
def test_what_is_passed_wins_over_the_environment(
    server: Server, monkeypatch: pytest.MonkeyPatch, given: str
) -> None:
    from langchain_dsgvo import ChatNeuroflash

    before = server.token_requests
    signed_in: dict[str, Any] = {
        "client_id": server.client_id,
        "client_secret": server.client_secret,
    }
    if given == "argument":  # client credentials beside a key of the environment
        model = ChatNeuroflash(model="openai/gpt-4.1-mini", **signed_in)
    else:  # a key beside client credentials of the environment
        monkeypatch.setenv("NEUROFLASH_CLIENT_ID", "falsch")
        monkeypatch.setenv("NEUROFLASH_CLIENT_SECRET", "falsch")
        model = ChatNeuroflash(model="openai/gpt-4.1-mini", api_key=server.api_key)
    assert model.invoke("Hallo!").text
    assert (server.token_requests > before) == (given == "argument")
