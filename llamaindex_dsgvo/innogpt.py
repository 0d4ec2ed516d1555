"""innoGPT for LlamaIndex."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

from llama_index.core.tools.tool_spec.base import SPEC_FUNCTION_TYPE, BaseToolSpec

from dsgvo.errors import ConfigurationError
from dsgvo.wire.models import GeneratedImage
from llamaindex_dsgvo._embedding import EmbeddingModel
from llamaindex_dsgvo._llm import ChatModel
from llamaindex_dsgvo._settings import VendorSettings

__all__ = ["InnoGPT", "InnoGPTEmbedding", "InnoGPTImageToolSpec"]


class InnoGPT(ChatModel):
    """Chat models of innoGPT, after its page "Endpoints".

    Models of the GPT-5 series, ``o3-mini`` and ``o4-mini`` answer with a stream even when none is
    asked for; both ways of calling give the right answer.

    Args:
        model: The vendor's model id, such as ``"gpt-5"`` or ``"claude-4-5-sonnet"``; else
            ``INNOGPT_MODEL``.
        api_key: The vendor's key; else ``INNOGPT_API_KEY``.
        api_base: The path before ``/chat/completions``; else ``INNOGPT_BASE_URL``, else the
            vendor's own. Plain ``http://`` only to this machine.
        temperature: 0 to 2. By default, as below, nothing is sent and the vendor's default holds.
        max_tokens: Most tokens of an answer, 1 or more.
        top_p: Nucleus sampling, 0 to 1.
        stop: A text or texts before which the answer ends.
        timeout: Seconds of silence after which a request fails, above 0; ``None``: never.
        max_retries: How often a request is made again, 0 or more.
        default_headers: Further headers of every request; kept out of ``to_dict()``.
        additional_kwargs: Further fields of every request's body.
        context_window: Tokens of prompt and answer together, where the vendor does not say.
        is_function_calling_model: Whether the model takes tools, where the vendor is wrong about
            it or does not say.
        structured_output: ``"function_calling"``, ``"json_schema"`` or ``"json_mode"``; by default
            the best one that the vendor documents.
        strict: Refuse parameters that the vendor ignores, instead of warning once. (The ``strict``
            of ``OpenAILike``, for tools' schemas, is an argument of ``chat_with_tools`` here.)
        residency: ``"eu"`` refuses models that the vendor says run elsewhere, ``"strict"`` also
            those of which it does not say where, ``"any"`` none; else ``DSGVO_RESIDENCY``.
        trusted_models: Model ids that you have checked yourself; they are never refused.
        stream_usage: Ask for token counts at the end of streams.
        system_prompt: Goes before what LlamaIndex's components ask.
        callback_manager: LlamaIndex's callbacks.

    Raises:
        ConfigurationError: If something is missing or wrong; nothing is sent.

    Example:
        >>> from llamaindex_dsgvo import InnoGPT
        >>> llm = InnoGPT(model="gpt-5")
        >>> response = llm.complete("Hallo!")
        >>> response.raw["finish_reason"]
        'stop'
        >>> text = "".join(chunk.delta for chunk in llm.stream_complete("Hallo!"))
        >>> text == response.text
        True
    """

    provider: ClassVar[str] = "innogpt"


class InnoGPTEmbedding(EmbeddingModel):
    """Embedding models of innoGPT, after its page "Endpoints".

    Args:
        model_name: The vendor's model id; by default the page's ``"text-embedding-3-small"``.
            ``model`` is the same argument.
        dimensions: Length of the vectors, 1 or more, where the model can shorten them.
        embed_batch_size: Texts a request, 1 to 2048.
        num_workers: Requests at once, 1 or more; 4 if not given.
        api_key: As for :class:`InnoGPT`, as are ``api_base``, ``timeout``, ``max_retries``,
            ``default_headers``, ``residency`` and ``trusted_models``.
        additional_kwargs: Further fields of every request's body.
        embeddings_cache: LlamaIndex's cache.

    Raises:
        ConfigurationError: If something is missing or wrong; nothing is sent.

    Example:
        >>> from llamaindex_dsgvo import InnoGPTEmbedding
        >>> embed_model = InnoGPTEmbedding()
        >>> vectors = embed_model.get_text_embedding_batch(["Guten Tag", "Auf Wiedersehen"])
        >>> len(vectors), len(vectors[0])
        (2, 1536)
    """

    provider: ClassVar[str] = "innogpt"


class _ImageSettings(VendorSettings):
    """Settings of the image tools, apart from the tool spec, which LlamaIndex looks into."""

    provider: ClassVar[str] = "innogpt"

    model: str | None = None
    save_dir: Path | None = None

    def model_post_init(self, context: Any, /) -> None:
        """Check what can be checked before anything is sent."""
        super().model_post_init(context)
        if self.model is not None:
            self._check_residency(self.model)
        if self.save_dir is not None:
            self.save_dir = self.save_dir.expanduser()
            if not self.save_dir.is_dir():
                raise ConfigurationError(f"save_dir={str(self.save_dir)!r} is no folder")

    def generate(self, prompt: str) -> GeneratedImage:
        return self._client.generate_image(prompt, model=self.model, save_to=self.save_dir)

    async def agenerate(self, prompt: str) -> GeneratedImage:
        image = self._async_client.generate_image(prompt, model=self.model, save_to=self.save_dir)
        return await image


class InnoGPTImageToolSpec(BaseToolSpec):
    """Tools that make images after a description, after innoGPT's page "Endpoints".

    Args:
        api_key: As for :class:`InnoGPT`, as are ``api_base``, ``timeout``, ``max_retries``,
            ``default_headers``, ``residency`` and ``trusted_models``.
        model: Image model id; the vendor's page shows requests without one.
        save_dir: Folder to save images to, as ``image-1.png`` and so on; existing files are kept.

    Raises:
        ConfigurationError: If something is missing or wrong; nothing is sent.

    Example:
        >>> from llamaindex_dsgvo import InnoGPTImageToolSpec
        >>> [tool] = InnoGPTImageToolSpec().to_tool_list()
        >>> tool.call(prompt="ein minimalistisches App-Icon").content[:18]
        'The image was made'
    """

    spec_functions: list[SPEC_FUNCTION_TYPE] = [("generate_image", "agenerate_image")]  # noqa: RUF012 - as LlamaIndex has it

    def __init__(self, **arguments: Any) -> None:
        self._settings = _ImageSettings(**arguments)

    def generate_image(self, prompt: str) -> GeneratedImage:
        """Make an image after a description and tell where it is.

        Use it when the user asks for a picture, drawing, icon or photo.

        Args:
            prompt: What the image shows, in a sentence or two.
        """
        return self._settings.generate(prompt)

    async def agenerate_image(self, prompt: str) -> GeneratedImage:
        """Make an image after a description; see :meth:`generate_image`."""
        return await self._settings.agenerate(prompt)
