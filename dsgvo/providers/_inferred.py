"""Facts that follow from OpenAI's API, which the vendors name; no vendor states them."""

from __future__ import annotations

from collections.abc import Mapping

from dsgvo.providers._spec import Fact

__all__ = ["AS_OPENAI", "BASE64"]

AS_OPENAI: Mapping[str, Fact] = {
    "stream_options": Fact(
        text="takes `stream_options` and counts the tokens of a stream",
        standing="Inferred",
        otherwise="nothing: where the field is refused, requests go on without it",
    ),
    "errors": Fact(
        text="refuses a wrong key with 401 and an `error` object with a `message`",
        standing="Inferred",
        otherwise="nothing: errors of any form are read",
    ),
}

BASE64 = Fact(
    text="gives vectors in base64 where they are asked for",
    standing="Inferred",
    otherwise="nothing: numbers are understood too; encoding_format='float' asks for them",
)
