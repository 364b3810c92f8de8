"""A process that is no gateway has the way out that is configured."""

import asyncio

from llm_gateway.config.settings import UpstreamSettings
from llm_gateway.upstream.opening import open_upstream


def test_the_way_out_keeps_to_what_is_configured() -> None:
    async def run() -> float:
        upstream = open_upstream(UpstreamSettings(first_byte_timeout=7.0))
        first = upstream.hurried(60.0).first
        upstream.close()
        return first

    assert asyncio.run(run()) == 7.0
