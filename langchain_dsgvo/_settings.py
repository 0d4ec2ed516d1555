"""Settings of LangChain's classes: the shared ones, with LangChain's names and errors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import Field

from dsgvo.settings import BaseURL, Settings
from langchain_dsgvo.errors import langchain_errors

__all__ = ["VendorSettings"]


class VendorSettings(Settings):
    """Connection settings of one vendor; a base of the public classes, not for use alone."""

    client_arguments: ClassVar[Mapping[str, str]] = {"base_url": "base_url"}
    aliases: ClassVar[Mapping[str, str]] = {"api_base": "base_url", "openai_api_base": "base_url"}
    raising = langchain_errors

    base_url: BaseURL = None
    extra_body: dict[str, Any] | None = Field(
        default=None, description="Fields put into every body unchecked."
    )
