"""``dsgvo embed``: a dataset into Parquet files with vectors, resumable."""

from __future__ import annotations

import os
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
from dsgvo.cli.options import EmulatorOption, given_path
from dsgvo.providers import PROVIDERS

__all__ = ["embed"]


def embed(
    source: Annotated[
        Path,
        typer.Argument(
            parser=given_path, help="A .parquet, .jsonl or .csv file, or a folder of them or texts."
        ),
    ],
    target: Annotated[Path, typer.Argument(help="A folder for the Parquet files.")],
    provider: ProviderOption,
    text: Annotated[str, typer.Option(metavar="COLUMN", help="The column to embed.")] = "text",
    id: Annotated[  # noqa: A002 - the option's name
        str | None, typer.Option(metavar="COLUMN", help="A column that names failed rows.")
    ] = None,
    model: Annotated[str | None, typer.Option(help="The embedding model.")] = None,
    dimensions: Annotated[int | None, typer.Option(help="Length of the vectors.")] = None,
    batch_size: Annotated[int, typer.Option(help="Texts a request.")] = 128,
    part_rows: Annotated[int, typer.Option(help="Rows a file.")] = 4096,
    allow_undocumented: Annotated[
        bool, typer.Option("--allow-undocumented", help="Where no page says that it embeds.")
    ] = False,
    requests_per_minute: PerMinute = None,
    tokens_per_minute: TokensPerMinute = None,
    max_concurrency: Maximum = 128,
    retry_errors: RetryErrors = False,
    with_inputs: WithInputs = False,
    ray: RayOption = None,
    emulator: EmulatorOption = False,
) -> None:
    """Embed a dataset into Parquet files; the same command again goes on where it ended.

    A folder of texts has the columns path and text. Ctrl-C waits for what is in flight, twice ends
    at once.
    """
    from dsgvo.cli.screen import require_modules

    # Arrow's own allocator keeps what it has had, in pages of 2 MB: a run would grow with its rows.
    os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")
    require_modules("bulk", "pyarrow", "numpy")
    from dsgvo.bulk import embed_dataset

    with (
        access(PROVIDERS[provider], emulator=emulator),
        cluster(ray) as remote,
        reporting() as progress,
    ):
        summary = embed_dataset(
            source,
            target,
            provider=provider,
            text=text,
            id=id,
            model=model,
            dimensions=dimensions,
            batch_size=batch_size,
            part_rows=part_rows,
            allow_undocumented=allow_undocumented,
            requests_per_minute=requests_per_minute,
            tokens_per_minute=tokens_per_minute,
            max_concurrency=max_concurrency,
            retry_errors=retry_errors,
            with_inputs=with_inputs,
            progress=progress,
            remote=remote,
        )
    ended(summary, target)
