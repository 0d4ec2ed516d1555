"""Both frameworks behind one face, pointed at a server: what a scenario asks."""

import asyncio
from collections.abc import Callable
from contextlib import aclosing, closing
from dataclasses import dataclass
from typing import Any

from tests.calls import Mode
from tests.frameworks.support import Answer, Way
from tests.real.servers import Target

FORMS = [(Mode(mode), streamed) for mode in ("sync", "async") for streamed in (False, True)]


@dataclass(frozen=True)
class Asked:
    """The classes of one vendor in one framework, asked in one way."""

    vendor: str
    way: Way
    target: Target

    def settings(self, **more: Any) -> dict[str, Any]:
        own = {"workspace_id": "ws-1"} if self.vendor == "neuroflash" else {}
        server = {"base_url": self.target.base_url, "api_key": self.target.key}
        return {"model": self.target.model, **server, **own, **more}

    def model(self, extra_body: dict[str, Any] | None = None, **settings: Any) -> Any:
        window = {} if self.way.is_langchain else {"context_window": 1024}
        if self.target.name == "vLLM" and extra_body and "grammar" in extra_body:
            extra_body = extra_body | {"structured_outputs": {"grammar": extra_body["grammar"]}}
        body = {"extra_body": extra_body} if extra_body else None
        return self.way.model(self.vendor, body=body, **self.settings(**window, **settings))

    def ask(self, question: Any, *tools: Callable[..., Any], **settings: Any) -> Answer:
        model = self.model(**settings)
        if tools:
            return self.way.call_tools(model, [*tools], question)
        return self.way.answer(model, question)

    def embed(self, texts: list[str]) -> Any:
        model = self.way.embeddings(self.vendor, **self.settings(allow_undocumented=True))
        return self.way.embed(model, texts)

    async def texts(
        self, model: Any, on_first: Callable[[], Any] = bool, stop: int | None = None
    ) -> str:
        """Read a stream, or its first ``stop`` pieces of text, and leave it."""
        found: list[str] = []

        def enough(piece: Any) -> bool:
            if text := piece.text if self.way.is_langchain else piece.delta:
                found.append(text)
                if len(found) == 1:
                    on_first()
            return len(found) == stop

        pieces = self.way.stream(model, "Hi")
        if not self.way.mode.is_async:
            with closing(pieces):
                any(map(enough, pieces))
            return "".join(found)
        async with aclosing(await pieces if asyncio.iscoroutine(pieces) else pieces) as pieces:
            async for piece in pieces:
                if enough(piece):
                    break
        return "".join(found)
