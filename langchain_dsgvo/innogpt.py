"""innoGPT for LangChain, after the vendor's page "Endpoints"."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar, Literal, Self

from langchain_core.tools import BaseTool
from langchain_core.tools.base import ArgsSchema
from pydantic import BaseModel, Field, model_validator

from dsgvo.errors import ConfigurationError
from dsgvo.wire.models import GeneratedImage
from langchain_dsgvo._chat import ChatModel
from langchain_dsgvo._embeddings import EmbeddingModel
from langchain_dsgvo._settings import VendorSettings
from langchain_dsgvo.errors import translated

__all__ = ["ChatInnoGPT", "InnoGPTEmbeddings", "InnoGPTImageGeneration"]


class ChatInnoGPT(ChatModel):
    """innoGPT chat model.

    Models of the GPT-5 series, ``o3-mini`` and ``o4-mini`` answer with a stream even when none is
    asked for; both ways of calling give the right result all the same.

    Setup:
        ``pip install 'dsgvo-llm[langchain]'`` and set ``INNOGPT_API_KEY``.

    Args:
        model: Model id, such as ``"gpt-5"`` or ``"claude-4-5-sonnet"``; else ``INNOGPT_MODEL``.
        api_key: The key; else ``INNOGPT_API_KEY``.
        base_url: The path before ``/chat/completions``; else ``INNOGPT_BASE_URL``, else the
            vendor's own.
        temperature: 0 to 2; lower is more deterministic.
        max_tokens: Longest answer in tokens, 1 or more.
        top_p: Nucleus sampling, 0 to 1. The vendor's page does not list it.
        stop: Text or texts that end the answer. The vendor's page does not list it.
        timeout: Seconds of silence after which a request fails; ``None``: never.
        max_retries: How often a request is made again, 0 or more.
        stream_usage: Ask for usage in streams.
        default_headers: Further headers of every request.
        extra_body: Fields put into every body unchecked.
        model_kwargs: Further parameters of each request.
        strict: Refuse parameters that the vendor ignores, instead of warning.
        residency: ``"eu"`` (the default; else ``DSGVO_RESIDENCY``) refuses models that the vendor
            says run elsewhere, ``"strict"`` also those of which it does not say, ``"any"`` none.
        trusted_models: Ids of models that you have checked yourself; they are never refused.

    Raises:
        ConfigurationError: If an argument is missing or wrong; nothing is sent.

    Instantiation and invocation:
        >>> model = ChatInnoGPT(model="gpt-5", temperature=0.3)
        >>> answer = model.invoke([("system", "Du bist hilfreich"), ("user", "Sag Hallo!")])
        >>> answer.response_metadata["finish_reason"]
        'stop'

    Streaming:
        >>> "".join(chunk.text for chunk in model.stream("Sag Hallo!")) != ""
        True

    Images, as LangChain's standard content block:
        >>> image = {"type": "image", "url": "https://example.com/image.jpg"}
        >>> question = {"type": "text", "text": "Was ist auf diesem Bild?"}
        >>> model.invoke([{"role": "user", "content": [question, image]}]).text != ""
        True

    PDFs, by their address, or as an upload of ``base64`` data or of a ``path``; one upload a
    request, which the vendor keeps for a while on its server:
        >>> report = {"type": "file", "url": "https://example.com/document.pdf"}
        >>> question = {"type": "text", "text": "Fasse dieses Dokument zusammen"}
        >>> model.invoke([{"role": "user", "content": [question, report]}]).text != ""
        True

    Structured output, by tool calling, JSON schema or JSON mode:
        >>> from pydantic import BaseModel
        >>> class Person(BaseModel):
        ...     "Eine Person."
        ...     name: str
        ...     age: int
        >>> chain = model.with_structured_output(Person, method="json_schema")
        >>> chain.invoke("Anna ist 34 Jahre alt")
        Person(name='Anna', age=34)
    """

    provider: ClassVar[str] = "innogpt"


class InnoGPTEmbeddings(EmbeddingModel):
    """innoGPT embeddings.

    Texts are sent as plain text, in batches sized by count and by bytes, several requests at
    once, and come back in order. A batch that the server finds too large is halved and sent again.

    Args:
        model: Embedding model id; by default ``"text-embedding-3-small"``, which the vendor's
            page names.
        api_key: The key; else ``INNOGPT_API_KEY``.
        base_url: The path before ``/embeddings``; else ``INNOGPT_BASE_URL``, else the vendor's.
        dimensions: Length of the vectors, 1 or more, for models that can shorten them.
        batch_size: Texts a request, 1 or more.
        max_batch_bytes: UTF-8 bytes of text a request, 1 or more.
        max_concurrency: Requests at once, 1 or more.
        show_progress: Show a progress bar (needs tqdm).
        timeout: Seconds of silence after which a request fails; ``None``: never.
        max_retries: How often a request is made again, 0 or more.
        default_headers: Further headers of every request.
        extra_body: Fields put into every body unchecked.
        residency: ``"eu"`` (the default; else ``DSGVO_RESIDENCY``) refuses models that the vendor
            says run elsewhere, ``"strict"`` also those of which it does not say, ``"any"`` none.
        trusted_models: Ids of models that you have checked yourself; they are never refused.

    Raises:
        ConfigurationError: If an argument is missing or wrong; nothing is sent.

    Example:
        >>> embeddings = InnoGPTEmbeddings()
        >>> vectors = embeddings.embed_documents(["Guten Tag", "Auf Wiedersehen"])
        >>> len(vectors), len(vectors[0])
        (2, 1536)
    """

    provider: ClassVar[str] = "innogpt"


class ImagePrompt(BaseModel):
    """Arguments of the image tool."""

    prompt: str = Field(description="What the image shows, in a sentence or two.")


class InnoGPTImageGeneration(VendorSettings, BaseTool):
    """Tool that makes an image after a description (innoGPT: "Bild-Generierung").

    The answer says where the image is, in words for the model; the image itself is the artifact,
    a :class:`dsgvo.wire.models.GeneratedImage`.

    Args:
        api_key: The key; else ``INNOGPT_API_KEY``.
        base_url: The path before ``/images/generations``; else ``INNOGPT_BASE_URL``, else the
            vendor's own.
        model: Image model id; the vendor's page shows requests without one.
        save_dir: Folder to save images to, as ``image-1.png`` and so on; existing files are kept.
        timeout: Seconds of silence after which a request fails; ``None``: never.
        max_retries: How often a request is made again, 0 or more.
        residency: ``"eu"`` (the default; else ``DSGVO_RESIDENCY``) refuses models that the vendor
            says run elsewhere, ``"strict"`` also those of which it does not say, ``"any"`` none.
        trusted_models: Ids of models that you have checked yourself; they are never refused.

    Raises:
        ConfigurationError: If an argument is missing or wrong; nothing is sent.

    Example:
        >>> tool = InnoGPTImageGeneration()
        >>> tool.invoke({"prompt": "ein minimalistisches App-Icon"})[:18]
        'The image was made'
    """

    provider: ClassVar[str] = "innogpt"

    name: str = "generate_image"
    description: str = (
        "Makes an image after a description and returns where it is. "
        "Use it when the user asks for a picture, drawing, icon or photo."
    )
    args_schema: ArgsSchema | None = ImagePrompt
    response_format: Literal["content", "content_and_artifact"] = "content_and_artifact"
    model: str | None = None
    save_dir: Path | None = None

    @model_validator(mode="after")
    def _check_tool(self) -> Self:
        with translated:
            if self.model is not None:
                self._check_model(self.model)
            if self.save_dir is not None:
                self.save_dir = self.save_dir.expanduser()
                if not self.save_dir.is_dir():
                    raise ConfigurationError(f"save_dir={str(self.save_dir)!r} is no folder")
        return self

    def _run(self, prompt: str) -> tuple[str, GeneratedImage]:
        with translated:
            return _described(self._client.generate_image(prompt, **self._request()))

    async def _arun(self, prompt: str) -> tuple[str, GeneratedImage]:
        with translated:
            return _described(await self._async_client.generate_image(prompt, **self._request()))

    def _request(self) -> dict[str, Any]:
        return {"model": self.model, "save_to": self.save_dir}


def _described(image: GeneratedImage) -> tuple[str, GeneratedImage]:
    return str(image), image
