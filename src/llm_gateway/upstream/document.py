"""Get one document by its address, when its owner asks for it; nothing is fetched by itself."""

import asyncio
from typing import Literal
from urllib.parse import urlsplit

from llm_gateway.config.addresses import wrong_url
from llm_gateway.errors import UpstreamBroken, UpstreamTimeout
from llm_gateway.providers.endpoint import Endpoint
from llm_gateway.upstream.answer import read_whole
from llm_gateway.upstream.client import Line, Upstream

__all__ = ["document_at"]


async def document_at(upstream: Upstream, url: str, *, most: int, patience: float) -> bytes:
    """Return what is at an address, within so many seconds; an UpstreamFault says why not."""
    if wrong := wrong_url(url):
        raise UpstreamBroken(f"{url} {wrong}")
    parts = urlsplit(url)
    host = parts.hostname or ""
    scheme: Literal["http", "https"] = "https" if parts.scheme == "https" else "http"
    port = parts.port or (443 if scheme == "https" else 80)
    line = Line(Endpoint(host, "", scheme, host, port, "", "none"))
    try:
        async with asyncio.timeout(patience):
            answer = await upstream.send(line, line.get((parts.path or "/").encode("ascii", "replace")), b"")
            try:
                body = await read_whole(answer, most)
            finally:
                answer.release()
    except TimeoutError:
        raise UpstreamTimeout(f"{host} did not send it within {patience:g} seconds") from None
    if answer.status != 200:
        raise UpstreamBroken(f"{host} answered {answer.status}")
    return body
