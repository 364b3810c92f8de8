"""What the dashboard API shows, as values: their fields are the API, their docstrings its description.

Made from the ledger's and the fleet's values by pure functions; nothing here is asked for over a socket.
"""

from collections.abc import Mapping
from datetime import UTC, datetime

import msgspec

from llm_gateway.ledger.money import dollars
from llm_gateway.ledger.queries import ProviderSeen
from llm_gateway.ledger.records import Attempt, Compressed, Turn
from llm_gateway.ledger.tariff import Card
from llm_gateway.server.money_views import MoneyView, money_view
from llm_gateway.upstream.fleet import Member

__all__ = [
    "AttemptView",
    "CompressionView",
    "EndpointView",
    "HealthView",
    "ProviderView",
    "ProvidersView",
    "RequestDetail",
    "RequestView",
    "iso",
    "provider_view",
    "request_detail",
    "request_view",
]


class HealthView(msgspec.Struct, frozen=True):
    """How the gateway is: `status` is ok, degraded or down; `database` is connected or says what fails.

    `advice` is what helps then; `unrecorded` how many records are in memory alone. `configuration` says what
    is wrong with the file and where, while the last good one is in use; else it is empty. `saved` is the copy
    of the database that this start made before it migrated it.
    """

    status: str
    database: str
    version: str
    uptime_seconds: int
    inflight: int
    pid: int
    advice: str = ""
    unrecorded: int = 0
    configuration: str = ""
    saved: str = ""


class RequestView(msgspec.Struct, frozen=True):
    """One request. `status` is running, ok, error, cancelled, truncated or interrupted; times in ms.

    `cached`: it was answered from the response cache, and used nothing. `label` is what kind of background
    call it is, such as `title`; `told_by` is how its client was told: `key`, `declared`, `agent` or
    `session`, the dashboard's own; `session` is the conversation as the client names it; "" where there is
    none.
    """

    id: str
    at: str
    caller: str
    client: str
    model: str
    model_asked: str
    provider: str
    dialect: str
    operation: str
    status: str
    http_status: int | None
    error: str | None
    stream: bool
    purpose: str
    tokens_in: int | None
    tokens_out: int | None
    tokens_cached: int | None
    tokens_reasoning: int | None
    estimated: bool
    cost_usd: float | None
    latency_ms: float | None
    ttft_ms: float | None
    cached: bool = False
    label: str = ""
    told_by: str = ""
    session: str = ""


class AttemptView(msgspec.Struct, frozen=True):
    """One try at one target, `started_ms` after the request began; `why` it was asked at its place."""

    provider: str
    endpoint: str
    model: str
    started_ms: float
    duration_ms: float
    status: int
    error: str | None
    upstream_request_id: str | None
    why: str | None
    tokens_in: int | None = None
    tokens_out: int | None = None
    cost_usd: float | None = None


class CompressionView(msgspec.Struct, frozen=True):
    """What compression did to a request with results of tools, of which `encoded` were sent shorter.

    With `shadow` none was: it is what would have been. `why` is why not, or not more. `counted` is by what
    `tokens` are told: tokenizer, calibrated or bytes; nine of ten of them are at most `error_percent` off.
    `cache_missed` are tokens that the provider's prompt cache should have had, with nothing that explains it.
    """

    results: int
    encoded: int
    bytes_before: int
    bytes_after: int
    tokens: int
    policy: str
    shadow: bool
    why: str
    cache_missed: int
    counted: str | None = None
    error_percent: float | None = None


class RequestDetail(msgspec.Struct, frozen=True):
    """Everything that is kept of one request; its text is not.

    `cached_from` is the request whose answer this one got from the response cache; what is `saved` is what
    that one used and this one did not, and what it would have cost. `counted` is who counted the tokens:
    provider, tokenizer, calibrated or bytes; where it was no provider, nine of ten counts are at most
    `error_percent` off. `tier` is the service tier that answered.
    """

    request: RequestView
    key_id: str
    request_bytes: int
    response_bytes: int | None
    response_id: str | None
    upstream_request_id: str | None
    finish_reason: str | None
    attempts: list[AttemptView]
    losses: list[str]
    held_usd: float | None
    price_source: str | None
    cached_from: str | None = None
    saved_tokens_in: int | None = None
    saved_tokens_out: int | None = None
    saved_estimated: bool | None = None
    saved_usd: float | None = None
    tier: str | None = None
    counted: str | None = None
    error_percent: float | None = None
    money: MoneyView | None = None
    compression: CompressionView | None = None


class EndpointView(msgspec.Struct, frozen=True):
    """One address of a provider."""

    dialect: str
    url: str


class ProviderView(msgspec.Struct, frozen=True):
    """A provider: where it came from, what it serves, how it fared."""

    name: str
    label: str
    kind: str
    presence: str
    state: str
    reason: str
    metered: bool
    endpoints: list[EndpointView]
    models: list[str]
    checked_at: str | None
    requests: int
    last_ok_at: str | None
    last_error_at: str | None
    last_error: str | None


class ProvidersView(msgspec.Struct, frozen=True):
    """Every provider, by name."""

    providers: list[ProviderView]


