"""One request to one endpoint: its bytes, its answer, and what is not an answer."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from http_peer import OK, Peer, with_peer
from llm_gateway.errors import UpstreamBroken, UpstreamFault, UpstreamTimeout, UpstreamUnreachable
from llm_gateway.http.client import Patience
from llm_gateway.http.pool import Pool
from llm_gateway.providers.catalog import Auth
from llm_gateway.providers.endpoint import Endpoint
from llm_gateway.upstream.client import Line, Sending, Upstream
from llm_gateway.vault import Secret
from pipeline_stage import closed_port
from scripted import ScriptedUpstream, faults


def line(port: int = 80, *, auth: Auth = "bearer", secret: str | None = "sk-secret") -> Line:
    kept = None if secret is None else Secret(secret)
    return Line(Endpoint("ollama", "chat", "http", "127.0.0.1", port, "/v1", auth=auth, secret=kept))


# the bytes


@pytest.mark.parametrize(
    ("auth", "secret", "field"),
    [
        ("bearer", "sk-secret", b"authorization: Bearer sk-secret\r\n"),
        ("x-api-key", "sk-secret", b"x-api-key: sk-secret\r\n"),
        ("bearer", None, b""),
        ("none", "sk-secret", b""),
    ],
)
def test_a_request_has_its_target_its_credential_and_its_length(
    auth: Auth, secret: str | None, field: bytes
) -> None:
    made = line(8080, auth=auth, secret=secret)
    for length in (17, 0):
        assert made.post("chat/completions", b"x-a: 1\r\n", length) == (
            b"POST /v1/chat/completions HTTP/1.1\r\n"
            b"host: 127.0.0.1:8080\r\n"
            b"accept-encoding: identity\r\n"
            b"%b"
            b"x-a: 1\r\n"
            b"content-length: %d\r\n\r\n" % (field, length)
        )
    assert made.post("embeddings", b"", 0).startswith(b"POST /v1/embeddings HTTP/1.1\r\n")


@pytest.mark.parametrize(
    ("method", "length", "told"),
    [
        (b"GET", 0, b""),
        (b"DELETE", 0, b""),
        (b"DELETE", 2, b"content-length: 2\r\n"),
        (b"POST", 0, b"content-length: 0\r\n"),
        (b"PATCH", 7, b"content-length: 7\r\n"),
    ],
)
def test_a_request_may_have_any_method(method: bytes, length: int, told: bytes) -> None:
    made = line(8080, secret=None)
    assert made.request(method, "files/file-1?a=1", b"x-a: 1\r\n", length) == (
        b"%b /v1/files/file-1?a=1 HTTP/1.1\r\n"
        b"host: 127.0.0.1:8080\r\n"
        b"accept-encoding: identity\r\n"
        b"x-a: 1\r\n"
        b"%b\r\n" % (method, told)
    )


def test_a_list_is_asked_for_without_a_body() -> None:
    assert line(secret=None).get(b"/api/tags", b"anthropic-version: 1\r\n") == (
        b"GET /api/tags HTTP/1.1\r\n"
        b"host: 127.0.0.1\r\n"
        b"accept-encoding: identity\r\n"
        b"anthropic-version: 1\r\n"
        b"accept: application/json\r\n\r\n"
    )


def test_a_line_does_not_show_its_credential() -> None:
    made = line()
    made.post("chat/completions", b"", 0)
    assert repr(made) == str(made) == "Line(ollama, chat)"


# the answer


def with_upstream(
    scene: Callable[[Upstream, Pool, Peer], Awaitable[None]],
    *answers: bytes,
    patience: Patience | None = None,
) -> Peer:
    """Play a scene with a peer that gives these answers; return the peer."""
    peers: list[Peer] = []

    async def play(peer: Peer) -> None:
        peers.append(peer)
        pool = Pool(connect_timeout=5.0)
        upstream = Upstream(pool, patience or Patience(5.0, 5.0))
        try:
            await scene(upstream, pool, peer)
        finally:
            upstream.close()

    asyncio.run(with_peer(play, answers))
    return peers[0]


def test_an_answer_is_returned_when_its_head_has_come() -> None:
    async def scene(upstream: Upstream, pool: Pool, peer: Peer) -> None:
        to = line(peer.origin.port)
        answer = await upstream.send(to, to.post("embeddings", b"", 2), b"{}")
        assert (answer.status, answer.headers) == (200, [(b"content-length", b"2")])
        assert await answer.read() == b"hi"
        answer.release()

    peer = with_upstream(scene, OK)
    assert peer.received == [line(peer.origin.port).post("embeddings", b"", 2) + b"{}"]


def test_connections_are_used_again() -> None:
    async def scene(upstream: Upstream, pool: Pool, peer: Peer) -> None:
        to = line(peer.origin.port)
        for _ in range(3):
            answer = await upstream.send(to, to.get(b"/"), b"")
            assert await answer.read() == b"hi"
            answer.release()
        assert pool.open_connections == 1

    with_upstream(scene, OK, OK, OK)


@pytest.mark.parametrize("status", [b"301 A", b"302 B", b"303 C", b"307 D", b"308 E"])
def test_a_redirect_is_a_fault_and_its_connection_closes(status: bytes) -> None:
    """It would carry the credential to where nobody configured it to go."""

    async def scene(upstream: Upstream, pool: Pool, peer: Peer) -> None:
        to = line(peer.origin.port)
        with pytest.raises(UpstreamBroken, match=r"ollama.*redirect.*base_url") as fault:
            await upstream.send(to, to.get(b"/"), b"")
        assert "evil" not in fault.value.message
        await peer.left.wait()

    with_upstream(scene, b"HTTP/1.1 %b\r\nlocation: http://evil.test/\r\ncontent-length: 0\r\n\r\n" % status)


@pytest.mark.parametrize("status", [b"200 OK", b"304 Not Modified", b"404 Not Found", b"500 Oops"])
def test_any_other_status_is_an_answer(status: bytes) -> None:
    async def scene(upstream: Upstream, pool: Pool, peer: Peer) -> None:
        to = line(peer.origin.port)
        answer = await upstream.send(to, to.get(b"/"), b"")
        assert answer.status == int(status[:3])
        answer.release()

    with_upstream(scene, b"HTTP/1.1 %b\r\ncontent-length: 0\r\n\r\n" % status)


def test_a_connection_whose_answer_is_broken_is_not_kept() -> None:
    async def scene(upstream: Upstream, pool: Pool, peer: Peer) -> None:
        to = line(peer.origin.port)
        with pytest.raises(UpstreamBroken):
            await upstream.send(to, to.get(b"/"), b"")
        await peer.left.wait()
        assert pool.open_connections == 0

    with_upstream(scene, b"SSH-2.0-OpenSSH\r\n")


def test_leaving_while_an_answer_is_awaited_closes_its_connection_at_once() -> None:
    async def scene(scripted: ScriptedUpstream) -> None:
        upstream = Upstream(Pool(connect_timeout=5.0), Patience(60.0, 60.0))
        to = line(scripted.port)
        task = asyncio.create_task(upstream.send(to, to.post("embeddings", b"", 2), b"{}"))
        asked = await asyncio.to_thread(scripted.wait_asked)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await asyncio.to_thread(scripted.wait_closed, asked.connection, 2.0)
        assert asked.connection.ended_by == "peer"
        upstream.close()

    with ScriptedUpstream() as scripted:
        scripted.queue(faults.never())
        asyncio.run(scene(scripted))


def test_patience_is_that_of_the_request_or_the_usual_one() -> None:
    """Both at once: deadlines are looked at once a second."""
    short, long = Patience(0.001, 0.001), Patience(50.0, 50.0)

    async def lost(upstream: Upstream, port: int, patience: Patience | None) -> None:
        to = line(port)
        with pytest.raises(UpstreamTimeout):
            await upstream.send(to, to.get(b"/"), b"", patience)

    async def scene(patient: Upstream, pool: Pool, peer: Peer) -> None:
        port = peer.origin.port
        await asyncio.gather(lost(patient, port, short), lost(Upstream(pool, short), port, None))

    with_upstream(scene, patience=long)


def test_an_endpoint_where_nobody_listens_is_unreachable() -> None:
    async def scene(upstream: Upstream, pool: Pool, peer: Peer) -> None:
        to = line(closed_port())
        with pytest.raises(UpstreamUnreachable, match="refused"):
            await upstream.send(to, to.get(b"/"), b"")

    with_upstream(scene)


def test_closing_closes_every_connection() -> None:
    async def scene(upstream: Upstream, pool: Pool, peer: Peer) -> None:
        to = line(peer.origin.port)
        await upstream.send(to, to.get(b"/"), b"")
        upstream.close()
        await peer.left.wait()

    with_upstream(scene, OK)


def test_hurry_shortens_the_beginning_alone() -> None:
    async def scene(upstream: Upstream, pool: Pool, peer: Peer) -> None:
        hurried = upstream.hurried(2.0)
        assert (hurried.first, hurried.between, hurried.total) == (2.0, 50.0, 900.0)
        assert upstream.hurried(100.0).first == 60.0, "nobody waits longer for that"

    with_upstream(scene, patience=Patience(60.0, 50.0, 900.0))


# whether a request went out


def test_whoever_asks_learns_whether_the_request_went_out() -> None:
    async def scene(upstream: Upstream, pool: Pool, peer: Peer) -> None:
        sending = Sending()
        with pytest.raises(UpstreamBroken):
            await upstream.send(line(peer.origin.port), b"GET / HTTP/1.1\r\n\r\n", b"", None, sending)
        assert sending.gone_out and sending.connection is None

    with_upstream(scene, b"CLOSE")


def test_what_could_not_be_connected_or_is_to_go_elsewhere_has_not_gone_out() -> None:
    async def scene(upstream: Upstream, pool: Pool, peer: Peer) -> None:
        for port in (closed_port(), peer.origin.port):
            sending = Sending()
            with pytest.raises(UpstreamFault):
                await upstream.send(line(port), b"GET / HTTP/1.1\r\n\r\n", b"", None, sending)
            assert not sending.gone_out

    with_upstream(scene, b"HTTP/1.1 307 T\r\nlocation: /x\r\ncontent-length: 0\r\n\r\n")


def test_a_request_goes_out_while_it_is_waited_for() -> None:
    async def scene(upstream: Upstream, pool: Pool, peer: Peer) -> None:
        sending = Sending()
        asking = upstream.send(line(peer.origin.port), b"GET / HTTP/1.1\r\n\r\n", b"", None, sending)
        task = asyncio.ensure_future(asking)
        while not peer.received:  # noqa: ASYNC110
            await asyncio.sleep(0.001)
        assert sending.gone_out
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert sending.gone_out, "and that stays known when its connection is closed"

    with_upstream(scene)


def test_what_needs_no_connection_has_come_through_when_its_asker_says_so() -> None:
    sending = Sending()
    sending.came_through()
    assert sending.gone_out
