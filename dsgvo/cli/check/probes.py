"""What is tried of a vendor's service: each documented capability, by the smallest requests.

A probe belongs to a vendor by what its spec documents, never by its name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from dsgvo.cli.check.samples import IMAGE_URL, PDF, PDF_URL, PNG
from dsgvo.errors import APIError, AuthenticationError, DsgvoError
from dsgvo.files import file_part, image_part
from dsgvo.providers import Provider
from dsgvo.transport import AUTO, Client
from dsgvo.wire.chat import Completion

__all__ = ["PROBES", "Differs", "Probe", "Subject"]

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
    """Who is tried, and what the tries have cost so far."""

    client: Client
    model: str
    tokens: int = 0
    counted: bool = False
    notes: list[str] = field(default_factory=list[str])

    @property
    def spec(self) -> Provider:
        """What the vendor says about itself."""
        return self.client.spec

    def chat(self, messages: list[dict[str, Any]] | None = None, **params: Any) -> Completion:
        """Ask for an answer, and count its tokens."""
        return self.counting(self.client.chat(messages or _PROMPT, model=self.model, **params))

    def counting(self, completion: Completion) -> Completion:
        """Add up what the vendor says that an answer has used."""
        if completion.usage:
            self.counted = True
            self.tokens += int(completion.usage.get("total_tokens") or 0)
        return completion


@dataclass(frozen=True, slots=True)
class Probe:
    """One try.

    Args:
        name: What is tried, as the table shows it.
        documented: Whether the vendor's page documents it; where not, it is not tried.
        run: Tries it, and raises :class:`Differs` or an error if it does not work.
        paid: Whether it makes a request that costs money.
    """

    name: str
    documented: Callable[[Subject], bool]
    run: Callable[[Subject], None]
    paid: bool = True


def _always(subject: Subject) -> bool:
    del subject
    return True


def _documents(*parameters: str) -> Callable[[Subject], bool]:
    return lambda subject: set(parameters) <= subject.spec.documented


def _takes_tools(subject: Subject) -> bool:
    known = subject.spec.model(subject.model)
    return "tools" in subject.spec.documented and known.tools is not False


def _takes_images(subject: Subject) -> bool:
    return subject.spec.model(subject.model).images is True


def _expect(condition: bool, otherwise: str) -> None:
    if not condition:
        raise Differs(otherwise)


def _plain(subject: Subject) -> None:
    answer = subject.chat()
    _expect(bool(answer.content), "the answer is empty")
    _expect(answer.finish_reason is not None, "there is no finish_reason")
    if answer.usage is None:
        subject.notes.append("no usage")


def _stream(subject: Subject) -> None:
    deltas = list(subject.client.stream(_PROMPT, model=subject.model))
    whole = deltas[-1].completion
    _expect(whole is not None and bool(whole.content), "the stream holds no text")
    if whole is not None:
        subject.counting(whole)
        if whole.usage is None:
            subject.notes.append("no usage in streams")


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
    _expect(bool(answer.tool_calls), "no tool was called")
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
    _expect("7" in answer.content, "the answer does not know the tool's result")


def _tool_choice(subject: Subject) -> None:
    answer = subject.chat(tools=[_ADD], tool_choice="none")
    _expect(not answer.tool_calls, "a tool was called although tool_choice is 'none'")
    named = {"type": "function", "function": {"name": "add"}}
    question = [{"role": "user", "content": "3 und 4"}]
    answer = subject.chat(question, tools=[_ADD], tool_choice=named)
    _expect(bool(answer.tool_calls), "the named tool was not called")


def _json_object(subject: Subject) -> None:
    question = [{"role": "user", "content": "Gib ein JSON-Objekt mit dem Feld name: Anna"}]
    answer = subject.chat(question, response_format={"type": "json_object"})
    _expect(answer.content.strip().startswith("{"), "the answer is not a JSON object")


def _json_schema(subject: Subject) -> None:
    schema = {"name": "person", "schema": _PERSON}
    question = [{"role": "user", "content": "Die Person heißt Anna."}]
    answer = subject.chat(question, response_format={"type": "json_schema", "json_schema": schema})
    _expect('"name"' in answer.content, "the answer does not follow the schema")


def _parameters(subject: Subject) -> None:
    known = subject.spec.documented | subject.spec.ignored
    params = {name: value for name, value in _HARMLESS.items() if name in known}
    subject.notes.append(", ".join(sorted(params)))
    subject.chat(**params)


def _image(subject: Subject) -> None:
    question = [{"type": "text", "text": "Welche Farbe?"}, image_part(data=PNG)]
    _expect(bool(subject.chat([{"role": "user", "content": question}]).content), "no answer")


def _image_address(subject: Subject) -> None:
    question = [{"type": "text", "text": "Was ist das?"}, image_part(url=IMAGE_URL)]
    _expect(bool(subject.chat([{"role": "user", "content": question}]).content), "no answer")


def _file_address(subject: Subject) -> None:
    question = [{"type": "text", "text": "Was ist das?"}, file_part(url=PDF_URL)]
    _expect(bool(subject.chat([{"role": "user", "content": question}]).content), "no answer")


def _upload(subject: Subject) -> None:
    text = {"type": "text", "text": "Wie viele Standorte hat die Brachvogel GmbH?"}
    answer = subject.chat([{"role": "user", "content": [text, file_part(data=PDF)]}])
    knows = any(number in answer.content.lower() for number in ("drei", "3"))
    _expect(knows, "the answer does not know the document's text")


def _thinking(subject: Subject) -> None:
    reasoning = [
        model.id
        for model in subject.client.models()
        if model.details.get("tier") == "reasoning" or model.reasoning
    ]
    if not reasoning:
        subject.notes.append("no reasoning model in the list")
        return
    answer = subject.counting(subject.client.chat(_PROMPT, model=reasoning[0]))
    _expect("<think>" not in answer.content, "thoughts are left in the answer")
    _expect(bool(answer.reasoning), f"{reasoning[0]} shows no thoughts")


def _unasked_stream(subject: Subject) -> None:
    answer = subject.counting(
        subject.client.chat(_PROMPT, model=_streams_unasked(subject), extra_body={"stream": False})
    )
    _expect(bool(answer.content), "the answer is empty")


def _streams_unasked(subject: Subject) -> str:
    return next((m.id for m in subject.spec.models if m.streams_unasked and "*" not in m.id), "")


def _words(subject: Subject) -> None:
    usage = subject.chat().usage or {}
    _expect("words_used" in usage, f"usage has {', '.join(usage) or 'nothing'}")


def _embeddings(subject: Subject) -> None:
    vectors = list(subject.client.embed(["Guten Tag", "Auf Wiedersehen"]))
    model = subject.spec.embeddings.default_model or ""
    expected = subject.spec.model(model).dimensions
    _expect(len(vectors[0]) == expected, f"{len(vectors[0])} dimensions in place of {expected}")


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
    subject.notes.append(str(subject.spec.reranking and subject.spec.reranking.source))


def _assistants(subject: Subject) -> None:
    found = subject.client.assistants()
    subject.notes.append(f"{len(found)} of the organisation; asking one is not tried")


def _wrong_key(subject: Subject) -> None:
    connection = subject.client.config
    wrong = Client(
        subject.spec,
        api_key="dsgvo-check-wrong-key",
        base_url=connection.base_url,
        workspace_id=connection.arguments.get("workspace_id"),
        residency="any",
        max_retries=0,
    )
    try:
        wrong.chat(_PROMPT, model=subject.model)
    except AuthenticationError:
        return
    except APIError as error:
        raise Differs(f"a wrong key gives {type(error).__name__}, not 401") from None
    raise Differs("a wrong key is accepted")


def _missing_workspace(subject: Subject) -> None:
    wanted = subject.spec.header_arguments[0]
    connection = subject.client.config
    try:
        Client(
            subject.spec,
            api_key=connection.api_key,
            base_url=connection.base_url,
            workspace_id="00000000-dsgvo-check",
            max_retries=0,
        ).chat(_PROMPT, model=subject.model)
    except DsgvoError as error:
        subject.notes.append(f"an unknown one gives {error.status_code}")
        return
    raise Differs(f"{wanted.header} is not looked at")


PROBES: tuple[Probe, ...] = (
    Probe("chat", _always, _plain),
    Probe("streaming", _documents("stream"), _stream),
    Probe("parameters", _always, _parameters),
    Probe("max_tokens", _documents("max_tokens"), _max_tokens),
    Probe("stop", _documents("stop"), _stop),
    Probe("tools", _takes_tools, _tools),
    Probe("tool_choice", _takes_tools, _tool_choice),
    Probe("response_format: json_object", _documents("response_format"), _json_object),
    Probe(
        "response_format: json_schema",
        lambda subject: "json_schema" in subject.spec.structured_output,
        _json_schema,
    ),
    Probe("stream without being asked", lambda s: bool(_streams_unasked(s)), _unasked_stream),
    Probe("<think> blocks", lambda subject: subject.spec.think_tags, _thinking),
    Probe("image by address", _takes_images, _image_address),
    Probe("image in the request", _takes_images, _image),
    Probe("PDF by address", lambda subject: subject.spec.file_upload, _file_address),
    Probe("PDF upload", lambda subject: subject.spec.file_upload, _upload),
    Probe("usage: words_used", lambda s: "words_used" in s.spec.usage_fields, _words),
    Probe("embeddings", lambda subject: subject.spec.embeddings.documented, _embeddings),
    Probe("image generation", lambda s: s.spec.images_path is not None, _image_generation),
    Probe("model list", lambda s: s.spec.models_url is not None, _model_list, paid=False),
    Probe("workspaces", lambda s: s.spec.workspaces_url is not None, _workspaces, paid=False),
    Probe("reranking", lambda s: s.spec.reranking is not None, _reranking),
    Probe("assistants", lambda s: s.spec.assistants is not None, _assistants, paid=False),
    Probe("workspace header", lambda s: bool(s.spec.header_arguments), _missing_workspace),
    Probe("refusal of a wrong key", _always, _wrong_key, paid=False),
)
