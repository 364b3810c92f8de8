"""Getting one document: what comes, and why nothing does."""

import asyncio

import pytest

from http_peer import OK, Peer, with_peer
from llm_gateway.config.settings import UpstreamSettings
from llm_gateway.errors import UpstreamBroken, UpstreamFault, UpstreamTimeout, UpstreamUnreachable
from llm_gateway.upstream.document import document_at
from llm_gateway.upstream.opening import open_upstream
from pipeline_stage import closed_port


async def got(url: str, *, most: int = 100, patience: float = 5.0) -> bytes:
    upstream = open_upstream(UpstreamSettings())
    try:
        return await document_at(upstream, url, most=most, patience=patience)
    finally:
        upstream.close()


def from_peer(path: str, *answers: bytes, most: int = 100, patience: float = 5.0) -> tuple[bytes, bytes]:
    """Return what was got from a peer, and what it was asked."""
    told: list[bytes] = []

    async def scene(peer: Peer) -> None:
        url = f"http://127.0.0.1:{peer.origin.port}{path}"
        try:
            told.append(await got(url, most=most, patience=patience))
        finally:
            told.append(b"".join(peer.received))

    asyncio.run(with_peer(scene, answers))
    return told[0], told[1]


@pytest.mark.parametrize(("path", "target"), [("/a/data.json", b"/a/data.json"), ("", b"/")])
def test_a_document_is_asked_for_without_any_credential(path: str, target: bytes) -> None:
    body, asked = from_peer(path, OK)
    assert body == b"hi"
    lines = asked.split(b"\r\n")
    assert lines[0] == b"GET %b HTTP/1.1" % target
    assert sorted(line.partition(b":")[0] for line in lines[1:-2]) == [b"accept", b"accept-encoding", b"host"]


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n", "127.0.0.1 answered 404"),
        (b"HTTP/1.1 301 Moved\r\nlocation: /b\r\ncontent-length: 0\r\n\r\n", "redirect"),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 101\r\n\r\n" + b"x" * 101, "over 100 bytes"),
        (b"hello\r\n\r\n", ""),
    ],
)
def test_what_is_no_document_is_a_fault(answer: bytes, why: str) -> None:
    with pytest.raises(UpstreamFault) as fault:
        from_peer("/", answer)
    assert why in fault.value.message


def test_whoever_takes_too_long_is_left() -> None:
    with pytest.raises(UpstreamTimeout, match=r"127\.0\.0\.1 did not send it within 0\.2 seconds"):
        from_peer("/", b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhi", patience=0.2)


@pytest.mark.parametrize("url", ["ftp://a/b", "http:///b", "http://a/b?c", "http://a/ b"])
def test_what_is_no_address_is_not_asked(url: str) -> None:
    with pytest.raises(UpstreamBroken):
        asyncio.run(got(url))


def test_nobody_there_is_a_fault() -> None:
    with pytest.raises(UpstreamUnreachable):
        asyncio.run(got(f"http://127.0.0.1:{closed_port()}/"))
