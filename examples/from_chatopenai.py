"""A travel-expenses desk that was written for ChatOpenAI; the import and the key are what changed.

    INNOGPT_API_KEY=… INNOGPT_MODEL=gpt-5 python from_chatopenai.py

Without a key: `dsgvo emulator`, and paste what it prints; the model's variable remains to be set.
"""

import asyncio
import os
from typing import Any

from langchain.agents import create_agent
from langchain.agents.middleware import (
    ModelCallLimitMiddleware,
    ModelRetryMiddleware,
    SummarizationMiddleware,
    ToolCallLimitMiddleware,
)
from langchain_core.caches import InMemoryCache
from langchain_core.callbacks import BaseCallbackHandler, get_usage_metadata_callback
from langchain_core.globals import set_llm_cache
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage, ToolMessage
from langchain_core.output_parsers import JsonOutputParser, StrOutputParser
from langchain_core.outputs import LLMResult
from langchain_core.prompts import ChatPromptTemplate, MessagesPlaceholder
from langchain_core.rate_limiters import InMemoryRateLimiter
from langchain_core.runnables import ConfigurableField, RunnableConfig, RunnableParallel
from langchain_core.tools import tool
from langgraph.checkpoint.memory import InMemorySaver
from pydantic import BaseModel, Field

# Before: from langchain_openai import ChatOpenAI
from langchain_dsgvo import ChatInnoGPT as ChatOpenAI

MODEL = os.environ["INNOGPT_MODEL"]  # before: "gpt-5"
KEY = os.environ["INNOGPT_API_KEY"]  # before: OPENAI_API_KEY

llm = ChatOpenAI(
    model=MODEL,
    api_key=KEY,
    temperature=0.2,
    max_tokens=800,
    timeout=30,
    max_retries=2,
    stream_usage=True,
    default_headers={"X-Department": "travel"},
    metadata={"desk": "travel"},
    tags=["expenses"],
    rate_limiter=InMemoryRateLimiter(requests_per_second=200),
)


class Claim(BaseModel):
    """A traveller's claim."""

    traveller: str = Field(description="Who travelled")
    days: int = Field(description="Full days away", ge=0)
    receipts: list[float] = Field(default_factory=list[float])


class Ledger(BaseCallbackHandler):
    """Counts what was asked and what it has cost."""

    def __init__(self) -> None:
        self.asked = self.tokens = self.pieces = 0

    def on_chat_model_start(self, serialized: Any, messages: Any, **_: Any) -> None:
        self.asked += 1

    def on_llm_new_token(self, token: str, **_: Any) -> None:
        self.pieces += 1

    def on_llm_end(self, response: LLMResult, **_: Any) -> None:
        message = getattr(response.generations[0][0], "message", None)
        if isinstance(message, AIMessage) and message.usage_metadata:
            self.tokens += message.usage_metadata["total_tokens"]


@tool
def daily_allowance(days: int, country: str = "DE") -> float:
    """Return the allowance for full days of travel, in euros.

    Args:
        days: Full days away.
        country: Country code.
    """
    return days * {"DE": 28.0, "AT": 40.0}.get(country, 35.0)


@tool(response_format="content_and_artifact")
def receipts_of(traveller: str) -> tuple[str, list[float]]:
    """List the receipts of a traveller."""
    receipts = [12.5, 80.0]
    return f"{len(receipts)} receipts of {traveller}", receipts


def plain_calls() -> None:
    """Invoke, per-call settings, batches, and the cache."""
    conversation = [SystemMessage("You answer in one sentence."), HumanMessage("Who are you?")]
    answer = llm.invoke(
        conversation,
        stop=["\n\n\n"],
        timeout=10,
        extra_headers={"X-Request-Purpose": "greeting"},
        max_tokens=200,
    )
    assert answer.usage_metadata
    print("invoke", answer.response_metadata["finish_reason"], sorted(answer.usage_metadata)[-1])
    answers = llm.batch(["One?", "Two?", "Three?"], config={"max_concurrency": 2})
    print("batch", [bool(one.text) for one in answers])

    set_llm_cache(InMemoryCache())
    ledger = Ledger()
    first, second = (llm.invoke("Cached?", config={"callbacks": [ledger]}) for _ in range(2))
    set_llm_cache(None)
    print("cached", first.text == second.text, ledger.asked)

    other = llm.configurable_fields(max_tokens=ConfigurableField("most"))
    print("configured", bool(other.invoke("Short?", config={"configurable": {"most": 50}}).text))
    backup = llm.with_retry(stop_after_attempt=2).with_fallbacks([llm])
    print("fallback", bool(backup.invoke("Still there?").text), llm.get_num_tokens("Hallo") > 0)


