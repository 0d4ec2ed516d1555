"""The tool that makes images, of which each vendor that does has one."""

from __future__ import annotations

from typing import Any, ClassVar

from llama_index.core.tools.tool_spec.base import SPEC_FUNCTION_TYPE, BaseToolSpec

from dsgvo._secrets import without_frames
from dsgvo.settings import ImageSettings
from dsgvo.wire.models import GeneratedImage
from llamaindex_dsgvo._settings import VendorSettings

__all__ = ["ImageToolSettings", "ImageToolSpec"]


class ImageToolSettings(ImageSettings, VendorSettings):
    """Settings of an image tool, apart from the tool spec, which LlamaIndex looks into."""

    def generate(self, prompt: str) -> GeneratedImage:
        """Make an image after a description."""
        return self._client.generate_image(prompt, **self._request())

    async def agenerate(self, prompt: str) -> GeneratedImage:
        """Make an image after a description."""
        return await self._async_client.generate_image(prompt, **self._request())

    def _request(self) -> dict[str, Any]:
        extra = self.additional_kwargs or None
        return {"model": self.model, "save_to": self.save_dir, "extra_body": extra}


class ImageToolSpec(BaseToolSpec):
    """Image tools of one vendor; a base of the public classes, not for use alone."""

    settings: ClassVar[type[ImageToolSettings]]
    spec_functions: list[SPEC_FUNCTION_TYPE] = [("generate_image", "agenerate_image")]  # noqa: RUF012 - as LlamaIndex has it

    @without_frames
    def __init__(self, **arguments: Any) -> None:
        self._settings = self.settings(**arguments)

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
