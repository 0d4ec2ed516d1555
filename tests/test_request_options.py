"""What configures a request acts on it and never lands in its body, on every method.

Arguments of the constructor are refused in a call, with the constructor named. What the clients
themselves do with options is in core/transport/test_seam.py.
"""

import asyncio
import inspect
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import httpx
import pytest
from langchain_core.callbacks import BaseCallbackHandler
from llama_index.core.llms import ChatMessage
from llama_index.core.prompts import PromptTemplate
from llama_index.core.storage.kvstore import SimpleKVStore

from dsgvo import errors
from dsgvo.emulator import Delay, Server, Status
from langchain_dsgvo import ChatInnoGPT, InnoGPTEmbeddings
from llamaindex_dsgvo import InnoGPT, InnoGPTEmbedding
from tests.core.transport.test_secrets import SECRET, check
from tests.frameworks.test_structured import Person

pytestmark = pytest.mark.usefixtures("vendor_environment")
OPTIONS: dict[str, Any] = {"timeout": (5, 60), "max_retries": 0, "extra_query": {"mandant": "7"}}
OPTIONS |= {"extra_headers": {"x-gateway-key": "geheim-4711-geheim"}}
OPTIONS |= {"extra_body": {"metadata": {"abteilung": "7"}}}
MESSAGES = [ChatMessage("Hallo!")]
PROMPT = PromptTemplate("Wer?")


def chat(**settings: Any) -> ChatInnoGPT:
    return ChatInnoGPT(model="claude-4-5-sonnet", **settings)


def llm(**settings: Any) -> InnoGPT:
    return InnoGPT(model="claude-4-5-sonnet", **settings)


def calls(kind: str, made: Callable[[], Any], methods: str, *given: Any, **more: Any) -> Any:
    """The call of each method by its name."""

    def call(method: str) -> Callable[[dict[str, Any]], Any]:
        return lambda options: getattr(made(), method)(*given, **more, **options)

    return {f"{kind}.{method}": call(method) for method in methods.split()}


CALLS: dict[str, Callable[[dict[str, Any]], Any]] = {
    **calls("ChatModel", chat, "invoke ainvoke stream astream", "Hallo!"),
    "ChatModel.bind": lambda o: chat().bind(**o).invoke("Hallo!"),
    "ChatModel.bind_tools": lambda o: chat().bind_tools([Person], **o).invoke("Hallo!"),
    "ChatModel.with_structured_output": lambda o: (
        chat().with_structured_output(Person, method="json_schema", **o).invoke("Wer?")
    ),
    "ChatModel.model_kwargs": lambda o: chat(model_kwargs=o).invoke("Hallo!"),
    **calls("Embeddings", InnoGPTEmbeddings, "embed_documents aembed_documents", ["a"]),
    **calls("Embeddings", InnoGPTEmbeddings, "embed_iter aembed_iter", ["a"]),
    **calls("Embeddings", InnoGPTEmbeddings, "embed_query aembed_query", "a"),
    **calls("LLM", llm, "chat achat stream_chat astream_chat", MESSAGES),
    **calls("LLM", llm, "complete acomplete stream_complete astream_complete", "Hallo!"),
    "LLM.structured_predict": lambda o: llm(structured_output="json_schema").structured_predict(
        Person, PROMPT, llm_kwargs=o
    ),
    **calls("LLM", llm, "chat_with_tools", [], user_msg="Hallo!"),
    **calls("Embedding", InnoGPTEmbedding, "get_text_embedding_batch", ["a"]),
    **calls("Embedding", InnoGPTEmbedding, "aget_text_embedding_batch", ["a"]),
}


def finished(result: Any) -> None:
    """Wait for what a call gives, whatever it is."""

    async def waited() -> None:
        value = await result if inspect.isawaitable(result) else result
        if isinstance(value, AsyncIterator):
            async for _ in value:
                pass

    if inspect.isawaitable(result) or isinstance(result, AsyncIterator):
        asyncio.run(waited())
    elif isinstance(result, Iterator):
        list(result)


