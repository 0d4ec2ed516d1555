"""Lists and images as vendors send them: the edges, and what an error carries."""

import json
from base64 import b64encode
from dataclasses import astuple, replace
from datetime import UTC, datetime
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from dsgvo import PROVIDERS, errors
from dsgvo.errors import APIResponseError, APIStatusError, DsgvoError, PermissionDeniedError
from dsgvo.providers import Model, Provider, with_published
from dsgvo.wire import account
from dsgvo.wire.account import Ask, Workspace, decode_health, decode_workspaces
from dsgvo.wire.models import GeneratedImage, check_image, decode_image, decode_models, find_model
from tests.core.support import raised

INNOGPT, MEINGPT, NEUROFLASH = (PROVIDERS[name] for name in ("innogpt", "meingpt", "neuroflash"))
PNG, SVG = b"\x89PNG\r\n\x1a\n", b"<?xml ?><svg/>"
PNG_TEXT = b64encode(PNG).decode()
PNG_URL, LINES = f"data:image/png;base64,{PNG_TEXT}", f"{PNG_TEXT[:4]}\r\n{PNG_TEXT[4:]}\n"
DRAWN = GeneratedImage(None, PNG, None)


def as_json(body: Any) -> bytes:
    return body if isinstance(body, bytes) else json.dumps(body).encode()


def ids(provider: Provider, body: bytes) -> str:
    return "".join(model.id for model in decode_models(provider, body))


NOW, MIDNIGHT = datetime(2026, 12, 31, 23, 59, 58, 7, UTC), datetime(2027, 1, 1, tzinfo=UTC)
FIELDS = (
    "usageTypeKey availableAmount limitAmount usedAmount limitAmountDaily usedAmountDaily "
    "bonusAmount spilloverAmount fairUseLimitReached"
)
AMOUNTS = ("tokens", 1500.4, 2000, 3, 4, 5, 6, 7)
FULL: Any = dict(zip(FIELDS.split(), (*AMOUNTS, True), strict=True))
LEFT = (
    "tokens left: 1,500 of 2,000, 0 of 4 today, more from 2027-01-01 00:00 UTC, the limit of fair "
    "use is reached"
)
BARE = {"availableAmount": 1500, "limitAmount": True, "usedAmount": 2**63}
QUOTAS = {"data": [FULL, BARE], "page": {"totalElements": 9, "currentPage": 3}}
BARE_READ = ("unknown", 1500, *[None] * 6, MIDNIGHT, None)


def workspaces(provider: Provider, body: bytes) -> Any:
    return astuple(decode_workspaces(provider, body))


def quotas(provider: Provider, body: bytes) -> Any:
    return astuple(account.decode_quotas(provider, body, NOW))


# reader, body → what is read of it
READ: list[tuple[Any, Any, Any]] = [
    (ids, {"models": [{"model": "a"}, {"name": "b"}]}, "ab"),
    (ids, [{"id": "a"}, "b"], "ab"),
    (ids, {"data": [{"object": "model"}, {"id": 7}, {"id": "a"}]}, "a"),
    (workspaces, {"workspaces": [{"id": "w1", "name": "\ud83d"}]}, ([("w1", "\ufffd")], 1, 0, 1)),
    (workspaces, {"data": [{"id": 7}]}, ([("7", None)], 1, 0, 1)),
    (workspaces, [{"id": "w1", "name": 3}, {"name": "ohne"}], ([("w1", None)], 2, 0, 2)),
    (quotas, QUOTAS, ([(*AMOUNTS, MIDNIGHT, True), BARE_READ], 2, 3, 9)),
    *((decode_health, b"", {}), (decode_health, b"true", {"status": True})),
    (decode_health, b" OK\xff \n", {"status": "OK\N{REPLACEMENT CHARACTER}"}),
    *((decode_health, b"x" * 500, {"status": "x" * 100}), (decode_health, {"a": 1}, {"a": 1})),
    *((decode_image, {"data": [{"b64_json": text}]}, DRAWN) for text in (PNG_TEXT, LINES, PNG_URL)),
    (decode_image, {"images": [{"url": PNG_URL}]}, DRAWN),
    (decode_image, [{"b64_json": b64encode(SVG).decode()}], GeneratedImage(None, SVG, None)),
    (
        *(decode_image, {"data": [{"url": "https://x/1", "revised_prompt": "p\ud83d"}]}),
        GeneratedImage("https://x/1", None, "p\ufffd"),
    ),
]


