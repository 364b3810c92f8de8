"""Bring an answer to the client, and learn from it what the ledger wants to know.

A turn is settled before the client gets the end of its answer: the last thing it reads is true in the
ledger already. After the first byte nothing is tried again.
"""

from llm_gateway.dialects.contract import Dialect, Seen, StreamMeter
from llm_gateway.errors import GatewayError, UpstreamFault, UpstreamTruncated
from llm_gateway.ledger.records import Outcome
from llm_gateway.pipeline.incoming import Incoming
from llm_gateway.pipeline.turn import Turn
from llm_gateway.upstream.answer import Answer, is_coded, is_event_stream, read_whole
from llm_gateway.upstream.forward import returned

__all__ = ["refuse", "relay"]

_MAX_ANSWER = 64 * 1024 * 1024
_JSON = b"content-type: application/json\r\n"
# What an answer of this status has to carry (RFC 9110, 15.5.2 and 15.5.22) or had better (15.6.4).
_FIELDS = {
    401: b"www-authenticate: Bearer\r\n",
    426: b"upgrade: HTTP/1.1\r\nconnection: upgrade\r\n",
    503: b"retry-after: 5\r\n",
}


async def relay(incoming: Incoming, answer: Answer, dialect: Dialect, turn: Turn) -> None:
    """Relay one answer and settle its turn, whatever becomes of either side."""
    try:
        if is_event_stream(answer) and answer.status < 300:
            await _relay_stream(incoming, answer, dialect, turn)
        else:
            await _relay_whole(incoming, answer, dialect, turn)
    except BaseException as error:
        answer.release()  # first of all: the upstream must stop working for nobody
        await turn.abandon(error, incoming.bytes_out)
        raise
    finally:
        answer.release()


def refuse(incoming: Incoming, dialect: Dialect, error: GatewayError, headers: bytes = b"") -> None:
    """Answer with an error in the client's dialect."""
    fields = b"%b%b%b" % (_JSON, _FIELDS.get(error.status, b""), headers)
    incoming.respond(error.status, fields, dialect.encode_error(error))


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
    try:
        # A stream is asked for plain. One that comes coded all the same cannot be metered as it passes.
        data = answer.take() if not is_coded(answer) else await read_whole(answer, _MAX_ANSWER)
        if data:
            turn.first_byte()
        out = meter.feed(data) if data else b""
        if seen.complete:
            await turn.settle(_outcome(seen), len(out))
        incoming.begin(answer.status, returned(answer.headers) + turn.headers(), out)
        await _pour(incoming, answer, meter, turn)
        await _finish(incoming, dialect, turn, meter)
    except UpstreamFault as error:
        if turn.is_settled():  # the stream had said its last word; what broke after it is nobody's loss
            incoming.end(meter.close())
            return
        await _break_off(incoming, dialect, turn, error)


async def _pour(incoming: Incoming, answer: Answer, meter: StreamMeter, turn: Turn) -> None:
    """Pass the stream on as it comes; hold its last word back until the turn is settled."""
    seen = turn.seen
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
            await turn.settle(_outcome(seen), incoming.bytes_out + len(out))
            incoming.write(out)
        if incoming.blocked:
            await incoming.drain()


async def _finish(incoming: Incoming, dialect: Dialect, turn: Turn, meter: StreamMeter) -> None:
    out = meter.close()
    seen = turn.seen
    if turn.is_settled():
        incoming.end(out)
    elif _whole(seen):
        await turn.settle(_outcome(seen), incoming.bytes_out + len(out))
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
    """End a begun stream with an error event, on a line of its own; one not begun is refused."""
    if not incoming.started:
        await turn.fail(error)
        refuse(incoming, dialect, error, turn.headers())
        return
    event = dialect.encode_stream_error(error)
    if incoming.bytes_out and not incoming.ends_event:
        event = b"\n\n" + event
    await turn.fail(error, incoming.bytes_out)
    incoming.end(event)


def _outcome(seen: Seen) -> Outcome:
    return "error" if seen.error else "ok"


def _whole(seen: Seen) -> bool:
    """Whether the stream said that it was done: by its marker, by a finish reason, or by an error."""
    return seen.complete or bool(seen.finish_reason) or bool(seen.error)
