"""Turns as OpenTelemetry's conventions for generative AI have them: spans of turns and attempts, measures.

The names are those of open-telemetry/semantic-conventions-genai (docs/gen-ai, November 2026; "Development");
`llm_gateway.*` are ours. Nothing that was said is told, no key and no login: the ledger has none of them.
How it gets to a collector is in `telemetry/otel.py`.
"""

import asyncio
from collections.abc import Callable, Mapping

from llm_gateway.config import Loaded
from llm_gateway.ledger.ledger import Ledger
from llm_gateway.ledger.money import dollars
from llm_gateway.ledger.records import Attempt, Intent, Settlement, Turn
from llm_gateway.telemetry.exporting import (
    Attribute,
    Exporter,
    Measures,
    SpanTold,
    Told,
    open_exporter,
)
from llm_gateway.telemetry.log import Log
from llm_gateway.upstream.fleet import Fleet, Member

__all__ = ["Address", "Export", "address_in", "told_of"]

Address = Callable[[str, str], tuple[str, int] | None]
"""Return the host and port at which a provider is asked in a dialect."""

_OPERATIONS: Mapping[str, str] = {
    "chat/completions": "chat",
    "responses": "chat",
    "messages": "chat",
    "chat": "chat",
    "completions": "text_completion",
    "generate": "text_completion",
    "generateContent": "generate_content",
    "streamGenerateContent": "generate_content",
    "embeddings": "embeddings",
    "embed": "embeddings",
    "embedContent": "embeddings",
    "batchEmbedContents": "embeddings",
}
_LONGEST = 200
# The conventions' names for providers that are called otherwise here; all others keep theirs.
_PROVIDERS: Mapping[str, str] = {
    "gemini": "gcp.gemini",
    "mistral": "mistral_ai",
    "moonshot": "moonshot_ai",
    "xai": "x_ai",
}


class Export:
    """The export of turns as they end, where one is wanted; `run` until it is cancelled, then `close`."""

    @classmethod
    def open(
        cls,
        loaded: Loaded,
        environ: Mapping[str, str],
        ledger: Ledger,
        fleet: Callable[[], Fleet],
        log: Log,
    ) -> "Export":
        """Return the export that a configuration asks for; ConfigError says why it cannot be had."""
        settings = loaded.settings
        exporter = open_exporter(settings.telemetry.otlp, environ, settings.server.port, log)
        return cls(exporter, ledger, address_in(lambda: fleet().members))

    def __init__(self, exporter: Exporter | None, ledger: Ledger, address: Address) -> None:
        self._exporter = exporter
        self._address = address
        self._turns = ledger.subscribe()
        self._missed = 0

    def gauges(self) -> dict[str, Callable[[], float]]:
        """Return what is to be shown of it, by the name of the metric."""
        return {} if self._exporter is None else self._exporter.gauges()

    async def run(self) -> None:
        """Export turns as they end."""
        if self._exporter is None:
            return
        async with self._turns as turns:
            async for turn in turns:
                self._tell(self._exporter, turn)
                await asyncio.sleep(0)  # answers come first, even where many turns have ended at once

    async def close(self) -> None:
        """Export what is left, if that can be done in a moment."""
        if self._exporter is not None:
            for turn in self._turns.rest():
                self._tell(self._exporter, turn)
            await self._exporter.close()

    def _tell(self, exporter: Exporter, turn: Turn) -> None:
        if self._turns.missed > self._missed:
            exporter.missed(self._turns.missed - self._missed)
            self._missed = self._turns.missed
        if turn.settlement is not None:
            exporter.tell(told_of(turn.intent, turn.settlement, self._address))


def address_in(members: Callable[[], Mapping[str, Member]]) -> Address:
    """Return what looks addresses up among the providers that there are."""

    def address(provider: str, dialect: str) -> tuple[str, int] | None:
        member = members().get(provider)
        line = member.lines.get(dialect) if member is not None else None
        return (line.endpoint.host, line.endpoint.port) if line is not None else None

    return address


def told_of(intent: Intent, end: Settlement, address: Address) -> Told:
    """Return what is told of a turn that has ended."""
    operation = _OPERATIONS.get(intent.operation, intent.operation)
    provider = end.provider or intent.provider
    attributes: dict[str, Attribute] = {
        "gen_ai.operation.name": operation,
        "gen_ai.provider.name": _PROVIDERS.get(provider, provider) or "unknown",
        "gen_ai.request.model": intent.model_asked[:_LONGEST],
        "gen_ai.request.stream": intent.stream,
        **_answered(intent, end),
        **_own(intent, end),
    }
    begun = intent.at_us * 1000
    span = SpanTold(
        f"{operation} {intent.model_asked[:_LONGEST]}",
        begun,
        begun + end.latency_us * 1000,
        attributes,
        _error(end) if end.outcome not in ("ok", "cancelled") else "",
    )
    attempts = tuple(_attempt(each, begun, operation, address) for each in end.attempts)
    return Told(span, attempts, _measures(intent, end, operation))


