"""The rules of recording and matching, as vcrpy takes them."""

import difflib
import importlib
import os
from collections.abc import Generator, Iterable, Mapping
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any
from unittest import mock
from urllib.parse import urlsplit

from dsgvo import PROVIDERS
from dsgvo.emulator.cassettes.addresses import vendor_url
from dsgvo.emulator.cassettes.bodies import (
    FORM,
    MULTIPART,
    canonical,
    in_utf8,
    laid_out,
    media_type,
    packed,
    uncompressed,
    without_boundary,
)
from dsgvo.emulator.cassettes.layout import EMULATOR, deserialize, readable, serialize
from dsgvo.emulator.cassettes.scan import PLACEHOLDER
from dsgvo.emulator.cassettes.secrets import Secrets
from dsgvo.emulator.jsons import JsonObject

SERIALIZER = "dsgvo.yaml"
"""Name of the serializer; pytest-recording makes it the suffix of the files."""

MATCHED_HEADERS = ("accept", "x-workspace-id")
KEPT_OF_REQUESTS = frozenset({*MATCHED_HEADERS, "content-type"})
KEPT_OF_ANSWERS = frozenset(
    {"content-type", "retry-after", "x-request-id", "location", "x-emulator-scripted", "date"}
)


class Rules:
    """What is kept of requests and answers, and when two requests are the same.

    Args:
        secrets: Values to take out wherever they show up, besides what is found by itself.
        stand_ins: Private texts, such as the id of a workspace, each with its replacement.

    Example:
        >>> sorted(Rules().config())[:2]
        ['before_record_request', 'before_record_response']
    """

    def __init__(
        self, secrets: Iterable[str] = (), stand_ins: Mapping[str, str] | None = None
    ) -> None:
        self._secrets = Secrets([*_environment(), *secrets], stand_ins)

    def config(self, **options: Any) -> dict[str, Any]:
        """Return the rules as arguments of ``vcr.VCR``.

        Args:
            **options: Further ones, or others in their place.
        """
        return {
            "serializer": SERIALIZER,
            "match_on": ("method", "uri", "dsgvo-headers", "dsgvo-body"),
            "before_record_request": self.request,
            "before_record_response": self.response,
            "decode_compressed_response": True,
        } | options

    def register(self, vcr: Any) -> None:
        """Tell a ``vcr.VCR`` what the names in :meth:`config` stand for."""
        vcr.register_matcher("dsgvo-headers", same_headers)
        vcr.register_matcher("dsgvo-body", same_body)
        serializer = SimpleNamespace(serialize=self.serialize, deserialize=deserialize)
        vcr.register_serializer(SERIALIZER, serializer)

    @contextmanager
    def registered(self) -> Generator[dict[str, Any]]:
        """Make the names known to every ``vcr.VCR`` that is made inside the ``with`` block.

        vcrpy has no place where a serializer could be registered for all, and pytest-recording
        makes its own ``VCR`` objects.

        Yields:
            :meth:`config`.
        """
        recorders = _recorders()
        make: Any = recorders.__init__

        def init(vcr: Any, *args: Any, **kwargs: Any) -> None:
            make(vcr, *args, **kwargs)
            self.register(vcr)

        with mock.patch.object(recorders, "__init__", init):
            yield self.config()

    def request(self, request: Any) -> Any:
        """Return what is kept of a request (vcrpy's ``before_record_request``)."""
        headers = {name.lower(): str(value) for name, value in request.headers.items()}
        self._secrets.learn_headers(headers.items())
        self._secrets.learn_query(urlsplit(str(request.uri)).query)
        body, content_type = in_utf8(
            uncompressed(request.body_bytes or b"", headers.get("content-encoding", "")),
            headers.get("content-type", ""),
        )
        body = without_boundary(body, content_type)
        if media_type(content_type) == MULTIPART:
            content_type = MULTIPART
        if content_type:
            headers["content-type"] = content_type
        request.uri = self._secrets.out_of_url(vendor_url(request.uri))
        request.body = self._scrubbed(body, content_type)
        request.headers = {
            name: self._secrets.out_of_text(headers[name])
            for name in sorted(KEPT_OF_REQUESTS)
            if name in headers
        }
        return request

    def response(self, response: JsonObject) -> JsonObject:
        """Return what is kept of an answer (vcrpy's ``before_record_response``)."""
        headers: dict[str, list[str]] = {
            name.lower(): values for name, values in response["headers"].items()
        }
        self._secrets.learn_headers(
            (name, value) for name, values in headers.items() for value in values
        )
        body, content_type = in_utf8(
            response["body"]["string"] or b"", headers.get("content-type", [""])[0]
        )
        if content_type:
            headers["content-type"] = [content_type]
        body = self._scrubbed(body, content_type)
        kept = {
            name: [self._secrets.out_of_text(value) for value in headers[name][:1]]
            for name in sorted(KEPT_OF_ANSWERS)
            if name in headers
        }
        if "location" in kept:
            kept["location"] = [self._secrets.out_of_url(kept["location"][0])]
        server = headers.get("server", [""])
        if server[0].startswith(EMULATOR):
            kept["server"] = [self._secrets.out_of_text(server[0])]
        return {
            "status": {"code": response["status"]["code"], "message": None},
            "headers": kept,
            "body": {"string": body},
        }

    def serialize(self, data: Mapping[str, Any]) -> str:
        """Write a cassette, without secrets that became known only after they were recorded."""
        return serialize(data, self._secrets.out_of_value)

    def _scrubbed(self, body: bytes, content_type: str) -> bytes:
        entry = laid_out(body, content_type)
        self._secrets.learn_fields(entry)
        if media_type(content_type) in {FORM, ""}:
            self._secrets.learn_query(body.decode(errors="replace"))
        scrubbed = self._secrets.out_of_value(entry)
        # Bytes stay as they are where there is nothing to take out, and go as a whole if there is.
        if scrubbed == entry:
            return body
        return PLACEHOLDER.encode() if "base64" in entry else packed(scrubbed)


