"""Usage as servers of this dialect tell it, once or several times. In what words we tell it: `usage.py`.

platform.claude.com, "Messages" and "Streaming messages": cached tokens stand beside `input_tokens`, thinking
is a part of `output_tokens`; what a `message_delta` tells is cumulative. "Prompt caching": what is written
to a cache is told once in whole and once by how long it is kept. "Service tiers" and "Fast mode" say at what
price; where inference ran (`inference_geo`) is not read.
"""

import msgspec
from msgspec import Raw

from llm_gateway.canonical.counts import Told, added, count, member, normal
from llm_gateway.canonical.tiers import tier_of
from llm_gateway.canonical.usage import Usage

__all__ = ["Tally"]


class _Told(msgspec.Struct, gc=False):
    """The `usage` member. Servers differ in the types of members, too."""

    input_tokens: object = None
    cache_read_input_tokens: object = None
    cache_creation_input_tokens: object = None
    cache_creation: object = None
    output_tokens: object = None
    output_tokens_details: object = None
    server_tool_use: object = None
    service_tier: object = None
    speed: object = None
    iterations: object = None


_UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
_told = msgspec.json.Decoder(_Told)

# What is not in the counts on top (platform.claude.com, "Compaction", "Advisor tool").
_ASIDE = ("compaction", "advisor_message")


class Tally:
    """What one answer used, as far as it was told: counts are cumulative, so that the last ones count.

    `tier` is the service tier that it was made at, "" for the usual one.
    """

    __slots__ = (
        "_aside",
        "_kept_1h",
        "_kept_5m",
        "_output",
        "_read",
        "_reasoning",
        "_searches",
        "_uncached",
        "_write",
        "tier",
    )

    def __init__(self) -> None:
        self._uncached = self._read = self._write = self._output = self._reasoning = 0
        self._kept_5m = self._kept_1h = self._searches = 0
        self._aside: Usage | None = None
        self.tier = ""

    def take(self, raw: Raw) -> bool:
        """Take in a `usage` member; return whether it told anything."""
        if len(raw) < 5:  # absent, null, or too short to hold a count
            return False
        try:
            told = _told.decode(raw)
        except _UNREADABLE:
            return False
        uncached, read = count(told.input_tokens), count(told.cache_read_input_tokens)
        write, output = self._written(told), count(told.output_tokens)
        if uncached or read or write:  # only zeros: a server that counts what goes in at another place
            self._uncached = self._uncached if uncached is None else uncached
            self._read = self._read if read is None else read
            self._write = self._write if write is None else write
        self._output = self._output if output is None else output
        if isinstance(told.output_tokens_details, dict):
            self._reasoning = member(told.output_tokens_details, "thinking_tokens")
        if told.server_tool_use is not None:
            self._searches = member(told.server_tool_use, "web_search_requests")
        if told.service_tier is not None or told.speed is not None:
            self.tier = tier_of(told.service_tier) or tier_of(told.speed)
        if told.iterations is not None:
            self._aside = _aside(told.iterations)
        return True

    def usage(self) -> Usage | None:
        """Return what was used; None where nobody counted: a server that does not says 0."""
        uncached, read, write, output = self._uncached, self._read, self._write, self._output
        kept_1h = self._kept_1h
        if kept_1h and not self._kept_5m:
            kept_1h = write  # more was written than when it was told for how long: in the same way
        aside = self._aside
        if kept_1h or self._searches:
            told = Told(uncached, output, read, write, kept_1h, self._reasoning, searches=self._searches)
            usage = normal(told, caching="beside", reasoning="inside")
        else:  # nearly every answer
            usage = Usage(uncached, read, write, output, min(self._reasoning, output))
        if aside is not None:
            usage = added(usage, aside)
        return usage if usage.total else None

    def _written(self, told: _Told) -> int | None:
        """Return the tokens written to the cache: one sum, or the parts by how long they are kept."""
        whole = count(told.cache_creation_input_tokens)
        if not isinstance(told.cache_creation, dict):
            return whole
        kept_5m = member(told.cache_creation, "ephemeral_5m_input_tokens")
        kept_1h = member(told.cache_creation, "ephemeral_1h_input_tokens")
        if kept_5m or kept_1h:
            self._kept_5m, self._kept_1h = kept_5m, kept_1h
        return max(whole or 0, kept_5m + kept_1h)


def _aside(iterations: object) -> Usage | None:
    """Return what was used beside the answer."""
    sum_: Usage | None = None
    for each in iterations if isinstance(iterations, list) else ():
        if isinstance(each, dict) and each.get("type") in _ASIDE:
            told = Told(
                sent=member(each, "input_tokens"),
                made=member(each, "output_tokens"),
                read=member(each, "cache_read_input_tokens"),
                write=member(each, "cache_creation_input_tokens"),
                write_1h=member(each.get("cache_creation"), "ephemeral_1h_input_tokens"),
            )
            usage = normal(told, caching="beside", reasoning="inside")
            sum_ = usage if sum_ is None else added(sum_, usage)
    return sum_
