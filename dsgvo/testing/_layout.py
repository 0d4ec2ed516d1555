"""Cassette files: vcrpy's layout in YAML for people, with bodies as mappings or text."""

import base64
import json
import re
from collections.abc import Mapping
from contextlib import suppress
from email.parser import BytesParser
from email.policy import HTTP
from functools import partial
from hashlib import sha256
from importlib import import_module
from pathlib import Path
from typing import Any, cast
from urllib.parse import parse_qsl, urlencode

import yaml

JsonObject = dict[str, Any]
_WIDE = 1 << 30


def serialize(data: Mapping[str, Any]) -> str:
    """Write a cassette from what vcrpy holds."""
    interactions = [
        {
            "request": readable(one["request"], one["request"]["body"]),
            "response": readable(one["response"], one["response"]["body"]["string"]),
        }
        for one in data["interactions"]
    ]
    cassette = {"interactions": interactions}
    return yaml.dump(cassette, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=_WIDE)


def deserialize(text: str) -> JsonObject:
    """Read a cassette as vcrpy wants it."""
    cassette = yaml.load(text, Loader=_Loader)  # noqa: S506 - a safe loader
    for one in cassette["interactions"]:
        one["request"]["body"] = to_bytes(one["request"]["body"]) or None
        one["response"]["body"] = {"string": to_bytes(one["response"]["body"])}
    return cassette


class Files:
    """Cassettes in UTF-8 on every system; vcrpy's own are written as Windows writes texts."""

    @staticmethod
    def load_cassette(path: str, serializer: Any) -> Any:
        vcr: Any = import_module("vcr")
        if not Path(path).is_file() or not Path(path).stat().st_size:
            raise vcr.persisters.filesystem.CassetteNotFoundError
        return vcr.serialize.deserialize(Path(path).read_text("utf-8"), serializer)

    @staticmethod
    def save_cassette(path: str, data: JsonObject, serializer: Any) -> None:
        written = import_module("vcr").serialize.serialize(data, serializer)
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Path(path).write_text(written, "utf-8", newline="\n")


def readable(message: JsonObject, body: bytes | str | None) -> JsonObject:
    """Return a request or an answer of vcrpy's with its body in readable form, as the last."""
    rest = {name: value for name, value in message.items() if name != "body"}
    return rest | {"body": to_entry(body, *message["headers"].get("content-type", []))}


def to_entry(body: bytes | str | None, content_type: str = "") -> JsonObject:
    """Return a body in readable form: under ``json``, ``form``, ``sse``, ``text`` or ``base64``."""
    data = body.encode() if isinstance(body, str) else body or b""
    if not data:
        return {}
    text = data.decode(errors="replace")
    if text.encode() != data or "\0" in text:  # UTF-16 is no text here
        return {"base64": base64.b64encode(data).decode()}
    kind = media_type(content_type)
    if kind == "text/event-stream":
        return {"sse": text}
    if text.lstrip()[:1] in {"{", "["}:
        with suppress(ValueError):
            value = json.loads(text)
            dumps(value).encode()  # neither NaN nor half of a surrogate pair
            return {"json": value}
    if kind == "application/x-www-form-urlencoded":
        form = dict(parse_qsl(text, keep_blank_values=True))
        if urlencode(form) == text:
            return {"form": form}
    return {"text": text}


def to_bytes(entry: JsonObject) -> bytes:
    """Return the bytes of a body in readable form."""
    if "json" in entry:
        return dumps(entry["json"]).encode()
    if "form" in entry:
        return urlencode(entry["form"]).encode()
    if "base64" in entry:
        return base64.b64decode(entry["base64"])
    return str(entry.get("sse", entry.get("text", ""))).encode()


def without_boundary(body: bytes, content_type: str) -> bytes:
    """Return a multipart form as JSON: its parts, with digest and size in place of files."""
    head = f"Content-Type: {content_type}\r\n\r\n".encode()
    parts: list[JsonObject] = []
    for part in BytesParser(policy=HTTP).parsebytes(head + body).iter_parts():
        data = cast("bytes", part.get_payload(decode=True))
        shown: JsonObject = {"name": part.get_param("name", header="content-disposition")}
        if filename := part.get_filename():
            shown |= {"filename": filename, "type": part.get_content_type(), "size": len(data)}
            parts.append(shown | {"sha256": sha256(data).hexdigest()})
        else:
            parts.append(shown | {"value": data.decode(errors="replace")})
    return dumps(parts).encode()


def media_type(content_type: str) -> str:
    """Return a content type without its parameters."""
    return content_type.partition(";")[0].strip().lower()


dumps = partial(json.dumps, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
"""Writes JSON as the classes of this project send it."""


class _Dumper(yaml.SafeDumper):
    """Writes text of several lines as it is, lists of plain values on one, and no aliases."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _string(dumper: Any, text: str) -> yaml.ScalarNode:
    # PyYAML writes these line ends of Unicode as they are, and reads them as spaces.
    style = '"' if re.search("[\x85\u2028\u2029]", text) else "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


def _list(dumper: Any, values: list[Any]) -> yaml.SequenceNode:
    plain = not any(isinstance(one, dict | list) or "\n" in str(one) for one in values)
    return dumper.represent_sequence("tag:yaml.org,2002:seq", values, flow_style=plain)


_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_Dumper.add_representer(str, _string)
_Dumper.add_representer(list, _list)