def recorder(rules: Rules | None = None, **options: Any) -> Any:
    """Return a ``vcr.VCR`` that records and matches by the rules.

    Args:
        rules: The rules, if there is more to take out than they find by themselves.
        **options: Further arguments of ``vcr.VCR``, e.g. ``record_mode="none"``.

    Raises:
        ModuleNotFoundError: If vcrpy is not installed.
    """
    rules = rules or Rules()
    vcr = _recorders()(**rules.config(**options))
    rules.register(vcr)
    return vcr


def same_headers(sent: Any, recorded: Any) -> None:
    """Compare the headers that matter. Raises AssertionError with the difference."""
    for name in MATCHED_HEADERS:
        here, there = sent.headers.get(name), recorded.headers.get(name)
        if here != there:
            raise AssertionError(f"{name}: {here!r} was sent, {there!r} is recorded")


def same_body(sent: Any, recorded: Any) -> None:
    """Compare two bodies by content. Raises AssertionError with the difference."""
    here, there = (
        (request.body_bytes or b"", request.headers.get("content-type", ""))
        for request in (sent, recorded)
    )
    kinds = [media_type(kind) for body, kind in (here, there) if body]
    if len(set(kinds)) == 2:
        raise AssertionError(f"content-type: {kinds[0]!r} was sent, {kinds[1]!r} is recorded")
    if canonical(*here) != canonical(*there):
        lines = difflib.unified_diff(
            readable(*there).splitlines(), readable(*here).splitlines(), "recorded", "sent", n=2
        )
        raise AssertionError("\n".join(line.rstrip("\n") for line in lines))


def _recorders() -> Any:
    """Return vcrpy's class ``VCR``, which nothing else here needs."""
    try:
        return importlib.import_module("vcr").VCR
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            f"cassettes need {error.name}: pip install vcrpy", name=error.name
        ) from error


def _environment() -> list[str]:
    """Return the credentials that the environment holds for the vendors."""
    names = [name for provider in PROVIDERS.values() for name in provider.key_variables]
    names += [provider.oauth.secret_variable for provider in PROVIDERS.values() if provider.oauth]
    return [os.environ[name] for name in names if os.environ.get(name)]
