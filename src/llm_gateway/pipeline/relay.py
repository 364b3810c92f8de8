"""Bring an answer to the client, and learn from it what the ledger wants to know.

A turn is settled before the client gets the end of its answer: the last thing it reads is true in the
ledger already. After the first byte nothing is tried again.
"""

import asyncio
from math import ceil

import msgspec

from llm_gateway.dialects.contract import Asked, Dialect, Seen, StreamMeter
from llm_gateway.errors import (
    Draining,
    GatewayError,
    UpgradeRefused,
    UpstreamFault,
    UpstreamTruncated,
    forget_frames,
)
from llm_gateway.ledger.records import Outcome
from llm_gateway.pipeline.incoming import Incoming
from llm_gateway.pipeline.passage import Passage
from llm_gateway.pipeline.turn import Turn
from llm_gateway.pipeline.witness import Witness
from llm_gateway.upstream.answer import MAX_ANSWER, Answer, is_coded, read_error, read_whole

__all__ = ["Relayed", "refuse", "refuse_turn", "relay"]

_JSON = b"content-type: application/json\r\n"
# What an answer of this status has to carry (RFC 9110, 15.5.2) or had better (15.6.4).
_FIELDS = {
    401: b"www-authenticate: Bearer\r\n",
    503: b"retry-after: 5\r\n",
}


class Relayed(msgspec.Struct, frozen=True):
    """An answer, the way on which it came, and who sees it, if anybody does."""

    answer: Answer
    passage: Passage
    witness: Witness | None = None


async def relay(incoming: Incoming, relayed: Relayed, dialect: Dialect, turn: Turn) -> None:
    """Relay one answer and settle its turn, whatever becomes of either side."""
    answer = relayed.answer
    try:
        if answer.status < 300 and relayed.passage.is_stream(answer):
            await _relay_stream(incoming, relayed, dialect, turn)
        else:
            await _relay_whole(incoming, relayed, dialect, turn)
    except BaseException as error:
        answer.release()  # first of all: the upstream must stop working for nobody
        await turn.abandon(error, incoming.bytes_out)
        raise
    finally:
        answer.release()


def refuse(incoming: Incoming, dialect: Dialect, error: GatewayError, headers: bytes = b"") -> None:
    """Answer with an error in the client's dialect."""
    fields = b"%b%b%b" % (_JSON, _FIELDS.get(error.status, b""), headers)
    if isinstance(error, UpgradeRefused):  # RFC 9110, 15.5.22
        fields = b"%bupgrade: %b\r\nconnection: upgrade\r\n%b" % (_JSON, error.to.encode(), headers)
    if error.retry_after is not None:
        # Whole seconds (RFC 9110, 10.2.3), and never so few that it is too soon.
        fields = b"%bretry-after: %d\r\n%b" % (_JSON, max(ceil(error.retry_after), 1), headers)
    incoming.respond(error.status, fields, dialect.encode_error(error))


def refuse_turn(incoming: Incoming, dialect: Dialect, error: GatewayError, turn: Turn) -> None:
    """Answer a turn with an error in the client's dialect."""
    refuse(incoming, dialect, error, _with_id(turn.headers(), dialect, turn))


async def _relay_whole(incoming: Incoming, relayed: Relayed, dialect: Dialect, turn: Turn) -> None:
    answer, passage = relayed.answer, relayed.passage
    try:
        body = await (read_whole(answer, MAX_ANSWER) if answer.status < 300 else read_error(answer))
        answer.release()
        turn.first_byte()
        if answer.status < 300:
            body, turn.seen = passage.whole(answer, body)
        else:
            body = passage.failed(answer, body)
    except UpstreamFault as error:
        await turn.fail(error)
        refuse_turn(incoming, dialect, error, turn)
        return
    if answer.status < 300:
        await _settle(relayed, turn, len(body))
    else:
        await turn.settle("error", len(body))
    incoming.respond(answer.status, _fields(relayed, dialect, turn), body)


