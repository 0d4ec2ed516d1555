"""Arguments that a program brings along from ``ChatOpenAI``, ``OpenAILike`` and their embeddings.

The lists are those of langchain-openai 1.7.4, llama-index-llms-openai-like 0.8.1 and
llama-index-embeddings-openai-like 0.4.0, each argument with its default there; but
``check_embedding_ctx_length`` as programs set it for servers that are not OpenAI's.
"""

import asyncio
import copy
import pickle
import re
from functools import partial
from typing import Any

import httpx
import pytest
from langchain_core.messages.ai import add_ai_message_chunks

from dsgvo import Client, errors
from dsgvo.emulator import Server, Status
from dsgvo.peers import ANY, PEER_ARGUMENTS
from langchain_dsgvo import ChatInnoGPT, ChatNeuroflash, ChatSovrGPT, InnoGPTEmbeddings
from langchain_dsgvo.errors import ConfigurationError
from llamaindex_dsgvo import InnoGPT, InnoGPTEmbedding, SovrGPT
from tests.core.support import answer

pytestmark = pytest.mark.usefixtures("vendor_environment")


def unset(names: str, **others: Any) -> dict[str, Any]:
    return dict.fromkeys(names.split()) | others


# fmt: off
CHAT_OPENAI = unset(
    "client async_client root_client root_async_client openai_organization organization "
    "openai_proxy http_client http_async_client http_socket_options stream_chunk_timeout name "
    "cache callbacks tags metadata custom_get_token_ids rate_limiter temperature openai_api_key "
    "openai_api_base presence_penalty frequency_penalty seed logprobs top_logprobs logit_bias n "
    "top_p max_completion_tokens reasoning_effort reasoning verbosity tiktoken_model_name "
    "default_headers default_query stop_sequences extra_body disabled_params context_management "
    "include prompt_cache_options service_tier store truncation use_responses_api max_retries "
    "request_timeout",
    disable_streaming=False, include_response_headers=False, model_kwargs={}, model_name="gpt-5",
    stream_usage=True, streaming=False, use_previous_response_id=False, verbose=False,
)
OPENAI_EMBEDDINGS = unset(
    "client async_client dimensions deployment openai_api_version openai_api_base "
    "openai_api_type openai_proxy openai_api_key openai_organization allowed_special "
    "disallowed_special headers request_timeout tiktoken_model_name default_headers http_client "
    "default_query http_async_client",
    check_embedding_ctx_length=False, chunk_size=1000, embedding_ctx_length=8191, max_retries=2,
    model="text-embedding-3-small", model_kwargs={}, retry_max_seconds=20, retry_min_seconds=4,
    show_progress_bar=False, skip_empty=False, tiktoken_enabled=True,
)
OPENAI_LIKE = unset(
    "rate_limiter system_prompt messages_to_prompt max_tokens completion_to_prompt output_parser "
    "query_wrapper_prompt logprobs default_headers api_key api_base api_version modalities "
    "reasoning_effort audio_config tokenizer http_client async_http_client openai_client "
    "async_openai_client",
    additional_kwargs={}, context_window=3900, is_chat_model=True, is_function_calling_model=False,
    max_retries=3, reuse_client=True, should_use_structured_outputs=False, strict=False,
    temperature=0.1, timeout=60.0, top_logprobs=0,
)
OPENAI_LIKE_EMBEDDING = unset(
    "num_workers embeddings_cache rate_limiter api_base dimensions api_key default_headers "
    "http_client async_http_client",
    additional_kwargs={}, api_version="", embed_batch_size=10, max_retries=10, reuse_client=True,
    timeout=60.0,
)
# fmt: on


def sovrgpt(**arguments: Any) -> Any:
    given: dict[str, Any] = {"model": "qwen3.5-9b", **arguments}
    return ChatSovrGPT(**given)


def test_a_program_of_each_peer_runs_with_the_class_changed(server: Server) -> None:
    assert ChatInnoGPT(**CHAT_OPENAI).invoke("Hallo!").text
    assert len(InnoGPTEmbeddings(**OPENAI_EMBEDDINGS).embed_query("Hallo!")) == 1536
    positional: Any = InnoGPT
    assert positional("gpt-5", **OPENAI_LIKE).complete("Hallo!").text
    positional = InnoGPTEmbedding
    embedding = positional("text-embedding-3-large", **OPENAI_LIKE_EMBEDDING)
    assert len(embedding.get_query_embedding("Hallo!")) == 1536  # as the emulator makes them
    calling: Any = {"max_completion_tokens": 9, "stop_sequences": ["x"], "request_timeout": 9}
    assert InnoGPT(model="o1").complete("Hallo!", **calling).text
    assert server.requests.pop().json.keys() == {"model", "messages", "max_tokens", "stop"}
    models = [request.json["model"] for request in server.requests]
    assert models == ["gpt-5", "text-embedding-3-small", "gpt-5", "text-embedding-3-large"]
    assert all("n" not in request.json for request in server.requests)


def refused(said: str, **wrong: Any) -> str:
    with pytest.raises(errors.ConfigurationError, match=said) as caught:
        sovrgpt(**wrong)
    return str(caught.value)


@pytest.mark.parametrize("name", PEER_ARGUMENTS)
def test_what_there_is_not_is_refused_with_the_way_out(name: str) -> None:
    harmless = PEER_ARGUMENTS[name].harmless
    for value in (object(),) if harmless is ANY else harmless:
        if name != "should_use_structured_outputs":
            sovrgpt(**{name: value})
    if harmless is not ANY:
        assert "{body}" not in refused(f"ChatSovrGPT: {name} cannot be set", **{name: object()})
        if not PEER_ARGUMENTS[name].per_call:
            with pytest.raises(ConfigurationError, match=f"{name} cannot be set"):
                sovrgpt().invoke("Hallo!", **{name: object()})