def _answered(intent: Intent, end: Settlement) -> dict[str, Attribute]:
    """Return what is known of the answer."""
    found: dict[str, Attribute] = {}
    if model := end.model or intent.model:
        found["gen_ai.response.model"] = model
    if end.response_id:
        found["gen_ai.response.id"] = end.response_id
    if end.finish_reason:
        found["gen_ai.response.finish_reasons"] = (end.finish_reason,)
    if intent.stream and end.ttft_us is not None:
        found["gen_ai.response.time_to_first_chunk"] = end.ttft_us / 1e6
    if intent.session:
        found["gen_ai.conversation.id"] = intent.session
    if end.outcome != "ok":
        found["error.type"] = _error(end)
    usage = end.usage
    if usage is not None:
        found["gen_ai.usage.input_tokens"] = usage.input
        found["gen_ai.usage.output_tokens"] = usage.output
        if usage.cache_read:
            found["gen_ai.usage.cache_read.input_tokens"] = usage.cache_read
        if usage.cache_write:
            found["gen_ai.usage.cache_creation.input_tokens"] = usage.cache_write
        if usage.reasoning:
            found["gen_ai.usage.reasoning.output_tokens"] = usage.reasoning
    return found


def _own(intent: Intent, end: Settlement) -> dict[str, Attribute]:
    """Return what the gateway alone knows of a turn."""
    found: dict[str, Attribute] = {
        "llm_gateway.request.id": intent.id,
        "llm_gateway.client": intent.client,
        "llm_gateway.caller": intent.caller,
        "llm_gateway.dialect": intent.dialect,
        "llm_gateway.provider": end.provider or intent.provider,
        "llm_gateway.outcome": end.outcome,
        "llm_gateway.purpose": intent.purpose,
        "llm_gateway.attempts": len(end.attempts),
    }
    if end.http_status:
        found["http.response.status_code"] = end.http_status
    if end.cost_nano is not None:
        found["llm_gateway.cost.usd"] = float(dollars(end.cost_nano))
    if end.usage is not None and end.usage.estimated:
        found["llm_gateway.usage.counted"] = end.counted or "bytes"
        if end.error_permille is not None:
            found["llm_gateway.usage.error"] = end.error_permille / 1000
    if end.cached_from:
        found["llm_gateway.cached_from"] = end.cached_from
    if end.tier:
        found["llm_gateway.tier"] = end.tier
    if intent.label:
        found["llm_gateway.label"] = intent.label
    return found


def _attempt(attempt: Attempt, begun: int, operation: str, address: Address) -> SpanTold:
    start = begun + attempt.started_us * 1000
    attributes: dict[str, Attribute] = {
        "gen_ai.operation.name": operation,
        "gen_ai.provider.name": _PROVIDERS.get(attempt.provider, attempt.provider),
        "gen_ai.request.model": attempt.model,
        "llm_gateway.provider": attempt.provider,
    }
    if (where := address(attempt.provider, attempt.endpoint)) is not None:
        attributes["server.address"], attributes["server.port"] = where
    if attempt.status:
        attributes["http.response.status_code"] = attempt.status
    if attempt.why:
        attributes["llm_gateway.why"] = attempt.why
    error = attempt.error_kind
    if error:
        attributes["error.type"] = error if attempt.status < 400 else str(attempt.status)
    name = f"{operation} {attempt.model}"
    end = start + attempt.duration_us * 1000
    return SpanTold(name, start, end, attributes, error if error != "cancelled" else "")


def _measures(intent: Intent, end: Settlement, operation: str) -> Measures | None:
    """Return what is counted of a turn: of requests alone, and only tokens that providers counted."""
    if intent.purpose != "request":
        return None
    provider = end.provider or intent.provider
    labels: dict[str, Attribute] = {
        "gen_ai.operation.name": operation,
        "gen_ai.provider.name": _PROVIDERS.get(provider, provider) or "unknown",
        "gen_ai.request.model": intent.model_asked[:_LONGEST],
        "gen_ai.response.model": end.model or intent.model,
    }
    usage = end.usage
    told = usage if usage is not None and not usage.estimated and not end.cached_from else None
    return Measures(
        labels,
        end.latency_us / 1e6,
        "" if end.outcome == "ok" else _error(end),
        told.input if told is not None else None,
        told.output if told is not None else None,
        end.ttft_us / 1e6 if end.ttft_us is not None else None,
        float(dollars(end.cost_nano)) if end.cost_nano is not None else None,
    )


def _error(end: Settlement) -> str:
    return end.error_kind or end.outcome
