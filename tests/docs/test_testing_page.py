"""What other projects get for their tests: ``docs/testing.md``, done as it says."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

PAGE = (Path(__file__).parents[2] / "docs" / "testing.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```python\n# (\S+)\n(.*?)^```", PAGE, re.M | re.S)
ASKED = """import sys
def test_it(pytestconfig):
    assert pytestconfig.pluginmanager.has_plugin('dsgvo')
    ours = {name for name in sys.modules if name.partition('.')[0] == 'dsgvo'}
    assert ours == {'dsgvo', 'dsgvo.testing', 'dsgvo.testing.plugin'}
    assert not {'httpx', 'pydantic', 'starlette', 'uvicorn', 'vcr', 'yaml'} & sys.modules.keys()
def asked(server):
    import httpx
    assert server.requests == []
    httpx.get(f'{server.url}/meingpt/', trust_env=False)
    assert len(server.requests) == 1
def test_one(dsgvo_emulator):
    asked(dsgvo_emulator)
def test_two(dsgvo_emulator):
    asked(dsgvo_emulator)
"""


def pytest_in(folder: Path, *options: str, **variables: str) -> str:
    """Run pytest there as a user would, without the variables of this process's tests."""
    foreign = ("PYTEST_", "DSGVO_", "COV_")
    environ = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
    common = ("-q", "-rA", "-p", "no:cacheprovider", "-p", "no:asyncio", f"--rootdir={folder}")
    command = [sys.executable, "-m", "pytest", *common, *options]
    told: Any = {"env": environ | variables, "capture_output": True, "text": True}
    return subprocess.run(command, cwd=folder, **told).stdout


@pytest.mark.slow
def test_the_page_does_what_it_says(tmp_path: Path) -> None:
    assert len({name for name, _ in BLOCKS}) == PAGE.count("```python")
    for name, text in BLOCKS:
        (tmp_path / name).write_text(text, encoding="utf-8")
    recorded = pytest_in(tmp_path, "--record-mode=rewrite", RECORD="1")
    assert "10 passed" in recorded, recorded
    texts = {path: path.read_text(encoding="utf-8") for path in tmp_path.rglob("cassettes/**/*.*")}
    assert len(texts) == len({path.stem for path in texts}) == 4
    assert len(set(texts.values())) == 2, "recorded otherwise by pytest-recording"
    for text in texts.values():
        urls = [one["request"]["uri"] for one in yaml.safe_load(text)["interactions"]]
        home = "https://app.meingpt.com/api/openai/v1"
        assert urls == [f"{home}/embeddings", f"{home}/embeddings", f"{home}/chat/completions"]
    # An event loop is a pair of Unix sockets.
    alone = ("--disable-socket", "--allow-unix-socket", "-k", "vacation")
    replayed = pytest_in(tmp_path, *alone)
    assert "4 passed" in replayed, replayed
    assert {path: path.read_text(encoding="utf-8") for path in texts} == texts
    for name in ("handbuch_langchain.py", "handbuch_llamaindex.py"):
        text = (tmp_path / name).read_text(encoding="utf-8")
        changed = text.replace("temperature=0", "temperature=1")
        (tmp_path / name).write_text(changed, encoding="utf-8")
    failed = pytest_in(tmp_path, *alone)
    assert "4 failed" in failed
    assert '-  "temperature": 0.0' in failed
    assert '+  "temperature": 1.0' in failed


def test_the_plugin_imports_nothing_until_asked_and_its_server_is_fresh(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text(ASKED, "utf-8")
    done = pytest_in(tmp_path, "-p", "dsgvo", PYTEST_DISABLE_PLUGIN_AUTOLOAD="1")
    assert "3 passed" in done, done
