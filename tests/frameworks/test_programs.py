"""Programs that were written for the peers' classes run with their imports and keys changed."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from dsgvo import PROVIDERS
from dsgvo.emulator import Server

EXAMPLES = Path(__file__).parents[2] / "examples"
PRINTED = {
    "from_chatopenai.py": (
        "invoke stop total_tokens\nbatch [True, True, True]\ncached True 2\nconfigured True\n"
        "fallback True True\nstreamed True True True\n"
        "events on_chat_model_start on_chat_model_end\nchain True AIMessage\njson dict\n"
        "structured function_calling 3\nstructured json_schema 3\n"
        "raw ['parsed', 'parsing_error', 'raw'] None\nschema ['days', 'traveller']\n"
        "tool daily_allowance 84.0 True\nagent ['model', 'tools', 'model']\ncounted [True]\n"
        "remembered ['84.0']\ntyped Claim\n"
    ),
    "from_openailike.py": (
        "chat True True\ncomplete True\nstream True True\nawaited (True, True)\n"
        "ingested 7 True 0\ntitle True\ncompact True 3\nrefine True 3\ntree_summarize True 3\n"
        "streaming True\ncited True\nfiltered ['04-it-sicherheit.md']\nsummary True\n"
        "summaries True\ncontext True True 4\ncondense_question True True 4\n"
        "condense_plus_context True True 4\n"
        "predicted Leave 3\nas_structured_llm Leave\nstreamed object Leave\ncalled 18\n"
        "agent (['remaining_leave'], True, True)\nevents 3 True\ncounted True True\n"
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "provider", "model"),
    [
        ("from_chatopenai.py", "neuroflash", "openai/gpt-4.1-mini"),
        ("from_openailike.py", "meingpt", "gpt-4o-mini"),
    ],
)
def test_a_program_prints_what_it_did(server: Server, name: str, provider: str, model: str) -> None:
    spec = PROVIDERS[provider]
    source = (EXAMPLES / name).read_text("utf-8").replace("INNOGPT", spec.env)
    source = source.replace("InnoGPT", spec.title[0].upper() + spec.title[1:])
    source = source.replace("text-embedding-3-small", spec.embeddings.default_model or "")
    source = source.replace("Path(__file__).parent", f"Path({str(EXAMPLES)!r})")
    environment = os.environ | server.environ(provider) | {spec.model_variable: model}
    ran = subprocess.run(
        [sys.executable, "-c", source], env=environment, capture_output=True, text=True, check=False
    )
    shown = [line for line in ran.stdout.splitlines() if not line.startswith("current doc id")]
    assert shown == PRINTED[name].splitlines(), ran.stderr
