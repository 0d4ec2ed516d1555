"""Requests as the vendors' pages describe them, checked by pydantic; dialects add their fields."""

import re
from typing import Annotated, Any, Generic, Literal, TypeVar

from pydantic import (
    BaseModel,
    Discriminator,
    Field,
    StrictBool,
    Tag,
    ValidationError,
    ValidationInfo,
    field_validator,
)
from pydantic_core import ErrorDetails

from dsgvo.emulator.failures import ApiError
from dsgvo.emulator.jsons import JsonObject

T = TypeVar("T")
R = TypeVar("R")
M = TypeVar("M")
F = TypeVar("F")
Integer = Annotated[int, Field(strict=True)]
AtLeastOne = Annotated[Integer, Field(ge=1)]
Number = Annotated[float, Field(strict=True, allow_inf_nan=False)]
Temperature = Annotated[Number, Field(ge=0, le=2)]
Share = Annotated[Number, Field(ge=0, le=1)]
Penalty = Annotated[Number, Field(ge=-2, le=2)]
Text = Annotated[str, Field(min_length=1)]
WebAddress = Annotated[str, Field(pattern=r"^(?i:https?)://[^/\s]")]

One = Annotated[T, Tag("one")]
Many = Annotated[T, Tag("many")]
Form = Discriminator(lambda value: "many" if isinstance(value, list | dict) else "one")
"""Tells a string from a list or an object, so that an error is about the one that is there."""

Stop = Annotated[One[Text] | Many[list[Text]], Form]
Input = Annotated[One[Text] | Many[Annotated[list[Text], Field(min_length=1)]], Form]


class TextPart(BaseModel):
    """A part of a message that is text."""

    type: Literal["text"]
    text: str


class _ImageURL(BaseModel):
    url: str = Field(
        pattern=r"^((?i:https?)://[^/\s]|data:image/[\w.+-]+;base64,[A-Za-z0-9+/]+=*$)"
    )


class ImagePart(BaseModel):
    """A part of a message that is an image."""

    type: Literal["image_url"]
    image_url: _ImageURL


Content = Annotated[One[str] | Many[list[T]], Form]
OpenAIPart = Annotated[TextPart | ImagePart, Discriminator("type")]


class _Said(BaseModel, Generic[R, T]):
    role: R
    content: Content[T]


System = _Said[Literal["system"], TextPart]
Developer = _Said[Literal["developer"], TextPart]
User = _Said[Literal["user"], T]
"""What the user says; the parts that it may have are the vendor's."""


class Assistant(BaseModel):
    """What the model said."""

    role: Literal["assistant"]
    tool_calls: list[JsonObject] | None = None
    content: Content[TextPart] | None = Field(None, validate_default=True)

    @field_validator("content")
    @classmethod
    def _says_or_calls(cls, content: Any, info: ValidationInfo) -> Any:
        if content is None and not info.data.get("tool_calls"):
            raise ValueError("must be there without tool_calls")
        return content


class ToolResult(BaseModel):
    """The result of a tool."""

    role: Literal["tool"]
    tool_call_id: str
    content: Content[TextPart]


OpenAIMessage = Annotated[
    System | Developer | User[OpenAIPart] | Assistant | ToolResult, Discriminator("role")
]


class _Named(BaseModel):
    name: str


class _Function(BaseModel):
    name: str = Field(pattern=r"^[a-zA-Z0-9_-]{1,64}$")
    parameters: JsonObject = {}


class _Tool(BaseModel, Generic[T]):
    type: Literal["function"]
    function: T


class _PlainFormat(BaseModel):
    type: Literal["text", "json_object"]


class _Schema(BaseModel):
    name: str
    schema_: JsonObject = Field(alias="schema")


class _SchemaFormat(BaseModel):
    type: Literal["json_schema"]
    json_schema: _Schema


OpenAIFormat = Annotated[_PlainFormat | _SchemaFormat, Discriminator("type")]
Choice = Annotated[One[Literal["none", "auto", "required"]] | Many[_Tool[_Named]], Form]


class Chat(BaseModel, Generic[M, F]):
    """The fields of a chat request that all vendors document.

    A dialect says what messages and response formats it takes, and adds its own fields. What is
    not among them is accepted and has no effect.
    """

    model: Text
    messages: list[M] = Field(min_length=1)
    temperature: Temperature | None = None
    stream: StrictBool | None = None
    response_format: F | None = None
    tools: list[_Tool[_Function]] | None = None
    tool_choice: Choice | None = None

    @field_validator("tool_choice")
    @classmethod
    def _is_offered(cls, choice: Any, info: ValidationInfo) -> Any:
        if choice in (None, "none", "auto") or "tools" not in info.data:
            return choice
        names = [tool.function.name for tool in info.data["tools"] or ()]
        if not names:
            raise ValueError("is only allowed when tools are specified")
        if not isinstance(choice, str) and choice.function.name not in names:
            raise ValueError(f"names a tool that is not in tools: {choice.function.name!r}")
        return choice


OpenAIChat = Chat[OpenAIMessage, OpenAIFormat]


class EmbeddingOptions(BaseModel):
    """What a request for embeddings may have, whatever the vendor takes as its input."""

    encoding_format: Literal["base64", "float"] | None = None
    dimensions: Annotated[Integer, Field(ge=1, le=65_536)] | None = None
    user: Text | None = None


class Embeddings(EmbeddingOptions):
    """A request for embeddings, as OpenAI takes it."""

    input: Input
    model: Text


class Images(BaseModel):
    """A request for images."""

    prompt: Text
    model: Text | None = None
    n: Annotated[Integer, Field(ge=1, le=10)] | None = None
    response_format: Literal["url", "b64_json"] | None = None


def check(kind: type[BaseModel], body: JsonObject, status: int = 400) -> JsonObject:
    """Check a request."""
    try:
        kind.model_validate(body)
    except ValidationError as error:
        faults: dict[str, str] = {}
        for one in error.errors(include_url=False, include_input=False):
            faults.setdefault(*_fault(one, body))
        name, message = next(iter(faults.items()))
        raise ApiError(status, f"{name} {message}", "invalid_request", faults) from None
    return {name: body[name] for name in kind.model_fields if body.get(name) is not None}


def _fault(error: ErrorDetails, body: Any) -> tuple[str, str]:
    """Return the path of a field and what is wrong with it."""
    loc, kind, said = error["loc"], error["type"], error["msg"]
    if kind == "missing":
        said = "is required"
    elif kind == "union_tag_invalid":
        context = error.get("ctx", {})
        loc, said = (*loc, context["discriminator"][1:-1]), f"must be {context['expected_tags']}"
    path = ""
    for depth, step in enumerate(loc, start=1):
        try:
            body = body[step]
        except (LookupError, TypeError):
            # The name of a union's member, unless it is a field that is not there.
            if depth < len(loc) or kind not in ("missing", "value_error"):
                continue
        path += f"[{step}]" if isinstance(step, int) else f".{step}"
    said = re.sub(r"^\w+ should", "must", said.removeprefix("Value error, "))
    return path.removeprefix("."), re.sub(r" (or (instance|object)|after validation).*", "", said)
