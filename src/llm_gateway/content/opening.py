"""Content as the configuration of a running gateway wants it. What it does is `content.py`."""

from llm_gateway.clock import Clock
from llm_gateway.config import Loaded
from llm_gateway.content.content import Content
from llm_gateway.content.safe import Where
from llm_gateway.telemetry.log import Log

__all__ = ["content_of", "where_of"]


def where_of(loaded: Loaded) -> Where:
    """Return where this configuration has content kept, under which master key, and how much of it."""
    settings = loaded.settings
    durable = settings.ledger.durability == "power"
    return Where(loaded.home, loaded.master_key_file, durable, settings.content.max_bytes)


def content_of(loaded: Loaded, clock: Clock, log: Log) -> Content:
    """Return the content of a gateway; what cannot be kept is told to its log."""

    def failed(where: str, error: BaseException) -> None:
        log.write("warning", "content cannot be kept", where=where, error=str(error))

    return Content(where_of(loaded), clock, failed, most_days=loaded.settings.content.max_days)
