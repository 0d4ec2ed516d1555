"""innoGPT for LlamaIndex."""

from __future__ import annotations

from typing import Any, ClassVar

from llama_index.core.tools.tool_spec.base import SPEC_FUNCTION_TYPE, BaseToolSpec

from dsgvo.settings import ImageSettings
from dsgvo.wire.models import GeneratedImage
from llamaindex_dsgvo._embedding import EmbeddingModel
from llamaindex_dsgvo._llm import ChatModel
from llamaindex_dsgvo._settings import VendorSettings

__all__ = ["InnoGPT", "InnoGPTEmbedding", "InnoGPTImageToolSpec"]


class InnoGPT(ChatModel):
    """Chat models of innoGPT, after its page "Endpoints".

    Models of the GPT-5 series, ``o3-mini`` and ``o4-mini`` answer with a stream even when none is
    asked for; both ways of calling give the right answer.

    Raises:
        ConfigurationError: If something is missing or wrong; nothing is sent.

    Examples:
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

    Raises:
        ConfigurationError: If something is missing or wrong; nothing is sent.

    Examples:
        >>> from llamaindex_dsgvo import InnoGPTEmbedding
        >>> embed_model = InnoGPTEmbedding()
        >>> vectors = embed_model.get_text_embedding_batch(["Guten Tag", "Auf Wiedersehen"])
        >>> len(vectors), len(vectors[0])
        (2, 1536)
    """

    provider: ClassVar[str] = "innogpt"


class _ImageSettings(ImageSettings, VendorSettings):
    """Settings of the image tools, apart from the tool spec, which LlamaIndex looks into."""

    provider: ClassVar[str] = "innogpt"

    def generate(self, prompt: str) -> GeneratedImage:
        return self._client.generate_image(prompt, model=self.model, save_to=self.save_dir)

    async def agenerate(self, prompt: str) -> GeneratedImage:
        image = self._async_client.generate_image(prompt, model=self.model, save_to=self.save_dir)
        return await image


class InnoGPTImageToolSpec(BaseToolSpec):
    """Tools that make images after a description, after innoGPT's page "Endpoints".

    Raises:
        ConfigurationError: If something is missing or wrong; nothing is sent.

    Examples:
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
