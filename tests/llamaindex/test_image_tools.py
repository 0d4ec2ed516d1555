"""Image generation as LlamaIndex's tools."""

from __future__ import annotations

from pathlib import Path

import pytest
from llama_index.core.agent.workflow import FunctionAgent

from dsgvo import errors
from dsgvo.emulator import Server
from llamaindex_dsgvo import InnoGPT, InnoGPTImageToolSpec


@pytest.mark.usefixtures("vendor_environment")
async def test_both_ways_make_an_image() -> None:
    [tool] = InnoGPTImageToolSpec().to_tool_list()
    assert tool.metadata.name == "generate_image"
    assert "picture" in tool.metadata.description
    for output in (tool.call(prompt="ein Icon"), await tool.acall(prompt="ein Icon")):
        assert output.content.startswith("The image was made")
        assert output.raw_output.data[:4] == b"\x89PNG"


@pytest.mark.usefixtures("vendor_environment")
def test_images_are_saved_side_by_side(tmp_path: Path) -> None:
    [tool] = InnoGPTImageToolSpec(save_dir=tmp_path).to_tool_list()
    shown = [tool.call(prompt=prompt).content for prompt in ("ein Icon", "ein Foto")]
    assert [
        str(tmp_path / name) in text
        for name, text in zip(("image-1.png", "image-2.png"), shown, strict=True)
    ] == [True, True]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["image-1.png", "image-2.png"]


# LlamaIndex asks pydantic for names that it has given up.
@pytest.mark.filterwarnings("ignore::pydantic.warnings.PydanticDeprecationWarning")
async def test_an_agent_makes_an_image(vendor_environment: Server) -> None:
    agent = FunctionAgent(
        tools=InnoGPTImageToolSpec().to_tool_list(), llm=InnoGPT(model="gpt-5"), streaming=False
    )
    response = await agent.run("Erzeuge ein Bild: 'ein minimalistisches App-Icon'")
    assert [call.tool_name for call in response.tool_calls] == ["generate_image"]
    paths = [request.path for request in vendor_environment.requests]
    assert sum(path.endswith("/images/generations") for path in paths) == 1


def test_settings_are_checked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("INNOGPT_API_KEY", raising=False)
    with pytest.raises(errors.ConfigurationError, match="INNOGPT_API_KEY"):
        InnoGPTImageToolSpec()
    monkeypatch.setenv("INNOGPT_API_KEY", "key-of-a-test")
    with pytest.raises(errors.ConfigurationError, match="save_dir"):
        InnoGPTImageToolSpec(save_dir=tmp_path / "nowhere")
    with pytest.raises(errors.ConfigurationError, match=r"save_dri.*save_dir"):
        InnoGPTImageToolSpec(save_dri=tmp_path)
    assert "key-of-a-test" not in repr(vars(InnoGPTImageToolSpec()))
