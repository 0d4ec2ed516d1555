"""A real model behind the dialects: any OpenAI-compatible server."""

import json
import socket
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Any

import httpx  # noqa: TID251 - the upstream server is no vendor: none of the transport's rules are its
import numpy as np

from dsgvo.emulator.failures import ApiError, BrokenOffError
from dsgvo.emulator.jsons import JsonObject, as_list, as_object, as_text, is_object
from dsgvo.emulator.steps import Reply
from dsgvo.emulator.values import Call, reasoning_of
from dsgvo.errors import ConfigurationError
from dsgvo.wire.body import InvalidJSONError, parse_json
from dsgvo.wire.sse import SSEDecoder, SSETooLargeError

_MOST = 128 << 20  # 2,048 vectors of 3,072 numbers as JSON are 110 MB
_TIMEOUT = httpx.Timeout(600, connect=10)
_LIMITS = httpx.Limits(max_connections=None)
# The fields that OpenAI-compatible servers know beside the messages.
_FIELDS = (
    *("temperature", "top_p", "stop", "max_tokens", "max_completion_tokens", "seed", "tools"),
    *("tool_choice", "response_format", "reasoning_effort"),
    *("frequency_penalty", "presence_penalty", "repetition_penalty"),
)


@dataclass
class Upstream:
    """A server that answers in place of the emulator. A wrong address is a ConfigurationError."""

    url: str
    model: str | None = None
    key: str | None = field(default=None, repr=False)
    anywhere: bool = False
    _client: httpx.AsyncClient | None = field(default=None, init=False, repr=False)

    def __post_init__(self) -> None:
        try:
            parsed = httpx.URL(self.url)
            web = parsed.scheme in ("http", "https") and (parsed.port or 0) < 1 << 16
            host = parsed.host if web and not parsed.query else ""
        except (httpx.InvalidURL, ValueError):  # of a name that is none, too
            host = ""
        if not host:
            such = "use one such as http://127.0.0.1:8080/v1"
            raise ConfigurationError(f"upstream={self.url!r} is not a web address: {such}")
        if not self.anywhere and not _is_private(host):
            raise ConfigurationError(
                f"upstream={self.url!r} is not on this machine or a private network, and prompts "
                "would go there: use such a host, or allow it with upstream_anywhere=True "
                "(--upstream-anywhere)"
            )

    async def answer(self, body: JsonObject, call: Call) -> Reply:
        """Ask for a whole answer."""
        answer = await self._post("/chat/completions", self._chat(body, call))
        choice = as_object(next(iter(as_list(answer.get("choices"))), None))
        message = as_object(choice.get("message"))
        content, usage = message.get("content") or message.get("refusal"), answer.get("usage")
        given = map(as_object, as_list(message.get("tool_calls")))
        calls = [{"name": "", **as_object(c.get("function")), "id": c.get("id")} for c in given]
        texts = [content or "", *(one["name"] or 0 for one in calls)]
        if not message or not all(isinstance(one, str) for one in texts):
            raise _failed("gave no answer")
        return Reply(
            content=content,
            tool_calls=calls,
            finish_reason=as_text(choice.get("finish_reason")),
            reasoning=reasoning_of(message),
            usage=usage if is_object(usage) else None,
        )

    async def chunks(self, body: JsonObject, call: Call) -> AsyncGenerator[JsonObject]:
        """Ask for a stream; return its chunks once it has begun."""
        asked = self._chat(body, call) | {"stream": True, "stream_options": {"include_usage": True}}
        return _chunks(await self._open("/chat/completions", asked), self.key)

    async def vectors(self, texts: list[str], model: str, size: int | None) -> tuple[Any, Any]:
        """Ask for embeddings; return the vectors, and the usage."""
        asked: JsonObject = {"model": self.model or model, "input": texts}
        asked |= {"encoding_format": "float"} | ({"dimensions": size} if size else {})
        answer = await self._post("/embeddings", asked)
        try:
            data = sorted(answer["data"], key=lambda one: one.get("index", 0))
            found = np.array([one["embedding"] for one in data], dtype=np.float64)
        except (AttributeError, LookupError, TypeError, ValueError, OverflowError):
            found = np.array(0)
        if found.ndim != 2 or len(found) != len(texts) or not (abs(found) < 3e38).all():
            raise _failed("gave no vectors")
        return found.astype(np.float32), as_object(answer.get("usage"))

    async def close(self) -> None:
        """Close the connections."""
        if self._client is not None:
            await self._client.aclose()

    def _chat(self, body: JsonObject, call: Call) -> JsonObject:
        messages = [_message(as_object(message)) for message in as_list(body["messages"])]
        for upload in call.uploads:
            text = {"type": "text", "text": f"{upload.name}:\n{upload.text}"}
            content = messages[-1].get("content")
            parts = as_list(content) or [{"type": "text", "text": content or ""}]
            messages[-1] = {**messages[-1], "content": [*parts, text]}
        known = {name: body[name] for name in _FIELDS if name in body}
        return {"model": self.model or body["model"], "messages": messages, **known}

    async def _post(self, path: str, body: JsonObject) -> JsonObject:
        try:
            return as_object(parse_json(await _read(await self._open(path, body))))
        except InvalidJSONError as error:
            raise _failed("answered something other than JSON") from error

    async def _open(self, path: str, body: JsonObject) -> httpx.Response:
        request = self._http().build_request("POST", self.url.rstrip("/") + path, json=body)
        try:
            response = await self._http().send(request, stream=True)
        except httpx.HTTPError as error:
            raise _failed(f"cannot be reached: {type(error).__name__}") from error
        plain = "json" in response.headers.get("content-type", "")
        if response.status_code != 200 or (plain and "stream" in body):
            raise _refused(response, await _read(response), self.key)
        return response

    def _http(self) -> httpx.AsyncClient:
        if self._client is None:  # made in the loop that uses it
            headers = {"authorization": f"Bearer {self.key}"} if self.key else {}
            headers["accept-encoding"] = "identity"  # so that what is read is bounded
            self._client = httpx.AsyncClient(
                headers=headers, timeout=_TIMEOUT, limits=_LIMITS, trust_env=False
            )
        return self._client


