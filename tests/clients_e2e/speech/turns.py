"""A turn as every dialect can say it: what the model was offered and told, what it says or calls.

Also the few steps that reading JSON of unknown shape needs. No dialect's words are here.
"""

import base64
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from scripted.script import Script, Send
from scripted.wording import LAST_CHUNK, chunk, response, stream_head

__all__ = [
    "CACHED",
    "INPUT",
    "OUTPUT",
    "SEAL",
    "Call",
    "Heard",
    "Json",
    "Said",
    "Speech",
    "Tool",
    "events",
    "first",
    "joined",
    "named_well",
    "pieces",
    "records",
    "strings",
    "whole",
]

Json = Mapping[str, object]

# What every answer says that it took: all that came in, how much of it was cached, what went out.
INPUT, CACHED, OUTPUT = 40, 8, 12
# What seals a thought; only who sees it unchanged takes the thought back.
SEAL = base64.b64encode(b"sealed by the scripted model").decode()
# What all dialects take as a tool's name.
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,63}")


@dataclass(frozen=True)
class Tool:
    """A tool as it was offered. `free` takes plain text instead of arguments."""

    name: str
    schema: Json = field(default_factory=dict)
    free: bool = False


@dataclass(frozen=True)
class Heard:
    """A request, as far as the scripted model listens: `results` are the texts of tool results.

    `refused` is why the dialect's own vendor would refuse it; "" when it would not.
    """

    model: str
    stream: bool
    tools: tuple[Tool, ...] = ()
    results: tuple[str, ...] = ()
    thinks: bool = False
    refused: str = ""
    wants_usage: bool = True


@dataclass(frozen=True)
class Said:
    """An answer in words, after a thought where the request asks for thinking."""

    text: str
    thought: str = ""


@dataclass(frozen=True)
class Call:
    """A call of a tool; `given` is the arguments, or the text for a tool that takes it free."""

    tool: Tool
    given: Json | str
    id: str
    thought: str = ""

    @property
    def arguments(self) -> str:
        """Return what the tool gets, as text."""
        return self.given if isinstance(self.given, str) else json.dumps(self.given)


@dataclass(frozen=True)
class Speech:
    """One dialect: `hear` takes the path and the body, `say` makes the script of an answer or of an error.

    `model` is the model that the upstream serves: a translator has to know what it takes.
    """

    model: str
    hear: Callable[[str, Json], Heard]
    say: Callable[[Heard, Said | Call], Script]
    refuse: Callable[[int, str], Script]


def records(value: object) -> Iterator[Json]:
    """Return the objects of a list; nothing of anything else."""
    if isinstance(value, list):
        yield from (item for item in value if isinstance(item, dict))


def strings(value: object) -> Iterator[str]:
    """Return every text inside a value, wherever it stands."""
    match value:
        case str():
            yield value
        case dict():
            for part in value.values():
                yield from strings(part)
        case list():
            for part in value:
                yield from strings(part)


def joined(value: object) -> str:
    """Return every text inside a value as one."""
    return "\n".join(strings(value))


def pieces(text: str) -> tuple[str, str]:
    """Return a text in two parts, as a stream brings it."""
    return text[: len(text) // 2], text[len(text) // 2 :]


def first(reasons: Iterator[str]) -> str:
    """Return the first of some reasons to refuse a request; "" when there is none."""
    return next(reasons, "")


def named_well(tools: Sequence[Tool]) -> Iterator[str]:
    """Return what is wrong with the names of tools."""
    names = [tool.name for tool in tools]
    yield from (f"tools.name: {name!r} is no name" for name in names if not _NAME.fullmatch(name))
    yield from (f"tools.name: {name!r} is there twice" for name in set(names) if names.count(name) > 1)


def whole(body: Json, status: int = 200) -> Script:
    """Return the script of one JSON answer."""
    return (Send(response(status, json.dumps(body).encode())),)


def events(parts: list[bytes], content_type: str = "") -> Script:
    """Return the script of a stream, a chunk for each event."""
    head = (
        stream_head()
        if not content_type
        else stream_head().replace(b"text/event-stream; charset=utf-8", content_type.encode())
    )
    return (Send(head), *(Send(chunk(part)) for part in parts), Send(LAST_CHUNK))
