"""What of a request tools have said, and what they were called with: the only places to compress.

Not what is done with them (`compression/`) and not where a dialect has them (its `slots.py`). System prompts,
tools, what models and people say, thinking and media are no slots.
"""

import re
from collections.abc import Iterable, Iterator, Sequence

import msgspec

__all__ = [
    "Called",
    "Entry",
    "Slot",
    "Slots",
    "Told",
    "arguments",
    "is_observation",
    "is_string",
    "longest",
]

_SHELLS = frozenset(
    (
        *("Bash", "BashOutput", "PowerShell"),  # Claude Code
        *("shell", "local_shell", "exec_command", "write_stdin", "exec", "unified_exec"),  # Codex
        *("bash", "read_bash", "write_bash", "powershell"),  # Copilot CLI, opencode, pi, Anthropic's own tool
        *("run_shell_command", "execute_command", "run_terminal_cmd", "run_in_terminal", "terminal"),
    )
)
"""Tools whose output a shell prints, by the names that clients give them."""

_OBSERVATIONS = (
    # SWE-agent/mini-swe-agent, src/minisweagent/config/default.yaml: action_observation_template
    (
        re.compile(rb'"<returncode>-?\d+</returncode>\\n<(?:output|warning)>\\n'),
        re.compile(rb'</output(?:_tail)?>(?:\\n)?"\Z'),
    ),
    # SWE-agent/SWE-agent, config/default_from_url.yaml: next_step_template
    (
        re.compile(rb'"'),
        re.compile(rb'\(Open file: [^"\\]*\)\\n\(Current directory: [^"\\]*\)\\nbash-\$"\Z'),
    ),
)
"""How the JSON texts of observations begin and end, of agents that hand them on as what a user says."""

_TAIL = 2_000  # bytes in which an observation's end is looked for

_text = msgspec.json.Decoder(str)
_object = msgspec.json.Decoder(dict[str, object])


class Slot(msgspec.Struct, frozen=True, gc=False):
    """A result's text as a JSON string, spelt as it came; whose it is, and whether it tells an error."""

    literal: bytes
    tool: str = ""
    error: bool = False

    @property
    def shell(self) -> bool:
        """Whether it is what a shell printed."""
        return self.tool in _SHELLS


class Called(msgspec.Struct, frozen=True, gc=False):
    """What a tool was called with: a JSON object, or a JSON string that holds one or is all there is."""

    literal: bytes
    tool: str = ""


Entry = Slot | Called


class Told(msgspec.Struct, frozen=True):
    """What one message of a request has: its calls and results, and what matters to those of others."""

    raw: bytes
    """The message as it came."""
    entries: tuple[Entry, ...] = ()
    places: tuple[int, ...] = ()
    """Where in the message the literals of its slots begin."""
    answers: bool = False
    """A model has said it."""
    marked: int | None = None
    """How many of its slots stand at or before its last mark for a provider's prompt cache, if it has one."""
    opening: tuple[bytes, ...] = ()
    """The texts in it that a person says."""
    names: tuple[tuple[str, str], ...] = ()
    """The tools that it calls, by the ids of the calls."""
    sums_up: bool = False
    """A provider has put it in the place of all that is before it."""


class Slots(msgspec.Struct, frozen=True):
    """The calls and results of a request in the order in which a model reads them."""

    body: bytes
    dialect: str
    member: str
    """Under which key of the body the messages are."""
    messages: Sequence[Told] = ()
    starts: Sequence[int] = ()
    """Where in the body the literal of each slot begins."""
    ends: Sequence[int] = ()
    """Where in the body each message ends."""
    start: int = 0
    """And where the array of the messages begins."""
    read: int = 0
    """How many of the slots a model has read: it has said something after them."""
    marked: int = 0
    """How many of the slots stand at or before the last mark for a provider's prompt cache."""

    def entries(self) -> Iterator[Entry]:
        """Return the calls and the results."""
        for message in self.messages:
            yield from message.entries

    def literals(self) -> list[bytes]:
        """Return the texts of the slots, as JSON strings."""
        return [entry.literal for entry in self.entries() if isinstance(entry, Slot)]

    @property
    def summed_up(self) -> bool:
        """Whether there are calls or results that a provider has summed up, and no model reads any more."""
        has_entries = False
        for message in self.messages:
            if message.sums_up and has_entries:
                return True
            has_entries = has_entries or bool(message.entries)
        return False

    @property
    def opening(self) -> Sequence[bytes]:
        """What a person said first, before there was any call or result."""
        for message in self.messages:
            if message.entries:
                break
            if message.opening:
                return message.opening
        return ()


def is_observation(literal: bytes) -> bool:
    """Whether the JSON string of what a user says is in the format in which an agent hands on a result."""
    if not literal.endswith((b'>"', b'>\\n"', b'$"')):
        return False
    tail = literal[-_TAIL:]
    return any(begin.match(literal) and end.search(tail) for begin, end in _OBSERVATIONS)


def longest(texts: Iterable[bytes]) -> bytes | None:
    """Return the longest JSON string: of a result in several pieces that one is a slot."""
    return max(filter(is_string, texts), key=len, default=None)


def is_string(literal: bytes) -> bool:
    """Whether a JSON value is a string."""
    return literal.startswith(b'"')


def arguments(called: Called) -> list[tuple[str, str]]:
    """Return the texts among a call's arguments, by name; what is no object goes by the name `input`."""
    try:
        if not is_string(called.literal):
            return _texts(_object.decode(called.literal))
        text = _text.decode(called.literal)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return []
    try:
        return _texts(_object.decode(text))
    except (msgspec.DecodeError, RecursionError):
        return [("input", text)]


def _texts(members: dict[str, object]) -> list[tuple[str, str]]:
    return [(name, text) for name, text in members.items() if isinstance(text, str)]
