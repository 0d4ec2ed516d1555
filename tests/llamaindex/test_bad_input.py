"""Arguments that this package alone has: refused with the way out, or understood."""

from __future__ import annotations

import re
from typing import Any

import pytest

from dsgvo import errors
from tests.bad_input import MODEL
from tests.llamaindex.support import LLMS


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (
            {"grammar": "g"},
            "SovrGPT has no argument 'grammar': fields of the request's body go into addi",
        ),
        ({"is_chat_model": False}, "is_chat_model cannot be set: all models here are chat models"),
        ({"http_client": object()}, "http_client is a object: pass an httpx.Client"),
        ({"api_base": "https://a.example", "base_url": "https://b.example"}, "the same argument"),
        ({"context_window": 0}, "context_window=0"),
        ({"workspace_id": "w"}, "has no argument 'workspace_id'"),
        ({"residency": "mars"}, "residency='mars'"),
    ],
)
def test_arguments_of_the_class(arguments: dict[str, Any], says: str) -> None:
    with pytest.raises(errors.ConfigurationError) as caught:
        LLMS["sovrgpt"](**{"model": MODEL} | arguments)
    assert says in str(caught.value)


def test_arguments_of_a_call() -> None:
    with pytest.raises(errors.ConfigurationError, match=re.escape("call stream_chat()")):
        LLMS["sovrgpt"](model=MODEL).complete("Hallo!", stream=True)
