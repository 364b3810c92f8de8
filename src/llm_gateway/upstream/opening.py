"""The way out as it is configured: the connections to providers, and the patience with them."""

import ssl
from collections.abc import Callable

from llm_gateway.config.settings import UpstreamSettings
from llm_gateway.http.client import Patience
from llm_gateway.http.pool import Pool
from llm_gateway.upstream.client import Upstream

__all__ = ["open_upstream"]


def open_upstream(
    wanted: UpstreamSettings, tls: Callable[[], ssl.SSLContext] = ssl.create_default_context
) -> Upstream:
    """Return the way out; `close` is its holder's to call. `tls` says whom to trust."""
    pool = Pool(connect_timeout=wanted.connect_timeout, max_idle=wanted.max_idle_connections, tls=tls)
    return Upstream(pool, Patience(wanted.first_byte_timeout, wanted.idle_timeout, wanted.total_timeout))
