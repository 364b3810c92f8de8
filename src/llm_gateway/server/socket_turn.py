"""One request that came as a message of a WebSocket, and its answer as messages: what the pipeline sees.

Server-sent events become one message each, without their `event:` line; what HTTP says in a status and in
headers stands in the first message. What a turn's answer holds is noted for the next one. Asking and
accounting are the pipeline's.
"""

import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING

import msgspec
from msgspec import Raw

from llm_gateway.dialects.contract import Dialect
from llm_gateway.errors import BodyTooLarge, GatewayError, UpstreamBroken
from llm_gateway.http.exchange import Memo
from llm_gateway.server.answered import Answered, read_response
from llm_gateway.wire.headers import Headers
from llm_gateway.wire.jsonedit import Document, MalformedJson
from llm_gateway.wire.sse import SseSplitter, event_data

if TYPE_CHECKING:
    from llm_gateway.http.websocket import WebSocket

__all__ = ["SocketTurn", "error_message"]

_ENDINGS = ("completed", "incomplete", "failed")
_TERMINAL = frozenset(("response.completed", "response.incomplete", "response.failed"))
# The status of an error inside a stream, by its code; 500 for any other one. Codex decides by it.
_STATUSES = {
    "context_length_exceeded": 400,
    "invalid_prompt": 400,
    "invalid_request_error": 400,
    "insufficient_quota": 429,
    "rate_limit_exceeded": 429,
    "server_is_overloaded": 503,
}
# They describe a body that the client does not get.
_NOT_TOLD = frozenset(("content-type", "content-length", "content-encoding", "www-authenticate", "upgrade"))

_UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
_encode = msgspec.json.encode


_members = msgspec.json.Decoder(dict[str, Raw])


class SocketTurn:
    """A request, as `Incoming`, whose answer goes to a WebSocket.

    `lane` is the JSON text of the `stream_id` that every message has to repeat, b"" where there is none.
    Afterwards `response_id` and `output` say what was answered, unless the answer failed.
    """

    __slots__ = (
        "_error",
        "_first",
        "_lane",
        "_request",
        "_socket",
        "_splitter",
        "answered",
        "bytes_out",
        "dialect",
        "ends_event",
        "headers",
        "keep_alive",
        "memo",
        "method",
        "started",
        "target",
    )

    def __init__(
        self,
        socket: "WebSocket",
        dialect: Dialect,
        request: bytes,
        headers: Headers,
        memo: Memo,
        lane: bytes = b"",
    ) -> None:
        self._socket = socket
        self._request = request
        self._lane = lane
        self._splitter = SseSplitter(sys.maxsize)  # the meter before it has a bound for events
        self._first = b""  # the members that the first message gets
        self._error = b""  # an error of the stream's, until it is known whether its end tells it, too
        self.dialect = dialect
        self.method = b"POST"
        self.target = b"/v1/responses"
        self.headers = headers
        self.memo = memo
        self.started = False
        self.bytes_out = 0
        self.ends_event = True
        self.keep_alive = False  # a WebSocket has signs of life of its own
        self.answered = Answered()

    @property
    def response_id(self) -> str:
        """Return the id of an answer that ended so that it can be gone on from, "" for any other one."""
        return self.answered.response_id

    @property
    def output(self) -> list[bytes]:
        """Return the items of the answer."""
        return self.answered.output

    # the request

    def whole(self, limit: int) -> bytes | None:
        """Return the request if it is within `limit`."""
        return self._request if len(self._request) <= limit else None

    async def body(self, limit: int) -> bytes:
        """Return the request; BodyTooLarge when it is over `limit` bytes."""
        if len(self._request) > limit:
            raise BodyTooLarge(
                f"the request with the conversation that it goes on from is over {limit} bytes "
                "(server.max_body_bytes)"
            )
        return self._request

    # the answer

    def respond(self, status: int, headers: bytes, body: bytes) -> None:
        """Send a whole answer: an error as an `error` event, an answer that came in one piece as events."""
        self.started = True
        if status < 300:
            self._first = _headers_member(headers)
            self._unfold(body)
        else:
            self._send(_error_event(self.dialect, status, headers, body))

    def begin(self, status: int, headers: bytes, first: bytes = b"") -> None:
        """Send what has come of a stream; what the headers say goes with its first event."""
        self.started = True
        self._first = _headers_member(headers)
        self.write(first)

    def write(self, data: bytes) -> None:
        """Send the events that these bytes complete."""
        splitter = self._splitter
        if splitter.is_event(data):
            self._pass(data)
        elif data:
            for event in splitter.feed(data):
                self._pass(event)

    def end(self, data: bytes = b"") -> None:
        """Send the last events, also one without the blank line that ends it."""
        self.write(data)
        if rest := self._splitter.close():
            self._pass(rest)
        if self._error:
            self._tell_error(ends=True)

    def abandon(self) -> None:
        """Give up the answer, and the socket with it."""
        self._socket.abandon()

    @property
    def blocked(self) -> bool:
        """Whether the client is slower than we are."""
        return self._socket.blocked

    async def drain(self) -> None:
        """Wait until more may be sent."""
        await self._socket.drain()

    # details

    def _pass(self, event: bytes) -> None:
        start = event.find(b"\ndata: {")
        if start > 0 and event.startswith(b"event: ") and event.find(b"\n", start + 1) == len(event) - 2:
            data = event[start + 7 : -2]
        else:
            data = event_data(event)
        if not data.startswith(b"{"):
            return  # a comment, or a marker that this dialect does not have
        if b".delta" not in data[:80]:
            kind = self.answered.note(data)
            if kind == "error":
                self._error = data
                return
            if kind in _TERMINAL and self._error:
                self._tell_error(ends=False)
        self._send(data)

    def _tell_error(self, *, ends: bool) -> None:
        """Send the error that the stream told, in the form that errors have in a WebSocket.

        Where the stream ends with it, it gets a status: to Codex one without is nothing, and it would wait
        for the end. Where `response.failed` follows, that says more than a status.
        """
        data, self._error = self._error, b""
        fields = _members.decode(data)
        failure = self.dialect.decode_error(0, data)
        status = _STATUSES.get(failure.code) or _STATUSES.get(failure.kind, 500)
        members: list[bytes] = []
        if "type" not in fields:
            members.append(b'"type":"error"')
        if ends and "status" not in fields:
            members.append(b'"status":%d' % status)
        if "error" not in fields:
            members.append(b'"error":%b' % _error_of(self.dialect, status, data))
        self._send(_joined(b",".join(members), data) if members else data)

    def _send(self, data: bytes) -> None:
        if self._first:
            if b'"headers"' not in data:
                data = _joined(self._first, data)
            self._first = b""
        if self._lane:
            data = _joined(b'"stream_id":%b' % self._lane, data)
        self.bytes_out += len(data)
        self._socket.send(data)

    def _unfold(self, body: bytes) -> None:
        """Send a whole response object as the events that a client cannot do without."""
        response, begun = read_response(body), b""
        try:
            begun = Document.parse(body).edit({"status": b'"in_progress"', "output": b"[]"})
        except MalformedJson:
            pass
        if response is None or not begun:
            error = UpstreamBroken("the upstream's answer is no response object")
            self._send(_error_event(self.dialect, error.status, b"", self.dialect.encode_error(error)))
            return
        told: list[bytes] = [b'"type":"response.created","response":%b' % begun]
        for place, item in enumerate(response.output):
            at = b'"output_index":%d,"item":%b' % (place, bytes(item))
            told.append(b'"type":"response.output_item.added",' + at)
            told.append(b'"type":"response.output_item.done",' + at)
        ending = response.status if response.status in _ENDINGS else "completed"
        told.append(b'"type":"response.%b","response":%b' % (ending.encode(), body))
        for number, members in enumerate(told):
            data = b'{%b,"sequence_number":%d}' % (members, number)
            self.answered.note(data)
            self._send(data)


