"""Files of requests in OpenAI's Batch format, as vLLM's ``run-batch`` takes them, and results.

A result is written where its request stood: ``{"id", "custom_id", "response", "error"}``, one of
the last two ``null``.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
from array import array
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import islice
from pathlib import Path
from typing import Any, cast

from dsgvo._secrets import hidden
from dsgvo.bulk._engine import (
    Asked,
    Engine,
    Part,
    Progress,
    Remote,
    Summary,
    address,
    as_error,
    asked,
    check_run,
)
from dsgvo.bulk._journal import Journal, as_line, read_lines, sync
from dsgvo.errors import ConfigurationError, DsgvoError
from dsgvo.providers import Provider
from dsgvo.settings import merged_body
from dsgvo.transport import AsyncClient, ClientConfig, Gate, RequestOptions
from dsgvo.transport._pools import runtime
from dsgvo.wire.arguments import shown
from dsgvo.wire.completion import METADATA_FIELDS, Completion
from dsgvo.wire.embeddings import check_texts, differing
from dsgvo.wire.limiter import MAX_CONCURRENCY, Limiter
from dsgvo.wire.usage import total_tokens

__all__ = ["PART_REQUESTS", "run_batch"]

PART_REQUESTS = 512
_OF_ANSWER = ("service_tier", "prompt_filter_results")
"""Fields beside the choices; others that say how an answer was made are of its choice."""
_URLS = ("/v1/chat/completions", "/v1/embeddings")


@dataclass(slots=True)
class _Part:
    """Requests of a part, as lines; ``units`` are the numbers of those that are to be made."""

    index: int
    lines: list[str]
    source: str
    results: dict[int, dict[str, Any]]
    units: deque[int] = field(default_factory=deque[int])
    pending: int = 0
    tokens: int = 0

    @property
    def rows(self) -> int:
        return len(self.lines)


def run_batch(
    input: str | os.PathLike[str],  # noqa: A002 - the option's name
    output: str | os.PathLike[str],
    *,
    provider: str | Provider,
    requests_per_minute: float | None = None,
    tokens_per_minute: float | None = None,
    max_concurrency: int = MAX_CONCURRENCY,
    retry_errors: bool = False,
    with_inputs: bool = False,
    progress: Progress | None = None,
    remote: Remote | None = None,
    **client: Any,
) -> Summary:
    r"""Make the requests of a file in OpenAI's Batch format, and write their results in its order.

    Called again after any end, the same call goes on where it was, as :func:`embed_dataset` does.

    Args:
        input: JSON lines of ``custom_id``, ``method`` (``POST``), ``url``
            (``/v1/chat/completions`` or ``/v1/embeddings``) and ``body``.
        output: The file for results. Beside it come its journal, its errors and, until the end, a
            folder for work.
        provider: Who is asked, by name.
        requests_per_minute: Bound that is kept, above 0; by default what the vendor takes.
        tokens_per_minute: The same for tokens.
        max_concurrency: Requests at once, 1 or more.
        retry_errors: Make those requests again that failed, and nothing else.
        with_inputs: Put a failed request into the errors' file.
        progress: Is told about once a second what has been done.
        remote: Processes that make the requests in place of this one: a :class:`dsgvo.ray.Cluster`.
        **client: Arguments of :class:`dsgvo.AsyncClient`, such as ``api_key``.

    Returns:
        What was done; ``rows`` are requests.

    Raises:
        ConfigurationError: If an argument is wrong, or differs from those of the run that is to go
            on, or two requests have one ``custom_id``. Another request that is wrong is a result
            with an error.
        APIError: If the vendor refuses the key or the quota is used up, or is down.
        OSError: If the disk is full, for instance; what had come before is kept.
        KeyboardInterrupt: After Ctrl-C, once what was in flight is kept.

    Examples:
        >>> import json, pathlib, tempfile
        >>> folder = pathlib.Path(tempfile.mkdtemp())
        >>> body = {"model": "gpt-5", "messages": [{"role": "user", "content": "Hallo!"}]}
        >>> line = {"custom_id": "a", "method": "POST", "url": "/v1/chat/completions", "body": body}
        >>> _ = (folder / "requests.jsonl").write_text(json.dumps(line) + "\n")
        >>> run_batch(folder / "requests.jsonl", folder / "results.jsonl", provider="innogpt").rows
        1
        >>> result = json.loads((folder / "results.jsonl").read_text())
        >>> result["custom_id"], result["response"]["body"]["choices"][0]["finish_reason"]
        ('a', 'stop')
    """
    given = hidden(client)
    del client  # a traceback shows what is held here
    flags = {"retry_errors": retry_errors, "with_inputs": with_inputs}
    check_run({"input": input, "output": output}, flags, progress, remote, given().keys())
    source, target = Path(input), Path(output)
    limiter = Limiter(
        requests_per_minute=requests_per_minute,
        tokens_per_minute=tokens_per_minute,
        max_concurrency=max_concurrency,
    )
    engine = Engine[int](Gate(limiter), Summary(), progress)
    config = AsyncClient(provider, rate_limit=engine.gate, max_retries=0, **given()).config
    config.require_arguments()
    if not source.is_file():
        said = "that is a folder or a pipe" if source.exists() else "there is no such file"
        raise ConfigurationError(f"{str(source)!r}: {said}")
    if target.is_dir():
        raise ConfigurationError(f"output={str(output)!r} is a folder: give a file")
    total = _count(source)
    if not total:
        raise ConfigurationError(f"{str(source)!r} has no requests")
    settings = {
        "input": [source.name, source.stat().st_size],
        "rows": total,
        "provider": config.spec.name,
        "base_url": address(config),
    }
    journal = Journal(source, target, settings, retry=retry_errors)
    engine.summary.total = total
    finished = False
    try:
        caller = asked(config, engine.gate, remote, given)
        job = _Job(source, journal, engine, caller, config, with_inputs, retry_errors)
        asyncio.run(engine.run(job.parts(), job.perform, job.finish))
        if retry_errors:
            job.out.replace(journal.target)
            for part, errors, facts in job.unnoted:
                journal.note(part, errors, **facts)
        else:
            journal.require_rows(total)
        finished = True
    finally:
        journal.close(finished=finished)
    return engine.summary


def _lines(path: Path) -> Iterator[str]:
    with path.open(encoding="utf-8-sig", errors="surrogateescape") as file:
        yield from (line for line in file if line.strip())


def _count(path: Path) -> int:
    """Return how many requests a file has, each with a name of its own.

    Raises:
        ConfigurationError: If two have one name; who looks for results by it would mix them up.
    """
    seen: set[str] = set()
    count = 0
    for text in _lines(path):
        count += 1
        try:
            name = _check(_object(text))["custom_id"]
        except ConfigurationError:  # told in its place
            continue
        if name in seen:
            raise ConfigurationError(f"{str(path)!r}: custom_id={name!r} is there twice")
        seen.add(name)
    return count


class _Job:
    def __init__(
        self,
        source: Path,
        journal: Journal,
        engine: Engine[int],
        client: Asked,
        config: ClientConfig,
        with_inputs: bool,
        retry: bool,
    ) -> None:
        self._source = source
        self._journal = journal
        self._engine = engine
        self._client = client
        self._config = config
        self._with_inputs = with_inputs
        self._retry = retry
        self.out = journal.work / "retried.jsonl" if retry else journal.target
        self.unnoted: list[tuple[int, list[dict[str, Any]], dict[str, Any]]] = []
        """Parts of which the target says nothing yet."""
        rows = 0 if retry else sum(line["rows"] for line in journal.parts.values())
        with self.out.open("a+b") as file:
            file.seek(0)
            if not all(file.readline().endswith(b"\n") for _ in range(rows)):
                raise journal.damaged("it lacks results that its journal notes")
            file.truncate(file.tell())  # of a part that is not noted

    def parts(self) -> Iterator[Part[int]]:
        journal, summary = self._journal, self._engine.summary
        if not self._retry:
            summary.failed = sum(line["failed"] for line in journal.parts.values())
        before = read_lines(journal.target) if self._retry else iter(())
        lines = _lines(self._source)
        index = 0
        while found := list(islice(lines, PART_REQUESTS)):
            source = sha256("".join(found).encode("utf-8", "surrogatepass")).hexdigest()
            done = journal.done(index, source)
            if done and not self._retry:
                summary.rows += len(found)
                summary.begun += len(found)
            elif done or not self._retry:
                part = _Part(index, found, source, {})
                for line in read_lines(self._spill(part)):
                    if {"row", "result"} <= line.keys():
                        part.results[line["row"]] = line
                for row in range(len(found)) if self._retry else ():
                    line = next(before, dict[str, Any]())
                    if line.get("id") != _id(part, row) or "error" not in line:
                        raise journal.damaged(f"result {_id(part, row)!r} is not in its place")
                    if line["error"] is None:
                        part.results[row] = {"result": line}
                part.units.extend(row for row in range(len(found)) if row not in part.results)
                part.pending = len(part.units)
                yield part
            index += 1

    def _spill(self, part: _Part) -> Path:
        return self._journal.work / f"part-{part.index:06}-{part.source[:16]}.jsonl"

    async def perform(self, part: Any, row: int) -> None:
        """Make a request and keep its result."""
        custom_id: Any = None
        result: dict[str, Any] = {"id": _id(part, row)}
        try:
            line = _object(part.lines[row])
            custom_id = line.get("custom_id")
            _check(line)
            answer, request_id = await self._ask(line)
        except DsgvoError as error:
            if self._engine.stopping:
                raise
            result |= {"custom_id": custom_id, "response": None, "error": as_error(error)}
        else:
            tokens = total_tokens(answer.get("usage"))
            part.tokens += tokens
            self._engine.summary.tokens += tokens
            self._engine.summary.texts += 1
            response = {"status_code": 200, "request_id": request_id, "body": answer}
            result |= {"custom_id": custom_id, "response": response, "error": None}
        part.results[row] = {"row": row, "result": result}
        if result["error"] is None:  # what failed is tried again by a run that goes on
            with self._spill(part).open("a", encoding="utf-8") as file:
                file.write(f"\n{as_line(part.results[row])}")  # what is before it may be torn

    async def _ask(self, line: Mapping[str, Any]) -> tuple[dict[str, Any], str | None]:
        body = dict(line["body"])
        model = body.pop("model", None)
        if line["url"] == _URLS[0]:
            if body.pop("stream", False):
                raise ConfigurationError("stream: a batch has whole answers: leave it out")
            body.pop("stream_options", None)
            asked = body.pop("messages", [])
            done = await self._engine.attempt(lambda: self._client.chat(asked, model=model, **body))
            return _chat_body(done), done.request_id
        given: Any = body.pop("input", None)
        given = [given] if isinstance(given, str) else given
        if not isinstance(given, list) or not given:
            raise ConfigurationError("input: use a text or a list of texts")
        texts = cast("list[str]", given)
        check_texts(texts)  # all, before the first are paid for
        encoding = body.pop("encoding_format", "float")
        if encoding not in ("float", "base64"):
            raise ConfigurationError(f"encoding_format={shown(encoding)}: use 'float' or 'base64'")
        dimensions = body.pop("dimensions", None)
        options = RequestOptions.given(body)
        fields = {name: value for name, value in body.items() if name not in options}
        options["extra_body"] = merged_body(fields, options.get("extra_body"))
        vectors, tokens = list[Any](), 0

        async def some() -> tuple[Sequence[Any], int]:
            rest = texts[len(vectors) :]
            rest = rest[: self._at_once(model, rest)]  # known by now, if not at first
            return await self._client.embed_batch(
                rest, model=model, dimensions=dimensions, **options
            )

        while len(vectors) < len(texts):  # those that have come are not paid for again
            found, used = await self._engine.attempt(some)
            vectors.extend(found)
            tokens += used
        if differs := differing(self._config.spec, vectors, set()):
            raise differs
        return _embeddings_body(vectors, tokens, model, encoding), None

    def _at_once(self, model: object, texts: Sequence[str]) -> int:
        asked = model if isinstance(model, str) else self._config.spec.embeddings.default_model
        return runtime.texts_at_once((self._config.base_url, asked or ""), texts)

    def finish(self, part: Any) -> None:
        """Append a part's results, and note it; of a retry, once they are in their place."""
        results = [part.results[row]["result"] for row in range(part.rows)]
        with self.out.open("a", encoding="utf-8") as file:
            file.writelines(map(as_line, results))
            sync(file)
        errors: list[dict[str, Any]] = []
        for row, one in enumerate(results):
            if one["error"] is not None:
                number = part.index * PART_REQUESTS + row
                error = {"row": number, "id": one["custom_id"], "error": one["error"]}
                errors.append(error | ({"input": part.lines[row]} if self._with_inputs else {}))
        self._engine.summary.failed += len(errors)
        facts = {"rows": part.rows, "tokens": part.tokens, "source": part.source}
        if self._retry:
            self.unnoted.append((part.index, errors, facts))
        else:
            self._journal.note(part.index, errors, **facts)
            self._spill(part).unlink(missing_ok=True)