@pytest.mark.parametrize("name", CALLS)
def test_options_act_on_the_request_and_stay_out_of_its_body(server: Server, name: str) -> None:
    for argument in ("api_key", "base_url", "default_query"):
        with pytest.raises(errors.ConfigurationError, match=f"{argument} cannot.*constructor"):
            finished(CALLS[name]({argument: "x"}))
    assert server.requests == []
    server.script("innogpt", Status(503))
    with pytest.raises(errors.APIStatusError):
        finished(CALLS[name]({"max_retries": 0}))
    finished(CALLS[name](OPTIONS))
    [_, request] = server.requests
    assert request.headers["x-gateway-key"] == "geheim-4711-geheim"
    assert request.json["metadata"] == {"abteilung": "7"}
    assert request.json.keys().isdisjoint(OPTIONS)


def test_a_time_out_in_every_form_and_in_none(server: Server) -> None:
    for timeout in (0.05, (9, 0.05), httpx.Timeout(9, read=0.05)):
        server.script("innogpt", Delay(30), Delay(30))
        with pytest.raises(errors.APITimeoutError):
            chat().invoke("Hallo!", timeout=timeout, max_retries=0)
        with pytest.raises(errors.APITimeoutError):
            llm(timeout=timeout, max_retries=0).chat(MESSAGES)
    given: Any = {"api_key": SECRET, "default_headers": {"X-Gate": SECRET}}
    later = lambda timeout, **_: llm(**given).model_copy(update={"timeout": timeout}).complete("a")  # noqa: E731
    for made in (chat, llm, InnoGPTEmbeddings, InnoGPTEmbedding, later):
        for wrong in ((1, 2, 3), (0, 1), object()):
            with pytest.raises(errors.ConfigurationError, match="timeout=") as caught:
                made(**given | {"timeout": wrong})
            check("", SECRET, error=caught.value)
    key = {"openai_api_key": "k"}
    refused: list[Any] = [(chat, {"model_kwargs": key}), (llm, {"additional_kwargs": key})]
    refused += [(chat().invoke, {"input": "Hallo!", "cache": True})]
    refused += [(llm().complete, {"prompt": "Hallo!", "system_prompt": "x"})]
    for call, given in refused:
        with pytest.raises(errors.ConfigurationError, match="cannot be set for one call"):
            call(**given)


def test_traces_do_not_hold_headers_of_a_call_and_a_cache_takes_no_options(server: Server) -> None:
    seen: list[str] = []

    class Params(BaseCallbackHandler):
        def on_chat_model_start(self, serialized: Any, messages: Any, **kwargs: Any) -> None:
            seen.append(repr((serialized, kwargs)))

    chat().invoke("Hallo!", config={"callbacks": [Params()]}, **OPTIONS)
    chat(model_kwargs=OPTIONS).invoke("Hallo!", config={"callbacks": [Params()]})
    shown = [*seen, repr(llm(additional_kwargs=OPTIONS).to_dict())]
    assert ["geheim-4711-geheim" in text for text in shown] == [False] * 3
    own: Any = {"extra_body": {"extra_headers": OPTIONS["extra_headers"]}}
    InnoGPTEmbeddings(default_headers={"X-Gateway-Key": "alt"}, **own).embed_query("a")
    chat(**own).invoke("a")
    assert all("geheim-4711" in one.headers["x-gateway-key"] for one in server.requests[-2:])
    key = InnoGPTEmbedding(additional_kwargs={"api_key": "k"})._get_text_embeddings
    cached: Any = InnoGPTEmbedding(embeddings_cache=SimpleKVStore()).get_text_embedding_batch
    for call, given in ((chat().invoke, own), (key, {}), (cached, dict[str, Any](timeout=5))):
        with pytest.raises(errors.ConfigurationError, match=r"of a body: pass|embeddings_cache"):
            call(["a"], **given)
