"""Settings of LlamaIndex's classes: the shared ones, with LlamaIndex's names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from llama_index.core.callbacks import CallbackManager
from pydantic import Field, field_validator

from dsgvo.settings import BaseURL, Settings

__all__ = ["VendorSettings"]


class VendorSettings(Settings):
    """Connection settings of one vendor; a base of the public classes, not for use alone."""

    client_arguments: ClassVar[Mapping[str, str]] = {"api_base": "base_url"}
    aliases: ClassVar[Mapping[str, str]] = {"base_url": "api_base", "openai_api_base": "api_base"}
    body_argument: ClassVar[str] = "additional_kwargs"

    api_base: BaseURL = None
    additional_kwargs: dict[str, Any] = Field(
        default_factory=dict, description="Further fields of every request's body."
    )

    @field_validator("callback_manager", check_fields=False)
    @classmethod
    def _check_manager(cls, value: object) -> object:
        if isinstance(value, CallbackManager | None):
            return value
        raise ValueError("Input should be a CallbackManager")