def test_hints_are_near_and_mean_the_same() -> None:
    refused(re.escape("did you mean 'stop'?"), stopp=1)
    refused(re.escape("model_kwargs={'http_clinet': …}"), http_clinet=1)


@pytest.mark.covers("neuroflash", "endpoint POST /oauth/v2/token")
@pytest.mark.parametrize("given", ["argument", "environment"])
def test_what_is_passed_wins_over_the_environment(
    server: Server, monkeypatch: pytest.MonkeyPatch, given: str
) -> None:
    before = server.token_requests
    if given == "argument":  # client credentials beside a key of the environment
        passed = {"client_id": server.client_id, "client_secret": server.client_secret}
    else:  # a key beside client credentials of the environment
        monkeypatch.setenv("NEUROFLASH_CLIENT_ID", "falsch")
        monkeypatch.setenv("NEUROFLASH_CLIENT_SECRET", "falsch")
        passed = {"api_key": server.api_key}
    model: Any = ChatNeuroflash
    assert model(model="openai/gpt-4.1-mini", **passed).invoke("Hallo!").text
    assert (server.token_requests > before) == (given == "argument")


def test_a_key_out_of_a_vault_is_asked_for_before_each_request(server: Server) -> None:
    asked: list[str] = []

    def vault() -> str:
        asked.append("sync")
        return server.api_key

    async def async_vault() -> str:
        asked.append("async")
        return server.api_key

    model = sovrgpt(api_key=vault)
    assert model.invoke("Hallo!").text
    assert list(model.stream("Hallo!"))
    for key in (vault, async_vault, lambda: async_vault()):
        assert asyncio.run(sovrgpt(api_key=key).ainvoke("Hallo!")).text
    assert asked == ["sync", "sync", "sync", "async", "async"]
    for wrong, said in ((async_vault, "calls with await alone"), (lambda: "a b", r"api_key\(\)")):
        with pytest.raises(errors.ConfigurationError, match=said):
            sovrgpt(api_key=wrong).invoke("Hallo!")
    index = SovrGPT(model="m", api_key=vault)  # in LlamaIndex a worker would take another key
    for made in (Client("sovrgpt", api_key=vault), model, index):
        with pytest.raises(errors.ConfigurationError, match="api_key: a function cannot be pickle"):
            pickle.dumps(made)


def test_headers_of_answers_are_kept_where_they_are_wanted(server: Server) -> None:
    model = sovrgpt(include_response_headers=True, default_query={"team": "ein/langer/schlüssel="})
    sent = {
        "Set-Cookie": "geheim",
        "X-Key": server.api_key,
        "X-Url": "a?ein%2Flanger%2Fschl%C3%BCssel%3D",
    }
    server.script("sovrgpt", *[Status(200, answer(), headers=sent)] * 2)
    for message in (model.invoke("Hallo!"), add_ai_message_chunks(*model.stream("Hallo!"))):
        headers = message.response_metadata["headers"]
        assert [*map(headers.get, ("x-key", "x-url", "set-cookie"))] == ["***", "a?***", None]
    named = SovrGPT(model="qwen3.5-9b", include_response_headers=["Content-Type"])
    raw: Any = named.complete("Hallo!").raw
    assert raw["headers"] == {"content-type": "application/json"}
    assert "headers" not in sovrgpt().invoke("Hallo!").response_metadata
    refused("a list of headers' names", include_response_headers="x-request-id")


def test_connections_headers_query_and_timeout_of_an_httpx_client_are_used(server: Server) -> None:
    seen: list[httpx.Request] = []

    class Recording(httpx.HTTPTransport):
        def handle_request(self, request: httpx.Request) -> httpx.Response:
            seen.append(request)
            return super().handle_request(request)

    own: dict[str, Any] = {"headers": {"X-Team": "a"}, "params": {"b": "2"}, "timeout": 7}
    own["mounts"] = {"https://": None}
    with httpx.Client(transport=Recording(), follow_redirects=True, **own) as client:
        settings: Any = {"http_client": client, "default_headers": {"X-Mine": "b"}}
        settings["api_key"] = partial(getattr, server, "api_key")  # which nothing copies
        assert SovrGPT(model="qwen3.5-9b", **settings).complete("Hallo!").text
        for made in (SovrGPT(model="m", **settings), sovrgpt(**settings)):
            assert copy.deepcopy(made).http_transport is made.http_transport
    [request] = seen
    assert (request.headers["x-team"], request.headers["x-mine"]) == ("a", "b")
    assert "python-httpx" not in request.headers["user-agent"]
    assert (request.url.query, request.extensions["timeout"]["read"]) == (b"b=2", 7)

    async def ask() -> str:
        async with httpx.AsyncClient() as client:
            return (await sovrgpt(http_async_client=client).ainvoke("Hallo!")).text

    assert asyncio.run(ask())
    refused("http_client is a object: pass an httpx.Client", http_client=object())
    refused("http_client has auth: pass api_key", http_client=httpx.Client(auth=("a", "b")))
    refused("has event_hooks: wrap", http_client=httpx.Client(event_hooks={"request": [print]}))
    refused("two params", http_client=httpx.Client(params=[("a", 1), ("a", 2)]))
    assert sovrgpt(http_client=httpx.Client()).timeout == sovrgpt().timeout
    refused("pass one of them", http_client=client, http_transport=Recording())
