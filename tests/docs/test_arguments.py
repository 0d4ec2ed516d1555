"""docs/arguments.md is what the fields of the classes say, and each of ours says something."""

import pytest

import langchain_dsgvo
import llamaindex_dsgvo
from docs.arguments import PAGE, page
from dsgvo.settings import Settings

PACKAGES = (langchain_dsgvo, llamaindex_dsgvo)
EXPORTED = [getattr(package, name) for package in PACKAGES for name in package.__all__]
CLASSES = [one for one in EXPORTED if isinstance(one, type) and issubclass(one, Settings)]


def test_the_page_is_what_the_fields_say() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "run make arguments"


@pytest.mark.parametrize("cls", CLASSES)
def test_each_field_of_ours_is_described_once(cls: type[Settings]) -> None:
    ours, fields = ("dsgvo", "langchain_dsgvo", "llamaindex_dsgvo"), cls.model_fields
    bases = [base for base in cls.__mro__ if base.__module__.partition(".")[0] in ours]
    named = {name for base in bases for name in vars(base).get("__annotations__", {})}
    undescribed = {name for name in named & fields.keys() if not fields[name].description}
    # Those of LangChain's tools, whose meaning is LangChain's.
    assert undescribed <= {"name", "description", "args_schema", "response_format"}
    assert "Args:" not in (cls.__doc__ or "")
