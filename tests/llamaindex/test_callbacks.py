"""Both styles of LlamaIndex's instrumentation: each call is reported once, streams too."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from llama_index.core import callbacks
from llama_index.core.instrumentation import get_dispatcher  # pyright: ignore[reportPrivateImportUsage]
from llama_index.core.instrumentation.event_handlers import BaseEventHandler
from llama_index.core.llms import ChatMessage
from llama_index.core.prompts import PromptTemplate
from llama_index.core.rate_limiter import TokenBucketRateLimiter
from pydantic import Field

from dsgvo.emulator import Reply, Server, Truncate
from dsgvo.errors import ConfigurationError, IncompleteStreamError
from llamaindex_dsgvo import InnoGPTEmbedding
from tests.frameworks.test_structured import Person
from tests.llamaindex.support import Mode, llm

HELLO = [ChatMessage("Hallo!")]
CALLS = [("chat", HELLO, "LLMChat"), ("complete", "Hallo!", "LLMCompletion")]


class Recorder(BaseEventHandler):
    """Keeps the events that it is told."""

    seen: list[Any] = Field(default_factory=list)

    def handle(self, event: Any, **_: Any) -> None:
        self.seen.append(event)

    @property
    def names(self) -> Counter[str]:
        return Counter(type(event).__name__ for event in self.seen)


@pytest.fixture
def recorder() -> Iterator[Recorder]:
    root, handler = get_dispatcher(), Recorder()
    root.event_handlers.append(handler)
    yield handler
    root.event_handlers.remove(handler)


@pytest.mark.parametrize(("method", "question", "event"), CALLS)
def test_each_call_is_reported_once(
    mode: Mode, recorder: Recorder, method: str, question: Any, event: str, server: Server
) -> None:
    with pytest.raises(ConfigurationError, match="should be a CallbackManager"):
        llm("sovrgpt", callback_manager=5)
    debug = callbacks.LlamaDebugHandler(print_trace_on_end=False)
    model = llm("sovrgpt", callback_manager=callbacks.CallbackManager([debug]))
    answer = mode.call(model, method, question)
    assert recorder.names == {f"{event}StartEvent": 1, f"{event}EndEvent": 1}
    assert recorder.seen[-1].response == answer
    assert recorder.seen[0].model_dict["model_name"] == "qwen3.5-9b"
    parts = mode.listed(model, f"stream_{method}", question)
    counts = {"Start": 2, "InProgress": len(parts), "End": 2}
    assert recorder.names == {f"{event}{kind}Event": count for kind, count in counts.items()}
    assert recorder.seen[-1].response == parts[-1]
    assert server.api_key not in str(recorder.seen)
    assert [len(pair) for pair in debug.get_event_pairs(callbacks.CBEventType.LLM)] == [2, 2]


@pytest.mark.parametrize("ended", ["left early", "broken"])
def test_a_stream_that_is_not_read_to_its_end_is_reported_once(
    recorder: Recorder, server: Server, ended: str
) -> None:
    debug = callbacks.LlamaDebugHandler(print_trace_on_end=False)
    if ended == "broken":
        server.script("sovrgpt", Truncate(after=2, reply=Reply(content="Ein langer Text.")))
    manager = callbacks.CallbackManager([debug])
    responses = llm("sovrgpt", callback_manager=manager).stream_chat(HELLO)
    next(responses)
    if ended == "broken":
        with pytest.raises(IncompleteStreamError):
            list(responses)
    responses.close()
    events = ("LLMChatStartEvent", "LLMChatEndEvent", "ExceptionEvent")
    assert [recorder.names[name] for name in events] == [1, 0, 1]
    assert [len(pair) for pair in debug.get_event_pairs(callbacks.CBEventType.LLM)] == [2]


def test_structured_prediction(mode: Mode, recorder: Recorder) -> None:
    model, asked = llm("sovrgpt"), (Person, PromptTemplate("Name: „Anna“, Alter: 3"))
    mode.call(model, "structured_predict", *asked)
    mode.listed(model, "stream_structured_predict", *asked)
    names = [f"LLMStructuredPredict{kind}Event" for kind in ("Start", "End")]
    assert [recorder.names[name] for name in names] == [2, 2]


def test_embeddings(mode: Mode, recorder: Recorder) -> None:
    counter = callbacks.TokenCountingHandler(tokenizer=lambda text: text.split())
    manager = callbacks.CallbackManager([counter])
    model = InnoGPTEmbedding(embed_batch_size=2, dimensions=8, callback_manager=manager)
    vectors = mode.call(model, "get_text_embedding_batch", ["a", "b", "c"])
    assert recorder.names == {"EmbeddingStartEvent": 2, "EmbeddingEndEvent": 2}
    ends = [event for event in recorder.seen if type(event).__name__ == "EmbeddingEndEvent"]
    assert [event.chunks for event in ends] == [["a", "b"], ["c"]]
    assert [vector for event in ends for vector in event.embeddings] == vectors
    model.rate_limiter = TokenBucketRateLimiter(requests_per_minute=600)
    assert mode.call(model, "get_text_embedding_batch", ["a", "b", "c"]) == vectors
    assert [event.prompt for event in counter.embedding_token_counts] == ["a", "b", "c"] * 2


def test_a_rate_limiter_is_asked(mode: Mode) -> None:
    limiter = TokenBucketRateLimiter(requests_per_minute=1)
    mode.call(llm("sovrgpt", rate_limiter=limiter), "complete", "Hallo!")
    assert limiter._request_tokens < 1
