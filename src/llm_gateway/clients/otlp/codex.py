"""Codex's telemetry: an event `codex.sse_event` of the kind `response.completed` for each answer.

Measured with 0.169.0 (openai/codex, codex-rs/otel); the program in the terminal, in editors and on the
desktop is one, and its service is named after whoever started it. Counts are texts or numbers; input is told
with what was cached, `tool_token_count` is the total. It tells the conversation and no id of the answer.
"""

from collections.abc import Iterator

from llm_gateway.clients.logs.values import moment, name, within
from llm_gateway.clients.otlp.batches import Batch, Record, Value
from llm_gateway.clients.otlp.programs import client_of
from llm_gateway.ledger.sightings import Sighting

__all__ = ["READS", "codex"]

READS = frozenset(
    (
        "app.version",
        "cache_write_token_count",
        "cached_token_count",
        "conversation.id",
        "event.kind",
        "event.name",
        "event.timestamp",
        "input_token_count",
        "model",
        "originator",
        "output_token_count",
        "provider_name",
        "reasoning_token_count",
    )
)
"""Every attribute that is read."""

_CLIENT = "codex-cli"
_BEGAN, _EVENT, _KIND = "codex.conversation_starts", "codex.sse_event", "response.completed"
_LONGEST_COUNT = 10


def codex(batch: Batch) -> Iterator[Sighting]:
    """Return the answers that a batch tells of."""
    asked: dict[str, str] = {}
    for record in batch.records:
        told = record.attributes.get
        if record.event == _BEGAN:
            asked[name(told("conversation.id"))] = name(told("provider_name"))
        elif record.event == _EVENT and told("event.kind") == _KIND and told("input_token_count") is not None:
            yield _answer(batch, record, asked)


def _answer(batch: Batch, record: Record, asked: dict[str, str]) -> Sighting:
    told = record.attributes.get
    session = name(told("conversation.id"))
    at_us = record.at_us or moment(told("event.timestamp"), 0)
    return Sighting(
        client=client_of(name(told("originator")) or batch.service, _CLIENT),
        machine="",
        source="otlp",
        mark=f"{session}:{at_us}",
        at_us=moment(told("event.timestamp"), at_us),
        usage=within(
            _count(told("input_token_count")),
            _count(told("cached_token_count")),
            _count(told("cache_write_token_count")),
            _count(told("output_token_count")),
            _count(told("reasoning_token_count")),
        ),
        session=session,
        model=name(told("model")),
        asked=asked.get(session, ""),
        version=name(told("app.version")) or name(batch.version),
    )


def _count(value: Value | None) -> Value | None:
    """Return a count that may be written as a text, as Rust's `tracing` does."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= _LONGEST_COUNT:
        return int(value)
    return value
