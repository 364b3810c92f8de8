"""Gemini CLI's telemetry: an event `gemini_cli.api_response` for each answer.

Measured with 0.61.0 (google-gemini/gemini-cli, docs/cli/telemetry.md). The answer's id is in another event
of the same moment, `gen_ai.client.inference.operation.details`, beside the whole system prompt. Thoughts are
told beside the output. `server.address` is always Google's, wherever the request went: nothing to go by.
"""

from collections.abc import Iterator

from llm_gateway.clients.logs.values import beside, moment, name
from llm_gateway.clients.otlp.batches import Batch, Record, Value
from llm_gateway.clients.otlp.programs import client_of
from llm_gateway.ledger.sightings import Sighting

__all__ = ["READS", "gemini"]

READS = frozenset(
    (
        "cached_content_token_count",
        "event.name",
        "event.timestamp",
        "gen_ai.response.id",
        "gen_ai.usage.input_tokens",
        "gen_ai.usage.output_tokens",
        "input_token_count",
        "model",
        "output_token_count",
        "role",
        "session.id",
        "thoughts_token_count",
        "tool_token_count",
    )
)
"""Every attribute that is read."""

_CLIENT = "gemini-cli"
_EVENT, _DETAILS = "gemini_cli.api_response", "gen_ai.client.inference.operation.details"
# What the program asks for by itself (google-gemini/gemini-cli, packages/core/src/telemetry/llmRole.ts).
_UTILITY, _SUB_AGENT = "utility_", "subagent"
_LABELS = {"utility_router": "router", "utility_compressor": "compaction"}

_Same = tuple[str, Value | None, Value | None, Value | None]
"""What the two events of one answer share: conversation, moment, tokens in and out."""


def gemini(batch: Batch) -> Iterator[Sighting]:
    """Return the answers that a batch tells of."""
    ids: dict[_Same, str] = {}
    for record in batch.records:
        if record.event == _DETAILS and (answer_id := name(record.attributes.get("gen_ai.response.id"))):
            ids[_same(record, "gen_ai.usage.input_tokens", "gen_ai.usage.output_tokens")] = answer_id
    for record in batch.records:
        if record.event == _EVENT:
            answer_id = ids.pop(_same(record, "input_token_count", "output_token_count"), "")
            yield _answer(batch, record, answer_id)


def _same(record: Record, sent: str, made: str) -> _Same:
    told = record.attributes.get
    return name(told("session.id")), told("event.timestamp"), told(sent), told(made)


def _answer(batch: Batch, record: Record, answer_id: str) -> Sighting:
    told = record.attributes.get
    usage = beside(
        told("input_token_count"),
        told("cached_content_token_count"),
        told("output_token_count"),
        told("thoughts_token_count"),
        told("tool_token_count"),
    )
    session, at_us = name(told("session.id")), moment(told("event.timestamp"), record.at_us)
    return Sighting(
        client=client_of(batch.service, _CLIENT),
        machine="",
        source="otlp",
        # Whether the id comes in the same export is chance: no mark without it may be another than with it.
        mark=f"{session}:{at_us}:{usage.input}:{usage.output}",
        at_us=at_us,
        usage=usage,
        answer_id=answer_id,
        session=session,
        model=name(told("model")),
        label=_label(name(told("role"))),
    )


def _label(role: str) -> str:
    if role.startswith(_SUB_AGENT):
        return "sub-agent"
    return _LABELS.get(role, "utility") if role.startswith(_UTILITY) else ""