def streams() -> None:
    """Pieces that add up, their usage, and events."""
    ledger = Ledger()
    whole = None
    for chunk in llm.stream("Name the capital of Austria.", config={"callbacks": [ledger]}):
        whole = chunk if whole is None else whole + chunk
    assert whole is not None
    print("streamed", bool(whole.text), ledger.pieces > 1, ledger.tokens > 0)

    async def events() -> list[str]:
        return [event["event"] async for event in llm.astream_events("And of Germany?")]

    kinds = asyncio.run(events())
    print("events", kinds[0], kinds[-1])


def chains() -> None:
    """Prompts, parsers and parallel branches."""
    prompt = ChatPromptTemplate.from_messages(
        [("system", "You are terse."), MessagesPlaceholder("history"), ("human", "{question}")]
    )
    chain = prompt | llm.bind(stop=["###"]) | StrOutputParser()
    both = RunnableParallel(
        short=chain, shape=prompt | llm | (lambda message: type(message).__name__)
    )
    found = both.invoke({"history": [("human", "Hi"), ("ai", "Hello")], "question": "Where?"})
    print("chain", bool(found["short"]), found["shape"])
    as_json = llm.bind(response_format={"type": "json_object"}) | JsonOutputParser()
    print("json", type(as_json.invoke("Give a JSON object with the field city: Köln")).__name__)


def structured() -> None:
    """A class out of a text, by each method, and with the raw answer beside it."""
    text = 'The traveller "Anna" was away for 3 days.'
    for method in ("function_calling", "json_schema"):
        claim = llm.with_structured_output(Claim, method=method).invoke(text)
        assert isinstance(claim, Claim)
        print("structured", method, claim.days)
    raw = llm.with_structured_output(Claim, include_raw=True).invoke(text)
    assert isinstance(raw, dict)
    print("raw", sorted(raw), raw["parsing_error"])
    schema = llm.with_structured_output(Claim.model_json_schema()).invoke(text)
    print("schema", sorted(schema) if isinstance(schema, dict) else schema)


def tools_by_hand() -> None:
    """The loop of a tool call, as it is written without an agent."""
    with_tools = llm.bind_tools([daily_allowance, receipts_of], tool_choice="daily_allowance")
    messages: list[Any] = [HumanMessage("What is the allowance for 3 days?")]
    asked = with_tools.invoke(messages)
    assert isinstance(asked, AIMessage)
    results = [daily_allowance.invoke(call) for call in asked.tool_calls]
    answer = llm.bind_tools([daily_allowance]).invoke([*messages, asked, *results])
    assert isinstance(answer, AIMessage)
    print("tool", asked.tool_calls[0]["name"], results[0].content, bool(answer.text))


def agents() -> None:
    """An agent with middleware and memory, streamed and awaited."""
    middleware: list[Any] = [
        SummarizationMiddleware(llm, trigger=("messages", 40)),
        ModelCallLimitMiddleware(run_limit=6, exit_behavior="end"),
        ToolCallLimitMiddleware(run_limit=4),
        ModelRetryMiddleware(max_retries=1),
    ]
    agent = create_agent(
        llm,
        [daily_allowance, receipts_of],
        system_prompt="You settle travel expenses.",
        middleware=middleware,
        checkpointer=InMemorySaver(),
    )
    thread: RunnableConfig = {"configurable": {"thread_id": "1"}}
    question: Any = {"messages": [HumanMessage("Compute the daily allowance for 3 days.")]}
    with get_usage_metadata_callback() as usage:
        steps = list(agent.stream(question, thread, stream_mode="updates"))
    print("agent", [name for step in steps for name in step if name in {"model", "tools"}])
    print("counted", [counted["total_tokens"] > 0 for counted in usage.usage_metadata.values()])
    again: Any = {"messages": [HumanMessage("Thank you.")]}
    state = asyncio.run(agent.ainvoke(again, thread))
    remembered = [one for one in state["messages"] if isinstance(one, ToolMessage)]
    print("remembered", [one.content for one in remembered])

    typed = create_agent(llm, [daily_allowance], response_format=Claim)
    answer = typed.invoke({"messages": [HumanMessage('"Anna" was away for 3 days.')]})
    print("typed", type(answer["structured_response"]).__name__)


for part in (plain_calls, streams, chains, structured, tools_by_hand, agents):
    part()
