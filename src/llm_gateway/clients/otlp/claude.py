"""Claude Code's telemetry: an event `api_request` for each answer (code.claude.com, Monitoring).

Measured with 2.1.330. Its metrics sum up the same tokens; its spans tell of the same answers. Input is told
without what was cached. Whether the base URL is Anthropic's own is told, the URL is not.
"""

from collections.abc import Iterator

from llm_gateway.clients.logs.claude import kind_of_call
from llm_gateway.clients.logs.values import apart, moment, name
from llm_gateway.clients.otlp.batches import Batch, Record
from llm_gateway.clients.otlp.programs import client_of
from llm_gateway.ledger.sightings import Sighting

__all__ = ["READS", "claude"]

READS = frozenset(
    (
        "anthropic.custom_base_url",
        "anthropic.provider",
        "app.entrypoint",
        "cache_creation_tokens",
        "cache_read_tokens",
        "event.name",
        "event.sequence",
        "event.timestamp",
        "input_tokens",
        "model",
        "output_tokens",
        "query_source",
        "request_id",
        "session.id",
    )
)
"""Every attribute that is read."""

_CLIENT = "claude-code"
# The name is a plain word: whose it is, the scope says, which nobody can set as they can the service's name.
_SCOPE = "com.anthropic.claude_code"
_EVENTS = ("api_request", "claude_code.api_request")


def claude(batch: Batch) -> Iterator[Sighting]:
    """Return the answers that a batch tells of."""
    if not batch.scope.startswith(_SCOPE):
        return
    for record in batch.records:
        if record.event in _EVENTS:
            yield _answer(batch, record)


def _answer(batch: Batch, record: Record) -> Sighting:
    told = record.attributes.get
    session, request_id = name(told("session.id")), name(told("request_id"))
    at_us = moment(told("event.timestamp"), record.at_us)
    # The sequence begins anew when a conversation is taken up again, time does not.
    mark = request_id or f"{session}:{at_us}:{told('event.sequence', '')}"
    custom = told("anthropic.custom_base_url") is True
    client = client_of(batch.service, _CLIENT)
    return Sighting(
        # Where it was started from is told on demand (OTEL_METRICS_INCLUDE_ENTRYPOINT).
        client=client_of(name(told("app.entrypoint")), client),
        machine="",
        source="otlp",
        mark=mark,
        at_us=at_us,
        usage=apart(
            told("input_tokens"),
            told("cache_read_tokens"),
            told("cache_creation_tokens"),
            told("output_tokens"),
        ),
        request_id=request_id,
        session=session,
        model=name(told("model")),
        asked="custom" if custom else name(told("anthropic.provider")),
        label=kind_of_call(name(told("query_source"))),
        version=name(batch.version),
    )
