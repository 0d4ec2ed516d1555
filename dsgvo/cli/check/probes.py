"""What is tried of a vendor's service, by the smallest requests.

Each documented capability, and each fact of the spec that no page states. A probe belongs to a
vendor by what its spec says, never by its name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from dsgvo.cli.check.samples import IMAGE_URL, PDF, PDF_URL, PNG
from dsgvo.errors import APIError, APIStatusError, AuthenticationError, DsgvoError
from dsgvo.files import file_part, image_part
from dsgvo.providers import Provider, Standing
from dsgvo.transport import AUTO, Client
from dsgvo.wire.chat import Completion

__all__ = ["MAX_TOKENS", "PROBES", "Differs", "Probe", "Subject"]

MAX_TOKENS = 256
"""Cap of an answer where the vendor honours ``max_tokens``: a model may think that long."""
_PROMPT = [{"role": "user", "content": "Antworte nur mit: OK"}]
_ADD: dict[str, Any] = {
    "type": "function",
    "function": {
        "name": "add",
        "description": "Addiert zwei ganze Zahlen.",
        "parameters": {
            "type": "object",
            "properties": {"a": {"type": "integer"}, "b": {"type": "integer"}},
            "required": ["a", "b"],
        },
    },
}
_PERSON = {
    "type": "object",
    "properties": {"name": {"type": "string"}},
    "required": ["name"],
    "additionalProperties": False,
}
# Values that change an answer as little as possible.
_HARMLESS: Mapping[str, Any] = {
    "temperature": 1.0,
    "top_p": 1.0,
    "seed": 1,
    "frequency_penalty": 0,
    "presence_penalty": 0,
    "repetition_penalty": 1,
    "reasoning_effort": "low",
    "logit_bias": {},
    "user": "dsgvo-check",
}


class Differs(Exception):  # noqa: N818 - a finding, no error
    """The service answered, but not as its page says."""


@dataclass(slots=True)
class Subject:
    """Who is tried, and what the present try has cost so far.

    Args:
        client: Talks to the vendor.
        model: The chat model to try.
        assistant: Id of the assistant to ask; without one, none is asked.
        tokens: Tokens that the vendor has counted, or may have where it says nothing.
        counted: Whether the vendor has counted any.
        notes: What was noticed.
    """

    client: Client
    model: str
    assistant: str | None = None
    tokens: int = 0
    counted: bool = False
    notes: list[str] = field(default_factory=list[str])

    @property
    def spec(self) -> Provider:
        """What the vendor says about itself."""
        return self.client.spec

    def chat(
        self,
        messages: list[dict[str, Any]] | None = None,
        *,
        client: Client | None = None,
        **params: Any,
    ) -> Completion:
        """Ask for an answer, by another client if one is given, and count its tokens."""
        asked: dict[str, Any] = {"model": self.model, **self.cap, **params}
        return self.counting((client or self.client).chat(messages or _PROMPT, **asked))

    @property
    def cap(self) -> dict[str, Any]:
        """What keeps an answer short, where the vendor honours it."""
        return {"max_tokens": MAX_TOKENS} if "max_tokens" in self.spec.documented else {}

    def counting(self, completion: Completion) -> Completion:
        """Add up what the vendor says that an answer has used."""
        said = (completion.usage or {}).get("total_tokens")
        used = said if isinstance(said, int) and said >= 0 else None
        self.counted = self.counted or used is not None
        self.tokens += MAX_TOKENS if used is None else used
        return completion

    def at(self, base_url: str | None = None, **settings: Any) -> Client:
        """Return a client of the same vendor, with other settings."""
        config = self.client.config
        given: dict[str, Any] = {
            "api_key": config.api_key,
            "base_url": base_url or config.base_url,
            "workspace_id": config.arguments.get("workspace_id"),
            "http_transport": config.http_transport,
        }
        return Client(self.spec, max_retries=0, residency="any", **given | settings)


@dataclass(frozen=True, slots=True)
class Probe:
    """One try.

    Args:
        name: What is tried, as the table shows it.
        known: Whether the vendor is known to do it; where not, it is not tried.
        run: Tries it, and raises :class:`Differs` or an error if it does not work.
        requests: How many requests it makes that cost money.
        fact: Name of the fact of ``Provider.facts`` that it tries; else the vendor's page says so.
    """

    name: str
    known: Callable[[Subject], bool]
    run: Callable[[Subject], None]
    requests: int = 1
    fact: str | None = None

    def standing(self, spec: Provider) -> Standing:
        """Return what it rests on that the vendor does this."""
        known = spec.facts.get(self.fact or "")
        return known.standing if known else "Doc"


def _always(subject: Subject) -> bool:
    del subject
    return True


def _documents(*parameters: str) -> Callable[[Subject], bool]:
    return lambda subject: set(parameters) <= subject.spec.documented


def _takes_tools(subject: Subject) -> bool:
    known = subject.spec.model(subject.model)
    return "tools" in subject.spec.documented and known.tools is not False


def _takes_images(subject: Subject) -> bool:
    return subject.spec.image_input and subject.spec.model(subject.model).images is True


def _states(fact: str) -> Callable[[Subject], bool]:
    return lambda subject: fact in subject.spec.facts


def _expect(condition: bool, otherwise: str, answer: Completion | None = None) -> None:
    if not condition:
        cut = answer is not None and answer.finish_reason == "length"
        raise Differs(f"{otherwise}; it was cut at its bound of tokens" if cut else otherwise)


def _says_something(answer: Completion, otherwise: str = "the answer is empty") -> None:
    # A model that thinks may have used up its tokens before it says anything.
    _expect(bool(answer.content) or answer.finish_reason == "length", otherwise)


def _plain(subject: Subject) -> None:
    answer = subject.chat()
    _says_something(answer)
    _expect(answer.finish_reason is not None, "there is no finish_reason")
    if answer.usage is None:
        subject.notes.append("no usage")


def _streamed(subject: Subject) -> Completion:
    deltas = list(subject.client.stream(_PROMPT, model=subject.model, **subject.cap))
    whole = deltas[-1].completion if deltas else None
    if whole is None:
        raise Differs("the stream holds no answer")
    return subject.counting(whole)


def _stream(subject: Subject) -> None:
    _says_something(_streamed(subject), "the stream holds no text")


def _stream_usage(subject: Subject) -> None:
    usage = _streamed(subject).usage
    subject.notes.append(", ".join(usage) if usage else "no usage")
    expected = subject.spec.facts["stream_options"].text.startswith("takes")
    _expect(not expected or bool(usage), "the stream counts no tokens")


def _max_tokens(subject: Subject) -> None:
    question = [{"role": "user", "content": "Zähle von eins bis hundert, in Worten."}]
    answer = subject.chat(question, max_tokens=5)
    _expect(answer.finish_reason == "length", f"finish_reason is {answer.finish_reason!r}")


def _stop(subject: Subject) -> None:
    question = [{"role": "user", "content": "Antworte nur mit: eins zwei drei"}]
    answer = subject.chat(question, stop=["zwei"])
    _expect("zwei" not in answer.content, "the answer goes on past the stop sequence")


def _tools(subject: Subject) -> None:
    question = [{"role": "user", "content": "Was ist 3 + 4? Benutze das Werkzeug."}]
    answer = subject.chat(question, tools=[_ADD], tool_choice="required")
    _expect(bool(answer.tool_calls), "no tool was called", answer)
    call = answer.tool_calls[0]
    _expect(call.name == "add", f"the tool called is {call.name!r}")
    turn = {
        "role": "assistant",
        "content": None,
        "tool_calls": [
            {
                "id": call.id,
                "type": "function",
                "function": {"name": call.name, "arguments": call.arguments},
            }
        ],
    }
    result = {"role": "tool", "tool_call_id": call.id, "content": "7"}
    answer = subject.chat([*question, turn, result], tools=[_ADD])
    _expect("7" in answer.content, "the answer does not know the tool's result", answer)


def _tool_choice(subject: Subject) -> None:
    answer = subject.chat(tools=[_ADD], tool_choice="none")
    _expect(not answer.tool_calls, "a tool was called although tool_choice is 'none'")
    named = {"type": "function", "function": {"name": "add"}}
    question = [{"role": "user", "content": "3 und 4"}]
    answer = subject.chat(question, tools=[_ADD], tool_choice=named)
    _expect(bool(answer.tool_calls), "the named tool was not called", answer)


def _json_object(subject: Subject) -> None:
    question = [{"role": "user", "content": "Gib ein JSON-Objekt mit dem Feld name: Anna"}]
    answer = subject.chat(question, response_format={"type": "json_object"})
    _expect(answer.content.strip().startswith("{"), "the answer is not a JSON object", answer)


def _json_schema(subject: Subject) -> None:
    schema = {"name": "person", "schema": _PERSON}
    question = [{"role": "user", "content": "Die Person heißt Anna."}]
    answer = subject.chat(question, response_format={"type": "json_schema", "json_schema": schema})
    _expect('"name"' in answer.content, "the answer does not follow the schema", answer)


def _parameters(subject: Subject) -> None:
    known = subject.spec.documented | subject.spec.ignored
    params = {name: value for name, value in _HARMLESS.items() if name in known}
    subject.notes.append(", ".join(sorted(params)))
    subject.chat(**params)


def _image(subject: Subject) -> None:
    question = [{"type": "text", "text": "Welche Farbe?"}, image_part(data=PNG)]
    _says_something(subject.chat([{"role": "user", "content": question}]))


def _image_address(subject: Subject) -> None:
    question = [{"type": "text", "text": "Was ist das?"}, image_part(url=IMAGE_URL)]
    _says_something(subject.chat([{"role": "user", "content": question}]))


def _file_address(subject: Subject) -> None:
    question = [{"type": "text", "text": "Was ist das?"}, file_part(url=PDF_URL)]
    _says_something(subject.chat([{"role": "user", "content": question}]))


def _upload(subject: Subject) -> None:
    text = {"type": "text", "text": "Wie viele Standorte hat die Brachvogel GmbH?"}
    answer = subject.chat([{"role": "user", "content": [text, file_part(data=PDF)]}])
    knows = any(number in answer.content.lower() for number in ("drei", "3"))
    _expect(knows, "the answer does not know the document's text", answer)


def _file_and_tools(subject: Subject) -> None:
    text = {"type": "text", "text": "Was ist das?"}
    messages = [{"role": "user", "content": [text, file_part(data=PDF)]}]
    answer = subject.chat(messages, tools=[_ADD])
    _expect(bool(answer.content or answer.tool_calls), "the answer is empty", answer)


def _thinking(subject: Subject) -> None:
    models = [
        model.id
        for model in subject.client.models()
        if model.details.get("tier") == "reasoning" or model.reasoning
    ]
    answer = _thoughts(subject, models)
    if answer is not None:
        _expect("<think>" not in answer.content, "thoughts are left in the answer")
        _expect(bool(answer.reasoning), f"{models[0]} shows no thoughts")


def _thinking_by_name(subject: Subject) -> None:
    models = [model.id for model in subject.client.models() if model.id.endswith("-thinking")]
    answer = _thoughts(subject, models)
    if answer is not None:
        subject.notes.append(f"thoughts are {'shown' if answer.reasoning else 'not shown'}")


def _thoughts(subject: Subject, models: list[str]) -> Completion | None:
    if not models:
        subject.notes.append("no such model in the list")
        return None
    return subject.chat(model=models[0])


def _unasked_stream(subject: Subject) -> None:
    _says_something(subject.chat(model=_unasked(subject), extra_body={"stream": False}))


def _unasked(subject: Subject) -> str:
    return next((m.id for m in subject.spec.models if m.streams_unasked and "*" not in m.id), "")


def _words(subject: Subject) -> None:
    usage = subject.chat().usage or {}
    _expect("words_used" in usage, f"usage has {', '.join(usage) or 'nothing'}")


def _embed(encoding: Literal["base64", "float"]) -> Callable[[Subject], None]:
    def run(subject: Subject) -> None:
        texts = ["Guten Tag", "Auf Wiedersehen"]
        vectors = list(subject.client.embed(texts, encoding_format=encoding))
        model = subject.spec.embeddings.default_model or ""
        expected = subject.spec.model(model).dimensions
        _expect(len(vectors[0]) == expected, f"{len(vectors[0])} dimensions in place of {expected}")

    return run


def _model_list(subject: Subject) -> None:
    models = subject.client.models()
    _expect(bool(models), "the list is empty")
    # The catalogue stands in for a list that cannot be had.
    _expect(any(model.source.endswith("model list") for model in models), "there is no list")
    subject.notes.append(f"{len(models)} models")


def _workspaces(subject: Subject) -> None:
    used = subject.client.config.arguments.get("workspace_id")
    listed = [workspace.id for workspace in subject.client.workspaces()]
    _expect(used in (AUTO, *listed), "the workspace in use is not in the list")


def _image_generation(subject: Subject) -> None:
    image = subject.client.generate_image("ein minimalistisches App-Icon")
    subject.notes.append("as an address" if image.url else "as base64")


def _reranking(subject: Subject) -> None:
    best = subject.client.rerank("Wie viel Urlaub?", ["Ein Hund bellt.", "30 Tage Urlaub."])[0]
    if best.index != 1:
        raise Differs("the document that fits does not come first")


def _assistants(subject: Subject) -> None:
    subject.notes.append(f"{len(subject.client.assistants())} of the organisation")
    if not subject.assistant:
        subject.notes.append("--assistant ID asks one")


def _assistant(subject: Subject) -> None:
    answer = subject.client.run_assistant(subject.assistant or "", _PROMPT)
    _expect(bool(answer.text), "the answer is empty")


def _quotas(subject: Subject) -> None:
    kinds = [quota.kind for quota in subject.client.quotas()]
    _expect("tokens" in kinds, f"there are quotas of {', '.join(kinds) or 'nothing'}")


def _other_base_url(subject: Subject) -> None:
    for base_url in subject.spec.other_base_urls:
        _says_something(subject.chat(client=subject.at(subject.client.config.url(base_url))))


def _bare_model_id(subject: Subject) -> None:
    _, slash, bare = subject.model.partition("/")
    if not slash:
        subject.notes.append(f"{subject.model} names no maker")
    _says_something(subject.chat(model=bare or subject.model))


def _reasoning_effort(subject: Subject) -> None:
    try:
        subject.chat(extra_body={"reasoning_effort": "dsgvo-check"})
    except APIStatusError as error:
        _expect("minimal" in error.message, "the refusal of another value names none of these")
        return
    raise Differs("another value is taken too")


def _wrong_key(subject: Subject) -> None:
    wrong = subject.at(api_key="dsgvo-check-wrong-key")
    try:
        wrong.chat(_PROMPT, model=subject.model)
    except AuthenticationError:
        return
    except APIError as error:
        raise Differs(f"a wrong key gives {type(error).__name__}, not 401") from None
    raise Differs("a wrong key is accepted")


def _missing_workspace(subject: Subject) -> None:
    wanted = subject.spec.header_arguments[0]
    try:
        subject.at(workspace_id="00000000-dsgvo-check").chat(_PROMPT, model=subject.model)
    except DsgvoError as error:
        subject.notes.append(f"an unknown one gives {error.status_code}")
        return
    raise Differs(f"{wanted.header} is not looked at")


EFFORT = "reasoning_effort"
PROBES: tuple[Probe, ...] = (
    Probe("chat", _always, _plain),
    Probe("streaming", _documents("stream"), _stream),
    Probe("usage in streams", _states("stream_options"), _stream_usage, fact="stream_options"),
    Probe("parameters", _always, _parameters, fact="types"),
    Probe("max_tokens", _documents("max_tokens"), _max_tokens),
    Probe("stop", _documents("stop"), _stop),
    Probe("reasoning_effort", _states(EFFORT), _reasoning_effort, 0, EFFORT),
    Probe("tools", _takes_tools, _tools, 2),
    Probe("tool_choice", _takes_tools, _tool_choice, 2),
    Probe("response_format: json_object", _documents("response_format"), _json_object),
    Probe(
        "response_format: json_schema",
        lambda subject: "json_schema" in subject.spec.structured_output,
        _json_schema,
    ),
    Probe("stream without being asked", lambda s: bool(_unasked(s)), _unasked_stream),
    Probe("<think> blocks", lambda subject: subject.spec.think_tags, _thinking),
    Probe("thinking by name", _states("thinking"), _thinking_by_name, fact="thinking"),
    Probe("image by address", _takes_images, _image_address),
    Probe("image in the request", _takes_images, _image, fact="data_url"),
    Probe("PDF by address", lambda subject: subject.spec.file_upload, _file_address),
    Probe("PDF upload", lambda subject: subject.spec.file_upload, _upload),
    Probe("PDF beside tools", _states("file_and_tools"), _file_and_tools, fact="file_and_tools"),
    Probe("usage: words_used", lambda s: "words_used" in s.spec.usage_fields, _words),
    Probe("embeddings", lambda subject: subject.spec.embeddings.documented, _embed("float")),
    Probe("embeddings in base64", _states("base64"), _embed("base64"), fact="base64"),
    Probe("image generation", _states("image"), _image_generation, fact="image"),
    Probe("reranking", lambda s: s.spec.reranking is not None, _reranking, fact="reranking"),
    Probe("model list", lambda s: s.spec.models_url is not None, _model_list, 0, "models"),
    Probe("model id without its maker", _states("model_ids"), _bare_model_id, fact="model_ids"),
    Probe("other base URL", _states("base_urls"), _other_base_url, fact="base_urls"),
    Probe("workspaces", lambda s: s.spec.workspaces_url is not None, _workspaces, 0, "workspaces"),
    Probe("quotas", _states("quotas"), _quotas, 0, "quotas"),
    Probe("assistants", _states("assistants"), _assistants, 0, "assistants"),
    Probe("an assistant's answer", lambda s: bool(s.assistant), _assistant, fact="assistant"),
    Probe("workspace header", lambda s: bool(s.spec.header_arguments), _missing_workspace),
    Probe("refusal of a wrong key", _always, _wrong_key, 0, "errors"),
)