def test_lists_workspaces_health_and_images_of_any_shape() -> None:
    for read, body, found in READ:
        assert read(NEUROFLASH, as_json(body)) == found


def asked(recipe: Any, *bodies: Any) -> tuple[list[Ask], Any]:
    """Return what a recipe asks for, given these answers, and what it returns."""
    asks: list[Ask] = []
    for body in (None, *map(as_json, bodies)):
        try:
            asks.append(recipe.send(body))
        except StopIteration as done:
            return asks, done.value
    return asks, None


ASKS = {
    "m": Ask(str(NEUROFLASH.models_url), "a model list", "models"),
    "q": Ask(str(NEUROFLASH.quotas_url).format(workspace_id="a%2Fb"), "a list of quotas"),
    "h": Ask(NEUROFLASH.base_url + str(NEUROFLASH.health_path), "the service's health"),
}
WORKSPACES = Ask(str(NEUROFLASH.workspaces_url), "a list of workspaces", "workspaces")
PAGES = [{"data": [{"id": n}], "page": {"totalElements": 2, "currentPage": n}} for n in range(101)]
ARGUMENTS = {"workspace_id": "a/b"}
read_quotas = partial(account.read_quotas, arguments=ARGUMENTS, now=NOW)
# recipe, answers → what is read, and asked for
RECIPES: list[tuple[Any, list[Any], Any, list[Ask]]] = [
    (account.read_models, [[]], [], [ASKS["m"]]),
    (account.read_health, [{}], {}, [ASKS["h"]]),
    (read_quotas, [[]], [], [replace(ASKS["q"], fact="quotas")]),
    (
        *(account.read_workspaces, PAGES[3:5], [Workspace(key, None) for key in "34"]),
        [WORKSPACES, replace(WORKSPACES, query={"page": 4})],
    ),
]
# what is asked for → what is said where a vendor has it not
LACKS = {"a list of workspaces": "has no workspaces", "the service's health": "no address for its"}


@pytest.mark.covers("neuroflash", "behaviour Lists of the account come in pages", "Seen")
def test_what_is_asked_for_and_errors_in_the_vendors_name() -> None:
    for read, bodies, found, asks in RECIPES:
        assert asked(read(NEUROFLASH), *bodies) == (asks, found)
        failures: list[DsgvoError] = [raised(APIResponseError, asked, read(NEUROFLASH), b"<")]
        if read is not account.read_models:
            failures.append(raised(errors.CapabilityError, asked, read(INNOGPT)))
        named = [(str(error).split()[0], error.provider) for error in failures]
        assert named == [("neuroflash:", "neuroflash"), ("innoGPT", "innogpt")][: len(named)]
        assert LACKS.get(asks[0].expects, "") in str(failures[-1])
    endless = [{"data": [{}], "page": {"totalElements": 999, "currentPage": n}} for n in range(101)]
    for pages, said in (
        (endless, "a list of workspaces, got more than 100 pages"),
        ([PAGES[0], PAGES[0]], "page 1 of workspaces, got page 0"),
    ):
        error = raised(APIResponseError, asked, account.read_workspaces(NEUROFLASH), *pages)
        assert (str(error), error.provider) == (f"neuroflash: expected {said}", "neuroflash")


