"""A connection reads what is valid, refuses the rest, keeps its deadlines and notices who left."""

import asyncio

import pytest

from http_loop import Stage, echo, on_stage
from llm_gateway.http.exchange import Exchange
from llm_gateway.http.limits import Limits

HOST = b"Host: 127.0.0.1\r\n"
CLOSE = b"Connection: close\r\n"


def post(body: bytes, extra: bytes = b"") -> bytes:
    """Return a POST that closes."""
    return b"POST /x HTTP/1.1\r\n%b%bContent-Length: %d\r\n%b\r\n%b" % (HOST, CLOSE, len(body), extra, body)


@pytest.mark.parametrize("pieces", [0, 1, 7])
def test_a_request_is_read_at_any_split_of_its_bytes(pieces: int) -> None:
    answer = on_stage(lambda stage: stage.say(post(b"hello"), pieces=pieces), echo)
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    assert answer.endswith(b"POST /x hello")


def test_a_chunked_body_is_joined() -> None:
    data = (
        b"POST / HTTP/1.1\r\n"
        + HOST
        + CLOSE
        + b"Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n"
    )
    assert on_stage(lambda stage: stage.say(data, pieces=3), echo).endswith(b"POST / abc")


def test_pipelined_requests_are_answered_in_order() -> None:
    one = b"GET /1 HTTP/1.1\r\n" + HOST + b"\r\n"
    two = b"GET /2 HTTP/1.1\r\n" + HOST + CLOSE + b"\r\n"
    answer = on_stage(lambda stage: stage.say(one + two), echo)
    assert answer.count(b"HTTP/1.1 200") == 2
    assert answer.index(b"GET /1") < answer.index(b"GET /2")


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"GET / HTTP/1.1\r\n\r\n", b"invalid_request"),
        (b"GET / HTTP/1.1\r\n" + HOST + HOST + b"\r\n", b"invalid_request"),
        (b"GET http://a/ HTTP/1.1\r\n" + HOST + b"\r\n", b"invalid_request"),
        (
            b"POST / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
            b"invalid_request",
        ),
        (b"POST / HTTP/1.0\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", b"invalid_request"),
        (b"GET / HTTP/1.1\r\n" + HOST + b"X: " + b"a" * 5000 + b"\r\n\r\n", b"headers_too_large"),
        (b"GET / HTTP/1.1\r\n" + HOST + b"X: " + b"a" * 9000, b"headers_too_large"),
        (b"GET / HTTP/1.1\r\n" + HOST + b"X: y\r\n" * 40 + b"\r\n", b"headers_too_large"),
        (b"GET /" + b"a" * 1200 + b" HTTP/1.1\r\n" + HOST + b"\r\n", b"uri_too_long"),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"invalid_request"),
    ],
)
def test_what_is_not_a_request_is_refused_and_the_connection_closed(data: bytes, kind: bytes) -> None:
    limits = Limits(max_head_bytes=4096, max_headers=32, max_target_bytes=1024)
    answer = on_stage(lambda stage: stage.say(data, pieces=1500), echo, limits)
    assert answer.startswith(b"HTTP/1.1 4")
    assert b"connection: close" in answer
    assert answer.endswith(kind)


def test_a_bad_request_behind_a_good_one_does_not_cost_the_good_one_its_answer() -> None:
    good = b"GET /good HTTP/1.1\r\n" + HOST + b"\r\n"
    answer = on_stage(lambda stage: stage.say(good + b"GET / HTTP/1.1\r\n\r\n"), echo)
    assert answer.startswith(b"HTTP/1.1 200")
    assert answer.count(b"HTTP/1.1") == 1


def test_a_body_that_breaks_off_its_framing_is_refused_by_its_handler() -> None:
    data = b"POST / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n"
    answer = on_stage(lambda stage: stage.say(data, pieces=40), echo)
    assert answer.startswith(b"HTTP/1.1 400")


def test_a_body_over_the_limit_is_refused_before_it_is_read() -> None:
    data = b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 9000000\r\n\r\n" + b"a" * 300_000
    answer = on_stage(lambda stage: stage.say(data), echo)
    assert answer.startswith(b"HTTP/1.1 413")


