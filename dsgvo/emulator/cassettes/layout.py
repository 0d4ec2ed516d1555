"""The file: YAML for people, with bodies as JSON mappings or as the text of the stream."""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime
from email.utils import format_datetime, parsedate_to_datetime
from typing import Any

import yaml

from dsgvo.emulator.cassettes.bodies import laid_out, packed
from dsgvo.emulator.jsons import JsonObject, as_object, is_object

EMULATOR = "dsgvo-emulator/"
"""How the emulator's ``Server`` header begins, which is how its answers are known."""

MIXED = "mixed"
"""The origin that says of a cassette that some of its answers are the emulator's, others not."""


class CassetteError(ValueError):
    """A cassette that is not one, or must not be played."""


def serialize(data: Mapping[str, Any], scrub: Callable[[Any], Any] = lambda value: value) -> str:
    """Write what vcrpy holds as a readable cassette.

    Nothing is refused here but on reading: vcrpy leaves its patches of httpx in place if writing
    fails, so that the tests after this one would play its cassette.

    Args:
        data: ``interactions`` as vcrpy lays them out.
        scrub: What takes out of an interaction that is laid out what must not be written.
    """
    interactions: list[JsonObject] = data["interactions"]
    origin = _origin([one["response"]["headers"] for one in interactions])
    shown = [scrub(interaction(one["request"], one["response"])) for one in interactions]
    return render(origin, shown)


def deserialize(text: str) -> JsonObject:
    """Read a cassette as vcrpy wants it.

    Raises:
        CassetteError: If it is none, or its origin says that it must not be played.
    """
    cassette = parse(text)
    source = _source(cassette["origin"])
    return {
        "interactions": [
            {
                "request": {
                    "method": one["request"]["method"],
                    "uri": one["request"]["url"],
                    "headers": {k: [v] for k, v in one["request"].get("headers", {}).items()},
                    "body": packed(one["request"]) or None,
                },
                "response": {
                    "status": {"code": one["response"]["status"], "message": None},
                    "headers": {
                        name: [value]
                        for name, value in {**one["response"].get("headers", {}), **source}.items()
                    },
                    "body": {"string": packed(one["response"])},
                },
            }
            for one in cassette["interactions"]
        ]
    }


def render(origin: str, interactions: Sequence[Mapping[str, Any]]) -> str:
    """Write a parsed cassette."""
    head = _dump({"origin": origin})
    if not interactions:
        return f"{head}interactions: []\n"
    text = f"{head}interactions:\n"
    for one in interactions:
        # A free line between two, but for a text that ends in one, to which it would be added.
        text += ("" if text.endswith(("interactions:\n", "\n\n")) else "\n") + _dump([one])
    return text


def parse(text: str) -> JsonObject:
    """Read a cassette: its ``origin`` and its ``interactions``, each a request and a response.

    Raises:
        CassetteError: If it is none.
    """
    try:
        cassette: Any = yaml.load(text, Loader=_Loader)  # noqa: S506 - a safe loader
    except yaml.YAMLError as error:
        raise CassetteError(f"the cassette is no YAML: {error}") from error
    if not is_object(cassette) or "origin" not in cassette or "interactions" not in cassette:
        raise CassetteError(
            "the cassette has no 'origin' and 'interactions': if vcrpy wrote it in its own format, "
            "delete it and record it anew"
        )
    return cassette


def readable(body: bytes, content_type: str) -> str:
    """Return a body as the cassette shows it, for comparing two."""
    return _dump(laid_out(body, content_type)) if body else ""


def interaction(request: JsonObject, response: JsonObject) -> JsonObject:
    """Return a request and its answer, which come as vcrpy has them, as a cassette has them."""
    headers = {name.lower(): values[0] for name, values in request["headers"].items()}
    answer = {name.lower(): values[0] for name, values in response["headers"].items()}
    return {
        "request": {
            "method": request["method"],
            "url": request["uri"],
            **({"headers": headers} if headers else {}),
            **laid_out(_bytes(request["body"]), headers.get("content-type", "")),
        },
        "response": {
            "status": response["status"]["code"],
            "headers": {k: v for k, v in answer.items() if k not in {"server", "date"}},
            **laid_out(_bytes(response["body"]["string"]), answer.get("content-type", "")),
        },
    }


def _bytes(body: Any) -> bytes:
    return body.encode() if isinstance(body, str) else body or b""


def _origin(answers: Sequence[Mapping[str, Sequence[str]]]) -> str:
    servers = {answer.get("server", [""])[0] for answer in answers}
    if all(server.startswith(EMULATOR) for server in servers) and len(servers) == 1:
        return f"emulator {servers.pop().removeprefix(EMULATOR)}"
    if any(server.startswith(EMULATOR) for server in servers):
        return MIXED
    return f"live {max(filter(None, map(_day, answers)), default=datetime.now(UTC).date())}"


def _day(answer: Mapping[str, Sequence[str]]) -> date | None:
    try:
        return parsedate_to_datetime(answer.get("date", [""])[0]).date()
    except ValueError:
        return None


def _source(origin: str) -> dict[str, str]:
    """Return the header by which :func:`_origin` finds the origin again."""
    if origin == MIXED:
        raise CassetteError(
            "the cassette holds answers of the emulator beside others, or of two of its versions: "
            "delete it and record it whole"
        )
    kind, _, detail = origin.partition(" ")
    if kind == "emulator":
        return {"server": EMULATOR + detail}
    try:
        day = datetime.strptime(detail, "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError:
        raise CassetteError(
            f"origin: {origin!r} is neither 'emulator <version>' nor 'live <date>'"
        ) from None
    return {"date": format_datetime(day, usegmt=True)}


_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
# What YAML can hold in a literal block; anything else is written with escapes.
_UNPRINTABLE = re.compile(
    "[^\n\\x20-\\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]"
)


class _Dumper(yaml.SafeDumper):
    """Writes text of several lines as it is, vectors on one line, and aliases out in full."""

    def analyze_scalar(self, scalar: str) -> Any:
        analysis: Any = super().analyze_scalar(scalar)
        if _UNPRINTABLE.search(scalar):
            # PyYAML would write some of these, such as U+0085, so that they are read as spaces.
            analysis.allow_flow_plain = analysis.allow_block_plain = False
            analysis.allow_single_quoted = analysis.allow_block = False
        elif "\n" in scalar.strip():
            # Only blank ends of lines keep PyYAML from a literal block, which holds them well.
            analysis.allow_block = True
        return analysis

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _string(dumper: Any, text: str) -> yaml.ScalarNode:
    style = "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


def _list(dumper: Any, values: list[Any]) -> yaml.SequenceNode:
    numbers = len(values) > 2 and all(isinstance(value, float | int) for value in values)
    return dumper.represent_sequence("tag:yaml.org,2002:seq", values, flow_style=numbers)


_Dumper.add_representer(str, _string)
_Dumper.add_representer(list, _list)


def _dump(value: Any) -> str:
    text: str = yaml.dump(
        value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=float("inf")
    )
    # "..." ends a document whose last text ends in blank lines. More text follows here.
    return text.removesuffix("...\n")


def origin_of(cassette: Mapping[str, Any]) -> tuple[str, str]:
    """Return the two words of a cassette's origin: ``emulator`` or ``live``, version or date."""
    kind, _, detail = str(as_object(cassette)["origin"]).partition(" ")
    return kind, detail