PLAN = "neuroflash's model list says that model 'm' is not in your plan"
BOTH = f"{PLAN}; unknown left: 1,500"
# status, the vendor's words, whether the model list was read before, and says that the model is
# available, quotas → the lists that are asked for, and what is said
REFUSED: list[tuple[int, str, bool, bool | None, Any, str, str]] = [
    (429, "", True, False, [FULL], "q", LEFT),
    (429, "", False, False, b"<", "q", ""),
    *((404, "", True, available, [], "", "" if available else PLAN) for available in (True, False)),
    *((404, "", False, known, [], "m", said) for known, said in ((False, PLAN), (None, ""))),
    *((403, "", read, False, [BARE], "q" if read else "qm", BOTH) for read in (True, False)),
    *((403, "", False, False, [FULL], "q", LEFT), (403, "", False, False, b"<", "qm", PLAN)),
    (403, "not in your Plan", False, False, [FULL], "m", PLAN),
    (403, "not in your Plan", True, False, [], "", PLAN),
    (403, "This Model is off", False, True, [FULL], "mq", LEFT),
]


def test_what_explains_a_refusal() -> None:
    for status, words, read, available, left, lists, said in REFUSED:
        models = b"<" if available is None else as_json([{"id": "m", "available": available}])
        listed = decode_models(NEUROFLASH, models) if read else []
        error = APIStatusError(words, status_code=status)
        recipe = account.explain(NEUROFLASH, error, "m", listed, ARGUMENTS, NOW)
        answers = [{"m": models, "q": left}[name] for name in lists]
        spent = {"tokens"} if LEFT in said else set[str]()
        assert asked(recipe, *answers) == ([ASKS[name] for name in lists], (said, spent))


def test_which_errors_disprove_a_fact() -> None:
    for kind, status in product((APIResponseError, APIStatusError), (200, 403, 404, 405)):
        error = kind("kaputt", status_code=status)
        for fact in ("quotas", "keiner"):
            account.name_fact(NEUROFLASH, error, fact)
        told = status > 403 or (kind is APIResponseError and status == 200)
        assert (str(NEUROFLASH.facts["quotas"]) in str(error)) is told


def test_what_a_list_says_of_a_model() -> None:
    # A model goes by the id of the list and not by the pattern of the page.
    [pattern] = [model for model in MEINGPT.models if model.id == "*sonar*"]
    [listed] = decode_models(MEINGPT, b'[{"id": "sonar-pro", "owner": "p"}]')
    known = {"source": "meinGPT's model list", "standing": "Doc", "details": {"owner": "p"}}
    assert listed == with_published(replace(pattern, id="sonar-pro", **known))
    assert decode_models(MEINGPT, b'[{"id": "llama-3.3-fast"}]')[0].standing == "Doc"  # was seen
    said: dict[str, Any] = {"context_window": 5, "available": False, "reasoning_model": True}
    said |= {"display_name": "N", "name": "n", "owned_by": "", "provider": "P"}
    [full] = decode_models(NEUROFLASH, as_json([{"id": "neu", "accepts_vision": False} | said]))
    facts: dict[str, Any] = {"standing": "Doc", "name": "N", "owned_by": "P", "context_window": 5}
    facts |= {"available": False, "reasoning": True, "images": False}
    facts["details"] = said | {"accepts_vision": False}
    assert full == Model(id="neu", source="neuroflash's model list", **facts)
    for window in (True, -1):
        wrong = [{"accepts_vision": 1, "context_window": window, "id": "x"}]
        [unsaid] = decode_models(NEUROFLASH, as_json(wrong))
        assert (unsaid.images, unsaid.context_window) == (None, None)


# an id → the model of a list
FOUND = {"n": "n", "p/n": "p/n", "a/b/n": "n", "q/n": "n", "m": "o/m", "q/m": None, "x": None}


def test_a_model_is_found_with_its_maker_or_without() -> None:
    models = [Model(id=name, source="a list") for name in ("p/n", "n", "o/m")]
    found = {name: find_model(models, name) for name in FOUND}
    assert {name: model and model.id for name, model in found.items()} == FOUND