def _id(part: _Part, row: int) -> str:
    return f"batch_req_{part.index * PART_REQUESTS + row}"


def _object(text: str) -> dict[str, Any]:
    """Read a line of the input.

    Raises:
        ConfigurationError: If it is no object.
    """
    try:
        text.encode()
        line: Any = json.loads(text)
    except UnicodeEncodeError:
        raise ConfigurationError("the line is not UTF-8") from None
    except (ValueError, RecursionError) as error:
        raise ConfigurationError(f"the line is not JSON: {type(error).__name__}") from None
    if not isinstance(line, dict):
        raise ConfigurationError("the line is not a JSON object")
    return cast("dict[str, Any]", line)


def _check(found: dict[str, Any]) -> dict[str, Any]:
    """Return a line's object.

    Raises:
        ConfigurationError: If it is not a request.
    """
    for name, kind in (("custom_id", str), ("url", str), ("body", dict)):
        if not isinstance(found.get(name), kind):
            raise ConfigurationError(f"{name} is missing or not of the documented type")
    if found["url"] not in _URLS:
        raise ConfigurationError(f"url={found['url']!r}: use {' or '.join(_URLS)}")
    if found.get("method", "POST") != "POST":
        raise ConfigurationError(f"method={found['method']!r}: use POST")
    return found


