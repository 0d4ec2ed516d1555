"""The bearer token of a request: the key itself, or one fetched with client credentials.

Tokens are shared by all model objects of the process, fetched once however many threads and tasks
ask, and renewed before they expire. The token endpoint follows neuroflash's public page.
"""

from __future__ import annotations

import os
import threading
import time
from concurrent.futures import Future
from copy import copy
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, cast
from urllib.parse import urlencode

from pydantic_core import from_json

from dsgvo.errors import APIError, APIResponseError
from dsgvo.transport._connection import Connection, Credentials
from dsgvo.transport._exchange import Operation, fetch, request_id
from dsgvo.transport._steps import Flow, Wait
from dsgvo.wire.errors import describe_body

__all__ = ["tokens"]

RENEW_BEFORE = 60.0
"""Seconds before its end at which a token is no longer used; a tenth of short lives."""

DEFAULT_LIFE = 3600.0


@dataclass(slots=True)
class _Token:
    text: str = field(repr=False)
    until: float  # of the monotonic clock


@dataclass(slots=True)
class _Fetch:
    """A fetch under way, how often it tries, and how it failed."""

    end: Wait
    max_retries: int
    error: APIError | None = None


_Key = tuple[str, str, bytes]


class _Tokens:
    """The process's tokens, by where they come from and whose they are."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._tokens: dict[_Key, _Token] = {}
        self._fetches: dict[_Key, _Fetch] = {}

    def after_fork(self) -> None:
        """Keep the tokens in a forked child, and drop fetches that only the parent makes."""
        self._lock = threading.Lock()
        self._fetches = {}

    def bearer(self, connection: Connection) -> Flow[str]:
        """Return the key, or a token that is fetched if need be."""
        if connection.api_key is not None:
            return connection.api_key.get_secret_value()
        credentials = cast("Credentials", connection.credentials)
        key = _key(credentials)
        while True:
            with self._lock:
                token = self._tokens.get(key)
                if token is not None and time.monotonic() < token.until:
                    return token.text
                other = self._fetches.get(key)
                own = _Fetch(Wait(Future()), connection.max_retries)
                if other is None:
                    self._fetches[key] = own
            if other is None or not (yield other.end):
                break
            # Fails for all who waited: one after another they would wait for ever, and sign in
            # with a wrong secret as often as they are. Who tries more often may still succeed.
            if other.error is not None and other.max_retries >= connection.max_retries:
                raise copy(other.error)
            # Then look again: the caller may have been cancelled.
        try:
            token = yield from _fetch(connection, credentials)
            with self._lock:
                self._tokens[key] = token
        except APIError as error:
            own.error = copy(error)  # before notes are added that concern one caller
            raise
        finally:
            with self._lock:
                if self._fetches.get(key) is own:
                    del self._fetches[key]
            own.end.future.set_result(None)
        return token.text

    def forget(self, connection: Connection, token: str) -> bool:
        """Drop a token that the vendor refused; return whether a new one can be fetched."""
        if connection.credentials is None:
            return False
        key = _key(connection.credentials)
        with self._lock:
            known = self._tokens.get(key)
            if known is not None and known.text == token:  # else it has been renewed already
                del self._tokens[key]
        return True


tokens = _Tokens()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=tokens.after_fork)


def _key(credentials: Credentials) -> tuple[str, str, bytes]:
    secret = sha256(credentials.client_secret.get_secret_value().encode()).digest()
    return (credentials.token_url, credentials.client_id, secret)


def _fetch(connection: Connection, credentials: Credentials) -> Flow[_Token]:
    form = {
        "grant_type": "client_credentials",
        "client_id": credentials.client_id,
        "client_secret": credentials.client_secret.get_secret_value(),
        "scope": credentials.scope,
    }
    started = time.monotonic()
    body, response = yield from fetch(
        connection,
        Operation(
            url=credentials.token_url,
            content=urlencode(form).encode(),
            content_type="application/x-www-form-urlencoded",
            expects="a token",
        ),
        auth=None,
    )
    try:
        answer: Any = from_json(body)
        text = answer["access_token"]
        life = float(answer.get("expires_in") or DEFAULT_LIFE)
    except (ValueError, TypeError, KeyError, AttributeError):
        text, life = None, 0.0
    if not isinstance(text, str) or not text or not (text.isascii() and text.isprintable()):
        raise APIResponseError(
            f"{connection.provider.title}: expected an access token from "
            f"{credentials.token_url}, got {describe_body(body)}",
            provider=connection.provider.name,
            status_code=response.status_code,
            request_id=request_id(response),
        )
    return _Token(text, started + life - min(RENEW_BEFORE, life / 10))