NO_LIST = "expected a list, got no list"
NOT_BASE64 = "expected an image, got one that is not base64"
NO_IMAGE = "expected an image, got an answer without one"
NO_HEALTH = "expected the service's health, got a web page titled 'Anmelden'"
COMMON: list[tuple[Any, type[DsgvoError], str]] = [
    (b"<html><title>Anmelden</title>", APIResponseError, "expected a list, got a web page titled"),
    *((body, APIResponseError, NO_LIST) for body in ({"object": "list"}, b'"a"')),
    (["a"] * 10_001, APIResponseError, "expected a list, got one of more than 10,000 entries"),
    ({"error": "nein", "code": "403"}, PermissionDeniedError, "403: nein"),
    ({"error": "nein"}, APIStatusError, "200: nein"),
]
IMAGES = [
    *(({"b64_json": text}, NOT_BASE64) for text in ("iVBO!Rw==", 7)),
    ({"url": f"data:image/png;base64,eHg=,{PNG_TEXT}"}, NOT_BASE64),
    *((fields, NO_IMAGE) for fields in ({}, {"url": 7})),
    ({"b64_json": "PGh0bWw+"}, "expected an image, got a web page"),
]
UNREADABLE: list[tuple[Any, Any, type[DsgvoError], str]] = [
    *((read, *row) for read in (decode_models, decode_workspaces, decode_image) for row in COMMON),
    (decode_models, {"models": {"id": "a"}}, APIResponseError, NO_LIST),
    *((decode_image, {"data": [image]}, APIResponseError, said) for image, said in IMAGES),
    (decode_image, {"data": []}, APIResponseError, NO_IMAGE),
    (decode_health, b"\n <html><title>Anmelden</title>", APIResponseError, NO_HEALTH),
    (decode_health, {"error": "kaputt"}, APIStatusError, "200: kaputt"),
]


def test_what_an_error_about_an_answer_says_and_carries() -> None:
    for decode, body, kind, said in UNREADABLE:
        error = raised(kind, decode, INNOGPT, as_json(body))
        assert str(error).startswith(f"innoGPT: {said}")
        status = int(said[:3]) if said[:3].isdigit() else 200
        assert (error.provider, error.status_code) == ("innogpt", status)


NO_IMAGES = [
    (b"<title>Anmelden</title><svg/>", "a web page titled 'Anmelden'"),
    (b" <!-- a --><!DOCTYPE HTML><svg/>", "a web page"),
    *[(b"", "an empty body"), (b"OK", "what begins as no"), (b"%PDF-1", "application/pdf")],
    *[(b'\xef\xbb\xbf\n{"a":"<svg"}', "JSON"), (SVG, "XML"), (b"BMW und Audi", "what begins")],
]


def test_an_image_is_one_by_how_it_begins_and_what_it_says_of_itself() -> None:
    wide = f"<?xml?><!DOCTYPE svg [<!ENTITY a ''>]>\n<!--{'-' * 5000}--><a:SVG/>".encode("utf-16")
    for data in (PNG, b"....ftypavif", b"RIFF....WEBP", SVG, wide, b"BM....\0\0\0\0", b"\0\0\1\0"):
        check_image(INNOGPT, data, "image/svg+xml")
    for data, said in NO_IMAGES:
        error = raised(APIResponseError, check_image, INNOGPT, data, "image/png", " there")
        assert str(error).startswith(f"innoGPT: expected an image there, got {said}")
    for image, said in (
        (GeneratedImage("https://x/1.png", None, None), "is at https://x/1.png"),
        (GeneratedImage(None, PNG, None, Path("icon.png")), "is in the file icon.png"),
        (GeneratedImage(None, None, None), "was made (0 bytes, of a type unknown)"),
    ):
        assert (str(image), "PNG" in repr(image)) == (f"The image {said}", False)