async def _relay_stream(incoming: Incoming, relayed: Relayed, dialect: Dialect, turn: Turn) -> None:
    answer, passage = relayed.answer, relayed.passage
    meter = passage.meter()
    seen = turn.seen = meter.seen
    try:
        # A stream is asked for plain. One that comes coded all the same cannot be metered as it passes.
        data = answer.take() if not is_coded(answer) else await read_whole(answer, MAX_ANSWER)
        if data:
            turn.first_byte()
        out = meter.feed(data) if data else b""
        if seen.complete:
            await _settle(relayed, turn, len(out))
        incoming.begin(answer.status, _fields(relayed, dialect, turn), out)
        incoming.keep_alive = dialect.takes_comments
        await _pour(incoming, relayed, meter, turn)
        await _finish(incoming, relayed, meter, turn)
    except UpstreamFault as error:
        if turn.is_settled():  # the stream had said its last word; what broke after it is nobody's loss
            forget_frames(error)
            incoming.end(meter.close())
            return
        if not incoming.started:
            await turn.fail(error)
            refuse_turn(incoming, dialect, error, turn)
            return
        await _break_off(incoming, turn, meter, error)
    except asyncio.CancelledError as why:
        if Draining.is_why(why) and incoming.started and not turn.is_settled():
            answer.release()
            await _break_off(incoming, turn, meter, Draining.cut())
        raise


async def _pour(incoming: Incoming, relayed: Relayed, meter: StreamMeter, turn: Turn) -> None:
    """Pass the stream on as it comes; hold its last word back until the turn is settled."""
    answer, seen = relayed.answer, turn.seen
    last: list[bytes] = []

    def pass_on(data: bytes) -> bool:
        if not turn.ttft_us:
            turn.first_byte()
        out = meter.feed(data)
        if seen.complete and not turn.is_settled():
            last.append(out)
            return False
        incoming.write(out)
        return not incoming.blocked

    while not answer.ended:
        await answer.pour(pass_on)
        if last:
            out = last.pop()
            await _settle(relayed, turn, incoming.bytes_out + len(out))
            incoming.write(out)
        if incoming.blocked:
            await incoming.drain()


async def _finish(incoming: Incoming, relayed: Relayed, meter: StreamMeter, turn: Turn) -> None:
    out = meter.close()
    seen = turn.seen
    if turn.is_settled():
        incoming.end(out)
    elif _whole(seen):
        await _settle(relayed, turn, incoming.bytes_out + len(out))
        incoming.end(out)
    else:
        incoming.write(out)
        error = UpstreamTruncated("the upstream ended its stream before the answer was complete")
        await _break_off(incoming, turn, meter, error)


async def _break_off(incoming: Incoming, turn: Turn, meter: StreamMeter, error: GatewayError) -> None:
    """End a begun stream with an error, in the way of its dialect; without one its connection breaks, too."""
    event = meter.fail(error)
    await turn.fail(error, incoming.bytes_out)
    if event:
        incoming.end(event)
    else:
        incoming.abandon()


def _fields(relayed: Relayed, dialect: Dialect, turn: Turn) -> bytes:
    return _with_id(relayed.passage.fields(relayed.answer) + turn.headers(), dialect, turn)


def _with_id(lines: bytes, dialect: Dialect, turn: Turn) -> bytes:
    """Add the id that the dialect's clients write into their own logs, where no upstream gave one.

    By it what a client has logged is found in the ledger: an upstream's id is kept there, ours is the turn's.
    """
    intent = turn.intent
    if not intent.id:
        return lines
    asked = Asked(intent.operation, intent.id, intent.model_asked, intent.stream, wants_usage=False, now=0)
    own = dialect.id_headers(asked)
    name = own[: own.find(b":") + 1]
    if not own or lines.startswith(name) or b"\n" + name in lines:
        return lines
    return lines + own


async def _settle(relayed: Relayed, turn: Turn, response_bytes: int) -> None:
    """Put on record that an answer ended as it should, and let its witness do what it has to do."""
    outcome: Outcome = "error" if turn.seen.error else "ok"
    await turn.settle(outcome, response_bytes)
    if relayed.witness is not None and outcome == "ok":
        await relayed.witness.ended()


def _whole(seen: Seen) -> bool:
    """Whether the stream said that it was done: by its marker, by a finish reason, or by an error."""
    return seen.complete or bool(seen.finish_reason) or bool(seen.error)