async def _read(response: httpx.Response) -> bytes:
    body = bytearray()
    async with aclosing(response):
        try:
            async for data in response.aiter_raw():
                body += data
                if len(body) > _MOST:
                    raise _failed(f"answered with more than {_MOST:,} bytes")
        except httpx.HTTPError as error:
            raise _failed(f"cannot be reached: {type(error).__name__}") from error
    return bytes(body)


async def _chunks(response: httpx.Response, key: str | None) -> AsyncGenerator[JsonObject]:
    decoder = SSEDecoder()
    async with aclosing(response):
        try:
            async for data in response.aiter_raw():
                for event in decoder.feed(data):
                    if event.data.strip() == "[DONE]":
                        return
                    chunk = as_object(parse_json(event.data))
                    yield _hidden(chunk, key) if chunk.get("error") else chunk
        except (httpx.HTTPError, SSETooLargeError, InvalidJSONError) as error:
            raise BrokenOffError from error


def _message(message: JsonObject) -> JsonObject:
    """Return a message in OpenAI's own form: a linked document becomes its address as text."""
    parts = [
        {"type": "text", "text": as_text(as_object(part["file_url"]).get("url"))}
        if part.get("type") == "file_url"
        else part
        for part in as_list(message.get("content"))
    ]
    return {**message, "content": parts} if parts else message


def _failed(said: str) -> ApiError:
    return ApiError(502, f"The upstream server {said}", "upstream_error")


def _hidden(told: JsonObject, key: str | None) -> JsonObject:
    # Who asks here need not know it; written anew, since servers escape in several ways.
    return as_object(parse_json(json.dumps(told).replace(key, "***"))) if key else told


def _refused(response: httpx.Response, content: bytes, key: str | None) -> ApiError:
    try:
        body = _hidden(as_object(parse_json(content.decode(errors="replace"))), key)
    except InvalidJSONError:
        body = {}
    told = as_text(as_object(body.get("error")).get("message") or body.get("error"))
    status = response.status_code
    usual = "The upstream server gave no stream" if status == 200 else f"HTTP {status}"
    told = told or as_text(body.get("message")) or usual
    if status in (401, 403):  # the vendor's key is right; it is ours that is not
        return _failed(f"wants another key: {told}")
    code = as_text(as_object(body.get("error")).get("code")) or "upstream_error"
    wait = response.headers.get("retry-after")
    headers = {"retry-after": wait} if wait else {}
    return ApiError(status if 400 <= status < 600 else 502, told, code, headers=headers)


def _is_private(host: str) -> bool:
    """Tell whether all addresses of a host are this machine's or of a private network."""
    try:
        found = [ip_address(one[4][0]) for one in socket.getaddrinfo(host, None)]
    except (OSError, UnicodeError):
        return False
    return all(one.is_loopback or one.is_private for one in found)
