"""The tool that makes images, of which each vendor that does has one."""

from __future__ import annotations

from typing import Any, Literal

from langchain_core.tools import BaseTool
from langchain_core.tools.base import ArgsSchema
from pydantic import BaseModel, Field

from dsgvo.settings import ImageSettings
from dsgvo.wire.models import GeneratedImage
from langchain_dsgvo._settings import VendorSettings
from langchain_dsgvo.errors import langchain_errors

__all__ = ["ImageGeneration"]


class ImagePrompt(BaseModel):
    """Arguments of the image tool."""

    prompt: str = Field(description="What the image shows, in a sentence or two.")


class ImageGeneration(ImageSettings, VendorSettings, BaseTool):
    """Image tool of one vendor; a base of the public classes, not for use alone."""

    name: str = "generate_image"
    description: str = (
        "Makes an image after a description and returns where it is. "
        "Use it when the user asks for a picture, drawing, icon or photo."
    )
    args_schema: ArgsSchema | None = ImagePrompt
    response_format: Literal["content", "content_and_artifact"] = "content_and_artifact"

    def _run(self, prompt: str) -> tuple[str, GeneratedImage]:
        with langchain_errors:
            return _described(self._client.generate_image(prompt, **self._request()))

    async def _arun(self, prompt: str) -> tuple[str, GeneratedImage]:
        with langchain_errors:
            return _described(await self._async_client.generate_image(prompt, **self._request()))

    def _request(self) -> dict[str, Any]:
        return {"model": self.model, "save_to": self.save_dir, "extra_body": self.extra_body}


def _described(image: GeneratedImage) -> tuple[str, GeneratedImage]:
    return str(image), image
