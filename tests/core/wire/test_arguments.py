"""What is said of wrong arguments: what was meant is named, and nothing secret is shown."""

from __future__ import annotations

from typing import Any

from dsgvo.wire.arguments import unknown_argument, wrong_argument

# an argument and its value → what is said of it
WRONG: dict[tuple[str, Any], str] = {
    ("temperature", "hot"): "temperature='hot': wrong",
    ("timeout", -1.5): "timeout=-1.5: wrong",
    ("stop", ("a",)): "stop: wrong",
    ("metadata.api_key", 3): "metadata.api_key=3: wrong",
    **{
        (name, "geheim"): f"{name}: wrong"
        for name in (
            *("api_key", "client_secret", "default_headers.X-Key", "extra_body"),
            "additional_kwargs.a.b",
        )
    },
}


def test_a_wrong_argument_and_an_unknown_one() -> None:
    assert {argument: wrong_argument(*argument, "wrong") for argument in WRONG} == WRONG
    known, meant = ["temperature", "model"], "C has no argument 'modle': did you mean 'model'?"
    assert unknown_argument("C", "modle", iter(known), "see the page") == meant
    for names in (known, []):
        said = unknown_argument("C", "xyz", iter(names), "see the page")
        assert said == "C has no argument 'xyz': see the page"