def error_message(error: GatewayError, dialect: Dialect, lane: bytes = b"") -> bytes:
    """Return the message that tells of an error which kept a request from being one."""
    event = _error_event(dialect, error.status, b"", dialect.encode_error(error))
    return _joined(b'"stream_id":%b' % lane, event) if lane else event


def _error_event(dialect: Dialect, status: int, headers: bytes, body: bytes) -> bytes:
    """Return an `error` event: the error of an answer, with its status and headers as members beside it.

    Codex takes an `error` event for an HTTP answer of that status (codex-rs, responses_websocket.rs).
    """
    members = [b'"type":"error","status":%d' % status, b'"error":%b' % _error_of(dialect, status, body)]
    if told := _headers_member(headers):
        members.append(told)
    return b"{%b}" % b",".join(members)


def _joined(members: bytes, data: bytes) -> bytes:
    """Return an object with more members before its own."""
    rest = data[1:].lstrip()
    return b"{%b%b%b" % (members, b"" if rest.startswith(b"}") else b",", rest)


def _error_of(dialect: Dialect, status: int, body: bytes) -> bytes:
    for text in (body, dialect.encode_failure(dialect.decode_error(status, body))):
        try:
            error = bytes(_members.decode(text).get("error", Raw()))
        except _UNREADABLE:
            continue
        if error.startswith(b"{"):
            return error
    return b"null"


def _headers_member(lines: bytes) -> bytes:
    """Return header lines as a `headers` member, b"" where there are none."""
    fields = dict(_fields(lines))
    return b'"headers":%b' % _encode(fields) if fields else b""


def _fields(lines: bytes) -> Iterable[tuple[str, str]]:
    for line in lines.decode("latin-1").split("\r\n"):
        name, _, value = line.partition(": ")
        if name and name.lower() not in _NOT_TOLD:
            yield name.lower(), value