def test_a_client_that_asks_for_leave_gets_it_before_it_sends_the_body() -> None:
    async def play(stage: Stage) -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", stage.port)
        writer.write(
            b"POST / HTTP/1.1\r\n" + HOST + CLOSE + b"Expect: 100-continue\r\nContent-Length: 2\r\n\r\n"
        )
        leave = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)
        assert leave == b"HTTP/1.1 100 Continue\r\n\r\n"
        writer.write(b"ok")
        answer = await asyncio.wait_for(reader.read(), 5)
        writer.close()
        return answer

    assert on_stage(play, echo).endswith(b"POST / ok")


@pytest.mark.parametrize(
    "sent",
    [b"", b"GET / HTTP/1.1\r\nHost: 127", b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 5\r\n\r\nab"],
)
def test_whoever_sends_too_slowly_is_closed(sent: bytes) -> None:
    limits = Limits(header_timeout=0.1, body_timeout=0.1, idle_timeout=0.1)
    answer = on_stage(lambda stage: stage.say(sent), echo, limits)
    assert answer == b"" if not sent else answer.startswith(b"HTTP/1.1 408")


def test_a_client_that_leaves_cancels_its_handler() -> None:
    cancelled: list[float] = []

    async def endless(exchange: Exchange) -> None:
        exchange.begin(200, b"content-type: text/event-stream\r\n", b"data: 1\n\n")
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            cancelled.append(asyncio.get_running_loop().time())
            raise

    async def play(stage: Stage) -> float:
        reader, writer = await asyncio.open_connection("127.0.0.1", stage.port)
        writer.write(b"GET / HTTP/1.1\r\n" + HOST + b"\r\n")
        await reader.readuntil(b"data: 1\n\n")
        left = asyncio.get_running_loop().time()
        writer.close()
        for _ in range(500):
            if cancelled:
                break
            await asyncio.sleep(0.002)
        return cancelled[0] - left

    assert on_stage(play, endless) < 0.1


def test_a_client_that_only_stops_sending_is_still_answered() -> None:
    async def slow(exchange: Exchange) -> None:
        exchange.begin(200, b"content-type: text/event-stream\r\n", b"data: 1\n\n")
        await asyncio.sleep(0.1)
        exchange.end(b"data: 2\n\n")

    async def play(stage: Stage) -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", stage.port)
        writer.write(b"GET / HTTP/1.1\r\n" + HOST + b"\r\n")
        writer.write_eof()
        answer = await asyncio.wait_for(reader.read(), 5)
        writer.close()
        return answer

    answer = on_stage(play, slow)
    assert b"data: 2" in answer
    assert answer.endswith(b"0\r\n\r\n")


def test_a_reader_that_stops_makes_the_writer_wait_and_is_cut_at_last() -> None:
    wrote: list[int] = []
    ended: list[BaseException] = []

    async def pour(exchange: Exchange) -> None:
        exchange.begin(200, b"")
        try:
            for number in range(10_000):
                exchange.write(b"x" * 65536)
                wrote.append(number)
                if exchange.blocked:
                    await exchange.drain()
        except BaseException as error:
            ended.append(error)
            raise

    async def play(stage: Stage) -> None:
        _, writer = await asyncio.open_connection("127.0.0.1", stage.port, limit=1024)
        writer.write(b"GET / HTTP/1.1\r\n" + HOST + b"\r\n")
        for _ in range(600):
            if ended:
                break
            await asyncio.sleep(0.01)
        writer.close()

    on_stage(play, pour, Limits(write_timeout=0.2))
    assert len(wrote) < 200
    assert isinstance(ended[0], asyncio.CancelledError)


def test_an_old_client_gets_an_answer_that_ends_with_the_connection() -> None:
    async def stream(exchange: Exchange) -> None:
        exchange.begin(200, b"")
        exchange.end(b"data")

    answer = on_stage(lambda stage: stage.say(b"GET / HTTP/1.0\r\n" + HOST + b"\r\n"), stream)
    assert b"transfer-encoding" not in answer
    assert answer.endswith(b"\r\n\r\ndata")


def test_an_upgrade_that_nobody_takes_is_answered_as_a_plain_request() -> None:
    data = post(b"abc", b"Upgrade: h2c\r\n").replace(b"Connection: close", b"Connection: Upgrade")
    assert on_stage(lambda stage: stage.say(data), echo).endswith(b"POST /x abc")
