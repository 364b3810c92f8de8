"""Spans that follow OpenTelemetry's conventions for GenAI: those of Copilot, and of programs nobody knows.

opentelemetry.io, "Semantic conventions for generative client AI spans"; measured with Copilot CLI 1.0.102;
code.visualstudio.com, "Monitor agent usage with OpenTelemetry". A span of an agent sums up the spans of its
calls, and a framework's call may enclose its SDK's: the innermost is the answer, the others are not.
"""

from collections.abc import Iterator

from llm_gateway.canonical.usage import Usage
from llm_gateway.clients.fingerprints import UNKNOWN_CLIENT, declared_name
from llm_gateway.clients.logs.values import either, name
from llm_gateway.clients.otlp.batches import Batch, Record
from llm_gateway.clients.otlp.programs import client_of
from llm_gateway.ledger.sightings import Sighting

__all__ = ["READS", "conventions"]

_INPUT = ("gen_ai.usage.input_tokens", "gen_ai.usage.prompt_tokens")
_OUTPUT = ("gen_ai.usage.output_tokens", "gen_ai.usage.completion_tokens")
_CACHE_READ = ("gen_ai.usage.cache_read.input_tokens", "gen_ai.usage.cache_read_input_tokens")
_CACHE_WRITE = (
    "gen_ai.usage.cache_creation.input_tokens",
    "gen_ai.usage.cache_write.input_tokens",
    "gen_ai.usage.cache_creation_input_tokens",
)
_REASONING = ("gen_ai.usage.reasoning.output_tokens", "gen_ai.usage.reasoning_tokens")
_MODEL = ("gen_ai.response.model", "gen_ai.request.model")
_SESSION = ("gen_ai.conversation.id", "session.id")

READS = frozenset(
    (
        *_INPUT,
        *_OUTPUT,
        *_CACHE_READ,
        *_CACHE_WRITE,
        *_REASONING,
        *_MODEL,
        *_SESSION,
        "gen_ai.operation.name",
        "gen_ai.response.id",
        "github.copilot.initiator",
        "server.address",
    )
)
"""Every attribute that is read. The older spellings are those of the conventions' earlier versions."""

# Operations that are one question to a model; without a name they are of before there were any.
_OPERATIONS = frozenset(("", "chat", "text_completion", "generate_content", "embeddings"))


def conventions(batches: list[Batch]) -> Iterator[Sighting]:
    """Return the answers that the batches of one export tell of; spans enclose others across them."""
    enclosing = _enclosing([record for batch in batches for record in batch.records])
    for batch in batches:
        for record in batch.records:
            if _is_answer(record) and (record.trace, record.span) not in enclosing:
                yield _answer(batch, record)


def _is_answer(record: Record) -> bool:
    told = record.attributes
    return told.get("gen_ai.operation.name", "") in _OPERATIONS and any(key in told for key in _INPUT)


def _enclosing(records: list[Record]) -> set[tuple[str, str]]:
    """Return the spans that have an answer somewhere inside."""
    parents = {(record.trace, record.span): record.parent for record in records}
    found: set[tuple[str, str]] = set()
    for record in records:
        if _is_answer(record):
            own, above = (record.trace, record.span), (record.trace, record.parent)
            while above[1] and above != own and above in parents and above not in found:
                found.add(above)
                above = (record.trace, parents[above])
    return found


def _answer(batch: Batch, record: Record) -> Sighting:
    client = client_of(batch.service)
    version = name(batch.version)
    if client == UNKNOWN_CLIENT and batch.service:
        version = f"{declared_name(batch.service.encode())}/{version}".rstrip("/")
    answer_id = name(record.attributes.get("gen_ai.response.id"))
    span = f"{name(record.trace)}:{name(record.span)}"
    return Sighting(
        client=client,
        machine="",
        source="otlp",
        # Some engines give the same id twice: a span is one answer.
        mark=span if span != ":" else f"{answer_id}:{record.at_us}",
        at_us=record.at_us,
        usage=_usage(record),
        answer_id=answer_id,
        session=name(_first(record, _SESSION)),
        model=name(_first(record, _MODEL)),
        asked=name(record.attributes.get("server.address")),
        label="sub-agent" if record.attributes.get("github.copilot.initiator") == "sub-agent" else "",
        version=version,
    )


def _usage(record: Record) -> Usage:
    """Return what was used; some instrumentations hand on counts as the vendor has them."""
    return either(
        _first(record, _INPUT),
        _first(record, _CACHE_READ),
        _first(record, _CACHE_WRITE),
        _first(record, _OUTPUT),
        _first(record, _REASONING),
    )


def _first(record: Record, names: tuple[str, ...]) -> object:
    return next((record.attributes[each] for each in names if each in record.attributes), None)
