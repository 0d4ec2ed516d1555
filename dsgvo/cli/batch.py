"""``dsgvo batch``: a file of requests in OpenAI's Batch format, resumable."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dsgvo.cli.bulk import (
    Maximum,
    PerMinute,
    ProviderOption,
    RayOption,
    RetryErrors,
    TokensPerMinute,
    WithInputs,
    cluster,
    ended,
    reporting,
)
from dsgvo.cli.emulated import access
from dsgvo.cli.options import EmulatorOption
from dsgvo.providers import PROVIDERS

__all__ = ["batch"]


def batch(
    provider: ProviderOption,
    input: Annotated[  # noqa: A002 - the option's name
        Path, typer.Option("--input", "-i", help="JSON lines of requests, as OpenAI's Batch API.")
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="The file for results.")],
    requests_per_minute: PerMinute = None,
    tokens_per_minute: TokensPerMinute = None,
    max_concurrency: Maximum = 128,
    retry_errors: RetryErrors = False,
    with_inputs: WithInputs = False,
    ray: RayOption = None,
    emulator: EmulatorOption = False,
) -> None:
    """Make a file of requests; the same command again goes on where it ended.

    Takes what vLLM's run-batch takes: custom_id, method, url, body. Results are in the input's
    order. Ctrl-C waits for what is in flight, twice ends at once.
    """
    from dsgvo.bulk import run_batch

    with (
        access(PROVIDERS[provider], emulator=emulator),
        cluster(ray) as remote,
        reporting() as progress,
    ):
        summary = run_batch(
            input,
            output,
            provider=provider,
            requests_per_minute=requests_per_minute,
            tokens_per_minute=tokens_per_minute,
            max_concurrency=max_concurrency,
            retry_errors=retry_errors,
            with_inputs=with_inputs,
            progress=progress,
            remote=remote,
        )
    ended(summary, output)
