"""Bring an answer to the client, and learn from it what the ledger wants to know.

A turn is settled before the client gets the end of its answer: the last thing it reads is true in the
ledger already. After the first byte nothing is tried again.
"""

import asyncio

from llm_gateway.dialects.contract import Dialect, Seen, StreamMeter
from llm_gateway.errors import GatewayError, UpstreamFault, UpstreamTruncated
from llm_gateway.pipeline.incoming import Incoming
from llm_gateway.pipeline.turn import Turn
from llm_gateway.upstream.answer import Answer, is_event_stream, read_whole
from llm_gateway.upstream.forward import returned

__all__ = ["refuse", "relay"]

_MAX_ANSWER = 64 * 1024 * 1024
_JSON = b"content-type: application/json\r\n"


async def relay(incoming: Incoming, answer: Answer, dialect: Dialect, turn: Turn) -> None:
    """Relay one answer and settle its turn, whatever becomes of either side."""
    try:
        if is_event_stream(answer) and answer.status < 300:
            await _relay_stream(incoming, answer, dialect, turn)
        else:
            await _relay_whole(incoming, answer, dialect, turn)
    except asyncio.CancelledError:
        answer.release()  # first of all: the upstream must stop working for nobody
        await turn.settle("cancelled", incoming.bytes_out)
        raise
    finally:
        answer.release()


def refuse(incoming: Incoming, dialect: Dialect, error: GatewayError, headers: bytes = b"") -> None:
    """Answer with an error in the client's dialect."""
    retry = b"retry-after: 5\r\n" if error.status == 503 else b""
    incoming.respond(error.status, b"%b%b%b" % (_JSON, retry, headers), dialect.encode_error(error))


async def _relay_whole(incoming: Incoming, answer: Answer, dialect: Dialect, turn: Turn) -> None:
    try:
        body = await read_whole(answer, _MAX_ANSWER)
    except UpstreamFault as error:
        await turn.fail(error)
        refuse(incoming, dialect, error, turn.headers())
        return
    answer.release()
    turn.first_byte()
    if answer.status < 300:
        turn.seen = dialect.read_answer(body)
        await turn.settle("ok", len(body))
    else:
        await turn.settle("error", len(body))
    incoming.respond(answer.status, returned(answer.headers) + turn.headers(), body)


async def _relay_stream(incoming: Incoming, answer: Answer, dialect: Dialect, turn: Turn) -> None:
    meter = dialect.meter(strip_usage=turn.strips_usage)
    seen = turn.seen = meter.seen
    head = returned(answer.headers) + turn.headers()
    try:
        data = answer.take()
        if data:
            turn.first_byte()
        out = meter.feed(data) if data else b""
        if seen.complete:
            await turn.settle("ok", incoming.bytes_out + len(out))
        incoming.begin(answer.status, head, out)
        while data := await answer.read():
            if not turn.ttft_us:
                turn.first_byte()
            out = meter.feed(data)
            if seen.complete and not turn.is_settled():
                await turn.settle("ok", incoming.bytes_out + len(out))
            incoming.write(out)
            if incoming.blocked:
                await incoming.drain()
        await _finish(incoming, dialect, turn, meter)
    except UpstreamFault as error:
        if turn.is_settled():  # the stream had said its last word; what broke after it is nobody's loss
            incoming.end(meter.close())
            return
        await _break_off(incoming, dialect, turn, error)


async def _finish(incoming: Incoming, dialect: Dialect, turn: Turn, meter: StreamMeter) -> None:
    out = meter.close()
    seen = turn.seen
    if turn.is_settled():
        incoming.end(out)
    elif _whole(seen):
        await turn.settle("error" if seen.error else "ok", incoming.bytes_out + len(out))
        incoming.end(out)
    else:
        incoming.write(out)
        await _break_off(
            incoming,
            dialect,
            turn,
            UpstreamTruncated("the upstream ended its stream before the answer was complete"),
        )


async def _break_off(incoming: Incoming, dialect: Dialect, turn: Turn, error: UpstreamFault) -> None:
    """End a begun stream with an error event, on a line of its own."""
    event = dialect.encode_stream_error(error)
    if incoming.bytes_out and not incoming.ends_event:
        event = b"\n\n" + event
    await turn.fail(error, incoming.bytes_out)
    incoming.end(event)


def _whole(seen: Seen) -> bool:
    """Whether the stream said that it was done: by its marker, by a finish reason, or by an error."""
    return seen.complete or bool(seen.finish_reason) or bool(seen.error)
