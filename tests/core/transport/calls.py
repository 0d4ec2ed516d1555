"""Every call that sends a request, for rules that hold on each of them."""

from typing import Any

from tests.core.support import HELLO, in_one_mode

CALLS: dict[str, tuple[str, str, tuple[Any, ...]]] = {
    "an answer": ("sovrgpt", "chat", ()),
    "an answer, streamed": ("sovrgpt", "stream", ()),
    "embeddings": ("meingpt", "embed", (["Text"],)),
    "a model list": ("sovrgpt", "models", ()),
    "a list of workspaces": ("neuroflash", "workspaces", ()),
    "the service's health": ("neuroflash", "health", ()),
    "a ranking": ("sovrgpt", "rerank", ("Frage", ["Text"])),
    "a list of assistants": ("meingpt", "assistants", ()),
    "an answer, of an assistant": ("meingpt", "run_assistant", ("emulator-1", HELLO)),
    "an image": ("innogpt", "generate_image", ("ein Icon",)),
}
"""What an answer is called in messages → the vendor, the method and its arguments."""

calls = in_one_mode("what", {what: what for what in CALLS})
