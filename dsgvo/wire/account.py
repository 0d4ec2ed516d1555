"""Lists of what an account has (models, workspaces, quotas): how they are asked for and read.

A recipe is a generator that yields what to ask for, is sent the body, and returns the list. Whoever
carries it out has the sockets: ``dsgvo/transport/_request.py``.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Generic, TypeAlias, TypeVar, cast
from urllib.parse import quote

from dsgvo.errors import (
    APIError,
    APIResponseError,
    APIStatusError,
    CapabilityError,
    environment_error,
)
from dsgvo.providers import Model, Provider
from dsgvo.wire.body import describe_body, parse_json
from dsgvo.wire.errors import error_from_body, is_error
from dsgvo.wire.models import decode_models, entries_of, find_model, first_of, unexpected

__all__ = [
    "MAX_PAGES",
    "Ask",
    "Page",
    "Quota",
    "Recipe",
    "Workspace",
    "decode_health",
    "decode_quotas",
    "decode_workspaces",
    "explain",
    "name_fact",
    "only_workspace",
    "read_health",
    "read_models",
    "read_quotas",
    "read_workspaces",
]

_T = TypeVar("_T")

MAX_PAGES = 100
"""Pages of one list that are read."""

_NAMED = 10  # entries of a list that an error names
_SHOWN = 80  # characters of each


@dataclass(frozen=True, slots=True)
class Ask:
    """A list to ask for.

    Args:
        url: The vendor's own address; under another ``base_url`` it is elsewhere.
        expects: What the answer is, for messages.
        fact: Name of the fact in ``Provider.facts`` on which address and shape rest.
        query: Fields of the address's query.
    """

    url: str
    expects: str
    fact: str = ""
    query: Mapping[str, int] = field(default_factory=dict[str, int])


Recipe: TypeAlias = Generator[Ask, bytes, _T]


def name_fact(provider: Provider, error: APIError, fact: str) -> None:
    """Add the fact that an error shows to be wrong: there is no such address, or another shape."""
    unlike = type(error) is APIResponseError and error.status_code == 200
    if (unlike or error.status_code in {404, 405}) and fact in provider.facts:
        error.add(str(provider.facts[fact]))


# -- models ---------------------------------------------------------------------------------------


def read_models(provider: Provider) -> Recipe[list[Model]]:
    """Read a model list."""
    return decode_models(provider, (yield Ask(str(provider.models_url), "a model list", "models")))


# -- workspaces -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Workspace:
    """A neuroflash workspace that the account can use; ``id`` is the ``workspace_id``."""

    id: str
    name: str | None


def read_workspaces(provider: Provider) -> Recipe[list[Workspace]]:
    """Read all workspaces that the account can use.

    Raises:
        CapabilityError: At a vendor without workspaces.
    """
    if provider.workspaces_url is None:
        raise CapabilityError(f"{provider.title} has no workspaces", provider=provider.name)
    return (yield from _pages(provider, provider.workspaces_url, "workspaces", decode_workspaces))


def decode_workspaces(provider: Provider, body: bytes) -> Page[Workspace]:
    """Read a page of workspaces; "the field is ``id``" (public page), the shape is seen.

    Raises:
        APIResponseError: If there is no list in it.
    """
    entries = entries_of(provider, body, ("data", "workspaces"))
    found: list[Workspace] = []
    for entry in entries:
        key = str(first_of(entry, str, "id") or first_of(entry, int, "id") or "")
        if not key.isascii() or not key.isprintable() or key != key.strip():
            raise unexpected(provider, "an id that no header can carry", "a list of workspaces")
        if key:
            found.append(Workspace(key, first_of(entry, str, "name")))
    return _page(body, found, len(entries))


def only_workspace(provider: Provider, argument: str) -> Recipe[str]:
    """Find the id of the account's only workspace.

    Raises:
        ConfigurationError: If there are several, or none.
    """
    found = yield from read_workspaces(provider)
    if len(found) == 1:
        return found[0].id
    names = ", ".join(f"{_short(one.id)!r} ({_short(one.name)})" for one in found[:_NAMED])
    raise environment_error(
        f"{argument}='auto': the account has {len(found)} workspaces, and which one is charged is "
        f"yours to say: pass {argument}= one of {names}"
        if found
        else f"{argument}='auto': the account has no workspace",
        provider=provider.name,
    )


def _short(text: str | None) -> str | None:
    # By "…" masking knows of a cut.
    return text if text is None or len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…"


# -- quotas ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Quota:
    """What a neuroflash workspace may use of one kind, and has used; API and app share it.

    Args:
        kind: ``"tokens"`` or ``"images"``.
        left: What is left now.
        limit: A month's limit.
        used: Used in this month.
        daily_limit: A day's limit.
        daily_used: Used today.
        bonus: Granted beside the limit.
        spillover: Carried over from before.
        resets_at: When the daily limit is reset: the next midnight UTC.
        fair_use_limit_reached: Whether the vendor says so.
    """

    kind: str
    left: float | None = None
    limit: float | None = None
    used: float | None = None
    daily_limit: float | None = None
    daily_used: float | None = None
    bonus: float | None = None
    spillover: float | None = None
    resets_at: datetime
    fair_use_limit_reached: bool | None = None

    @property
    def daily_left(self) -> float | None:
        """What is left of the daily limit; ``None`` where there is none."""
        if not self.daily_limit or self.daily_used is None:
            return None
        return max(self.daily_limit - self.daily_used, 0)

    @property
    def is_used_up(self) -> bool:
        """Whether nothing is left, or less than that, in all or of today."""
        return any(left is not None and left <= 0 for left in (self.left, self.daily_left))

    def __str__(self) -> str:
        """Say what is left."""
        amounts = {"": (self.left, self.limit), " today": (self.daily_left, self.daily_limit)}
        said = [
            f"{left:,.0f}{f' of {limit:,.0f}' if limit else ''}{when}"
            for when, (left, limit) in amounts.items()
            if left is not None
        ]
        if self.daily_left == 0:
            said.append(f"more from {self.resets_at:%Y-%m-%d %H:%M} UTC")
        if self.fair_use_limit_reached:
            said.append("the limit of fair use is reached")
        return f"{self.kind} left: {', '.join(said) or 'unknown'}"


_QUOTA_FIELDS = {
    "left": "availableAmount",
    "limit": "limitAmount",
    "used": "usedAmount",
    "daily_limit": "limitAmountDaily",
    "daily_used": "usedAmountDaily",
    "bonus": "bonusAmount",
    "spillover": "spilloverAmount",
}


def read_quotas(
    provider: Provider, arguments: Mapping[str, str], now: datetime
) -> Recipe[list[Quota]]:
    """Read what a workspace may use and has used; ``arguments`` name it.

    Raises:
        CapabilityError: At a vendor without quotas to be read.
    """
    if provider.quotas_url is None:
        raise CapabilityError(f"{provider.title} has no quotas to be read", provider=provider.name)
    url, decode = _quotas_url(provider.quotas_url, arguments), partial(decode_quotas, now=now)
    return (yield from _pages(provider, url, "quotas", decode))


def _quotas_url(template: str, arguments: Mapping[str, str]) -> str:
    return template.format(**{name: quote(value, safe="") for name, value in arguments.items()})


def decode_quotas(provider: Provider, body: bytes, now: datetime) -> Page[Quota]:
    """Read a page of quotas, by neuroflash's public page.

    Args:
        provider: Whose they are.
        body: The answer.
        now: The time, in UTC; the daily limits are reset at the next midnight.

    Raises:
        APIResponseError: If there is no list in it.
    """
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
    entries = entries_of(provider, body, ("data",))
    found: list[Quota] = []
    for entry in entries:
        amounts: dict[str, Any] = {name: entry.get(key) for name, key in _QUOTA_FIELDS.items()}
        numbers = {
            name: amount
            for name, amount in amounts.items()
            if type(amount) in {int, float} and abs(amount) < 1 << 63  # nor NaN
        }
        found.append(
            Quota(
                kind=first_of(entry, str, "usageTypeKey") or "unknown",
                resets_at=midnight,
                fair_use_limit_reached=first_of(entry, bool, "fairUseLimitReached"),
                **numbers,
            )
        )
    return _page(body, found, len(entries))


# -- pages ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Page(Generic[_T]):
    """A page of a list.

    Args:
        entries: What it holds.
        size: How many entries it was sent with, the unreadable ones among them.
        number: Its number.
        total: How many entries all pages have.
    """

    entries: list[_T]
    size: int
    number: int
    total: int


def _page(body: bytes, entries: list[_T], size: int) -> Page[_T]:
    answer: Any = parse_json(body)
    about: Any = cast("dict[str, Any]", answer).get("page") if isinstance(answer, dict) else None
    about = cast("dict[str, Any]", about) if isinstance(about, dict) else dict[str, Any]()
    total = first_of(about, int, "totalElements")
    number = first_of(about, int, "currentPage") or 0
    return Page(entries, size, number, size if total is None else total)


def _pages(
    provider: Provider, url: str, fact: str, decode: Callable[[Provider, bytes], Page[_T]]
) -> Recipe[list[_T]]:
    """Read a list that may come in pages, which are counted from where the first one says."""
    found: list[_T] = []
    seen, query = 0, dict[str, int]()
    for _ in range(MAX_PAGES):
        page = decode(provider, (yield Ask(url, f"a list of {fact}", fact, query)))
        if query and page.number != query["page"]:
            expected = f"page {query['page']} of {fact}"
            raise unexpected(provider, f"page {page.number}", expected)
        found += page.entries
        seen += page.size
        if seen >= page.total or not page.size:
            return found
        query = {"page": page.number + 1}
    raise unexpected(provider, f"more than {MAX_PAGES} pages", f"a list of {fact}")


# -- health ---------------------------------------------------------------------------------------


def read_health(provider: Provider) -> Recipe[dict[str, Any]]:
    """Read what a service says of its health.

    Raises:
        CapabilityError: At a vendor that documents no such address.
    """
    if provider.health_path is None:
        raise CapabilityError(
            f"{provider.title} documents no address for its health", provider=provider.name
        )
    url = provider.base_url + provider.health_path
    return decode_health(provider, (yield Ask(url, "the service's health")))


def decode_health(provider: Provider, body: bytes) -> dict[str, Any]:
    """Read what a service says of its health; the page names the address alone.

    Raises:
        APIStatusError: If it is an error.
        APIResponseError: If it is a web page.
    """
    try:
        answer: object = parse_json(body) if body.strip() else {}
    except ValueError:
        if body.lstrip()[:1] == b"<":
            raise unexpected(provider, describe_body(body), "the service's health") from None
        return {"status": body.decode("utf-8", "replace").strip()[:100]}
    if not isinstance(answer, dict):
        return {"status": answer}
    fields = cast("dict[str, Any]", answer)
    if is_error(fields):
        raise error_from_body(provider, 200, fields)
    return fields


# -- refusals -------------------------------------------------------------------------------------


def explain(
    provider: Provider,
    error: APIStatusError,
    model: str | None,
    listed: Sequence[Model],
    arguments: Mapping[str, str],
    now: datetime,
) -> Recipe[tuple[str, set[str]]]:
    """Ask for the lists that may say why a request was refused.

    A 429 is a matter of the quota, a 404 of the model, a 403 of either. Nothing is asked that was
    known before, and of a 403 no more than one list if that one says why: the model list where the
    vendor's words name a model or the plan, the quotas otherwise.

    Args:
        provider: Who refused it.
        error: The refusal: 403, 404 or 429.
        model: The model that was asked.
        listed: The vendor's model list, if it was read before.
        arguments: What names the workspace.
        now: The time, in UTC.

    Returns:
        What they say of that, and the kinds of quota that are used up.
    """
    status, words = error.status_code, error.message.lower()
    named = status == 404 or (status == 403 and ("model" in words or "plan" in words))
    unread = not listed and provider.model_list_says_available
    plan = None if status == 429 else _not_in_plan(listed, model)
    if named and unread:
        plan = yield from _plan(provider, model)
    left, used_up = list[Quota](), set[str]()
    if status != 404 and not (named and plan) and provider.quotas_url is not None:
        with suppress(APIError):
            url = _quotas_url(provider.quotas_url, arguments)
            body = yield Ask(url, "a list of quotas")
            left = decode_quotas(provider, body, now).entries
            used_up = {one.kind for one in left if one.is_used_up}
    if status == 403 and unread and not named and not used_up:
        plan = yield from _plan(provider, model)
    return "; ".join(filter(None, (plan, *map(str, left[:_NAMED])))), used_up


def _plan(provider: Provider, model: str | None) -> Recipe[str | None]:
    with suppress(APIError):
        return _not_in_plan((yield from read_models(provider)), model)
    return None


def _not_in_plan(models: Sequence[Model], model: str | None) -> str | None:
    known = find_model(models, model or "")
    if known is None or known.available is not False:
        return None
    return f"{known.source} says that model {model!r} is not in your plan"
