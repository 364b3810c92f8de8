"""An export's bytes in, sightings out: decoded with an allow-list, read by whoever knows the program.

Metrics are accepted and let go: they sum up over time what logs and spans tell answer by answer, and no
client sends them alone. So are the spans of programs whose logs tell of the same answers. Pure.
"""

from collections.abc import Callable, Iterator

import msgspec

from llm_gateway.clients.logs.values import moment
from llm_gateway.clients.otlp import claude, codex, conventions, gemini
from llm_gateway.clients.otlp.batches import Batch, Coding, Signal
from llm_gateway.clients.otlp.in_json import decode_json
from llm_gateway.clients.otlp.in_protobuf import decode_protobuf
from llm_gateway.clients.otlp.programs import client_of, family_of
from llm_gateway.ledger.sightings import Sighting

__all__ = ["WANTED", "Whence", "sightings_in"]

WANTED: dict[Signal, frozenset[str]] = {
    "logs": claude.READS | codex.READS | gemini.READS | {"service.name", "service.version"},
    "traces": conventions.READS | {"service.name", "service.version"},
    "metrics": frozenset(),
}
"""The attributes that are decoded. There are no others."""

# By the client whose programs write such logs.
_LOGS: dict[str, Callable[[Batch], Iterator[Sighting]]] = {
    "claude-code": claude.claude,
    "codex-cli": codex.codex,
    "gemini-cli": gemini.gemini,
}


class Whence(msgspec.Struct, frozen=True):
    """Where an export comes from: a machine, "" for the gateway's own; and when it came."""

    machine: str
    now_us: int


def sightings_in(body: bytes, signal: Signal, coding: Coding, whence: Whence) -> list[Sighting]:
    """Return the answers that an export tells of; MalformedRequest or BodyTooLarge where it is none."""
    decode = decode_json if coding == "json" else decode_protobuf
    batches = decode(body, signal, WANTED[signal])
    return [_placed(each, whence) for each in _answers(batches, signal)]


def _answers(batches: list[Batch], signal: Signal) -> Iterator[Sighting]:
    match signal:
        case "logs":
            for batch in batches:
                for read in _LOGS.values():
                    yield from read(batch)
        case "traces":
            others = [batch for batch in batches if family_of(client_of(batch.service)) not in _LOGS]
            yield from conventions.conventions(others)
        case "metrics":
            return


def _placed(sighting: Sighting, whence: Whence) -> Sighting:
    at_us = moment(sighting.at_us, whence.now_us)
    return msgspec.structs.replace(sighting, machine=whence.machine, at_us=at_us)