def iso(at_us: int) -> str:
    """Return a time as ISO 8601 in UTC, to the millisecond."""
    return datetime.fromtimestamp(at_us / 1e6, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def request_view(turn: Turn) -> RequestView:
    """Show a turn in a line."""
    intent, end = turn.intent, turn.settlement
    usage = end.usage if end is not None else None
    return RequestView(
        id=intent.id,
        at=iso(intent.at_us),
        caller=intent.caller,
        client=intent.client,
        model=(end.model if end is not None else "") or intent.model or intent.model_asked,
        model_asked=intent.model_asked,
        provider=(end.provider if end is not None else "") or intent.provider,
        dialect=intent.dialect,
        operation=intent.operation,
        status="running" if end is None else end.outcome,
        http_status=end.http_status or None if end is not None else None,
        error=end.error_kind or None if end is not None else None,
        stream=intent.stream,
        purpose=intent.purpose,
        tokens_in=usage.input if usage is not None else None,
        tokens_out=usage.output if usage is not None else None,
        tokens_cached=usage.cache_read if usage is not None else None,
        tokens_reasoning=usage.reasoning if usage is not None else None,
        estimated=usage.estimated if usage is not None else False,
        cost_usd=_usd(end.cost_nano) if end is not None else None,
        latency_ms=_ms(end.latency_us) if end is not None else None,
        ttft_ms=_ms(end.ttft_us) if end is not None and end.ttft_us else None,
        cached=end is not None and bool(end.cached_from),
        label=intent.label,
        told_by=intent.told_by,
        session=intent.session,
    )


def request_detail(turn: Turn, cards: Mapping[str, Card]) -> RequestDetail:
    """Show all of a turn; `cards` are those that it was reckoned with."""
    end = turn.settlement
    detail = RequestDetail(
        request=request_view(turn),
        key_id=turn.intent.key_id,
        request_bytes=turn.intent.request_bytes,
        response_bytes=None,
        response_id=None,
        upstream_request_id=None,
        finish_reason=None,
        attempts=[],
        losses=[],
        held_usd=_usd(turn.intent.held_nano or None),
        price_source=None,
    )
    if end is None:
        return detail
    saved, card = end.saved, cards.get(end.money.tariff) if end.money is not None else None
    return msgspec.structs.replace(
        detail,
        response_bytes=end.response_bytes,
        response_id=end.response_id or None,
        upstream_request_id=end.upstream_request_id or None,
        finish_reason=end.finish_reason or None,
        attempts=[_attempt_view(attempt) for attempt in end.attempts],
        losses=list(end.losses),
        price_source=end.price or (f"{card.source} {card.version}".strip() if card is not None else None),
        cached_from=end.cached_from or None,
        saved_tokens_in=saved.input if saved is not None else None,
        saved_tokens_out=saved.output if saved is not None else None,
        saved_estimated=saved.estimated if saved is not None else None,
        saved_usd=_usd(end.saved_nano),
        tier=end.tier or None,
        counted=end.counted or None,
        error_percent=_percent(end.error_permille),
        money=money_view(end, cards),
        compression=_compression_view(end.compressed),
    )


def _compression_view(told: Compressed | None) -> CompressionView | None:
    if told is None:
        return None
    sizes = (told.results, told.encoded, told.before, told.after, told.tokens)
    counted = (told.counted or None, _percent(told.error_permille))
    return CompressionView(*sizes, told.policy, told.shadow, told.why, told.missed, *counted)


def _percent(permille: int | None) -> float | None:
    return None if permille is None else permille / 10


def _usd(nano: int | None) -> float | None:
    return None if nano is None else float(dollars(nano))


def provider_view(member: Member, seen: ProviderSeen | None) -> ProviderView:
    """Show a provider, with how it fared in the time that was asked for."""
    error = ""
    if seen is not None and seen.last_error_us:
        error = f"{seen.last_error_kind} ({seen.last_error_status})"
    return ProviderView(
        name=member.row.name,
        label=member.row.label,
        kind=member.row.kind,
        presence=member.presence,
        state=member.state,
        reason=member.reason,
        metered=member.row.metered,
        endpoints=[EndpointView(endpoint.dialect, endpoint.url) for endpoint in member.endpoints],
        models=list(member.models),
        checked_at=iso(member.checked_us) if member.checked_us else None,
        requests=seen.tracked if seen is not None else 0,
        last_ok_at=iso(seen.last_ok_us) if seen is not None and seen.last_ok_us else None,
        last_error_at=iso(seen.last_error_us) if seen is not None and seen.last_error_us else None,
        last_error=error or None,
    )


def _attempt_view(attempt: Attempt) -> AttemptView:
    return AttemptView(
        provider=attempt.provider,
        endpoint=attempt.endpoint,
        model=attempt.model,
        started_ms=_ms(attempt.started_us),
        duration_ms=_ms(attempt.duration_us),
        status=attempt.status,
        error=attempt.error_kind or None,
        upstream_request_id=attempt.request_id or None,
        why=attempt.why or None,
        tokens_in=attempt.usage.input if attempt.usage is not None else None,
        tokens_out=attempt.usage.output if attempt.usage is not None else None,
        cost_usd=_usd(attempt.cost_nano),
    )


def _ms(us: int) -> float:
    return round(us / 1000, 3)