def _chat_body(done: Completion) -> dict[str, Any]:
    message: dict[str, Any] = {**done.extra, "role": "assistant", "content": done.content or None}
    told = {name: message.pop(name) for name in done.extra if name in METADATA_FIELDS}
    of_answer = {name: told.pop(name) for name in _OF_ANSWER if name in told}
    choice = {"index": 0, "message": message, "finish_reason": done.finish_reason, **told}
    if done.reasoning:
        message["reasoning_content"] = done.reasoning
    if done.refusal:
        message["refusal"] = done.refusal
    if done.tool_calls:
        message["tool_calls"] = [
            {
                "id": call.id,
                "type": "function",
                "function": {"name": call.name, "arguments": call.arguments},
            }
            for call in done.tool_calls
        ]
    return {
        **of_answer,
        "id": done.id,
        "object": "chat.completion",
        "created": done.created,
        "model": done.model,
        "system_fingerprint": done.system_fingerprint,
        "choices": [choice],
        "usage": done.usage,
    }


def _embeddings_body(
    vectors: Sequence[Any], tokens: int, model: str | None, encoding: object
) -> dict[str, Any]:
    def written(vector: array[float]) -> Any:
        if encoding == "base64":
            return base64.b64encode(vector.tobytes()).decode()
        return vector.tolist()

    return {
        "object": "list",
        "data": [
            {"object": "embedding", "index": index, "embedding": written(vector)}
            for index, vector in enumerate(vectors)
        ],
        "model": model,
        "usage": {"prompt_tokens": tokens, "total_tokens": tokens},
    }
