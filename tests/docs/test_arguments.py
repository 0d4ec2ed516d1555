"""docs/arguments.md is what the fields of the classes say, and each of ours says something."""

import pytest

import langchain_dsgvo
import llamaindex_dsgvo
from docs.arguments import PAGE, page
from dsgvo.settings import Settings

CLASSES = [
    cls
    for package in (langchain_dsgvo, llamaindex_dsgvo)
    for cls in (getattr(package, name) for name in package.__all__)
    if isinstance(cls, type) and issubclass(cls, Settings)
]


def test_the_page_is_what_the_fields_say() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "run make arguments"


@pytest.mark.parametrize("cls", CLASSES)
def test_each_field_of_ours_is_described_once(cls: type[Settings]) -> None:
    ours = ("dsgvo", "langchain_dsgvo", "llamaindex_dsgvo")
    named = {
        name
        for base in cls.__mro__
        if base.__module__.partition(".")[0] in ours
        for name in vars(base).get("__annotations__", {})
    }
    undescribed = {
        name for name in named & cls.model_fields.keys() if not cls.model_fields[name].description
    }
    # Those of LangChain's tools, whose meaning is LangChain's.
    assert undescribed <= {"name", "description", "args_schema", "response_format"}
    assert "Args:" not in (cls.__doc__ or "")
