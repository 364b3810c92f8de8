"""What the ledger is told: that a turn begins, how far it is, how it ended. And the turn as it is read back.

Not the table's rows (`rows.py`) and not the journal's framing (`frames.py`). Records are written to the
journal as arrays: new fields go to the end and have defaults, so that an older journal is still read.
"""

from typing import Literal

import msgspec

from llm_gateway.canonical.usage import Special, Usage

__all__ = [
    "WIDEST",
    "Attempt",
    "Compressed",
    "Confidence",
    "Counted",
    "Intent",
    "Money",
    "Noted",
    "Outcome",
    "Progress",
    "Purpose",
    "Record",
    "Recount",
    "Removed",
    "Settlement",
    "Turn",
    "decode",
    "encode",
    "scrub",
]

Outcome = Literal["ok", "error", "cancelled", "truncated", "interrupted"]
"""How a turn ended. `cancelled`: the client left; `truncated`: the provider's answer broke off;
`interrupted`: the gateway itself was stopped, said by the ledger at the next start."""

Purpose = Literal["request", "smoke", "demo", "playground"]

Confidence = Literal["", "high", "medium", "low"]
"""How sure an amount is. `high`: the provider's own count at a price that is stated for just this model;
`low`: a guess has part in it, or a reference that the user chose; "" where there is no amount."""

Counted = Literal["", "provider", "tokenizer", "calibrated", "bytes"]
"""Who counted the tokens: the provider; a tokenizer of ours, after the answer; their bytes, by what that
model's bytes have been so far, or by what bytes usually are. "" where nothing was used."""

WIDEST = 2**63 - 1
"""The widest integer that both SQLite's and PostgreSQL's columns hold; providers send absurd counts."""

# A scrubbed record fits a journal entry whatever was in it: (18 + 32 + 32 * 6) texts of 4 * 256 bytes.
_LONGEST_TEXT = 256
_LONGEST_LIST = 32


class Intent(msgspec.Struct, frozen=True, array_like=True, tag=1, gc=False):
    """A turn that is about to be sent upstream. `counts` is false where nothing may be called a saving."""

    id: str
    at_us: int
    key_id: str
    caller: str
    client: str
    dialect: str
    operation: str
    model_asked: str
    provider: str
    model: str
    stream: bool = False
    counts: bool = True
    purpose: Purpose = "request"
    request_bytes: int = 0
    held_nano: int = 0
    """The most that it may cost, in nanodollars, where money is limited."""
    session: str = ""
    """The conversation that it is of, as its client names it; "" where it names none."""
    label: str = ""
    """What kind of background call it is, such as `title` or `count-tokens`; "" for what a person asked."""
    told_by: str = ""
    """How its client was told: `key`, `declared`, `agent` or `session`; "" where it was not."""


class Attempt(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """One try at one endpoint; `started_us` counts from the turn's begin. `why` it was asked at its place."""

    provider: str
    endpoint: str = ""
    model: str = ""
    started_us: int = 0
    duration_us: int = 0
    reused: bool = False
    status: int = 0
    error_kind: str = ""
    request_id: str = ""
    why: str = ""
    usage: Usage | None = None
    """What it probably used, where it was not the one whose answer the client got and yet may be billed."""
    cost_nano: int | None = None
    """What that costs, in nanodollars."""
    tariff: str = ""
    """The card that this was reckoned with."""


class Removed(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """Tokens that compression took out, by the class that they would have had; `output` is what it added."""

    uncached: int = 0
    cache_read: int = 0
    cache_write: int = 0
    output: int = 0


class Compressed(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """What compression did to a request with results of tools, of which `encoded` were sent shorter.

    `before` and `after` are the sizes of the body in bytes, `tokens` about what lies between. With `shadow`
    nothing was sent shorter: it is what would have been. `why` is why not, or not more; `policy` the version
    by which what is new was encoded.
    """

    results: int
    encoded: int = 0
    before: int = 0
    after: int = 0
    tokens: int = 0
    policy: str = ""
    shadow: bool = False
    why: str = ""
    missed: int = 0
    """Tokens that the provider's prompt cache should have had and had not, with nothing that explains it."""
    counted: Counted = ""
    """By what `tokens` are told, and `error_permille` how far off that may be."""
    error_permille: int | None = None


class Money(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """How the money of a turn was reckoned: by which formula, at which cards' prices, with what result.

    Amounts are in nanodollars, None where there is no such line. `baseline_nano` is what the same work would
    have cost without any of it: the cost and the lines together, always. See `accounting.py`.
    """

    formula: int = 0
    tariff: str = ""
    """The card that the cost was reckoned with."""
    reference: str = ""
    """The card that says what an answer is worth that nobody bills."""
    confidence: Confidence = ""
    baseline_nano: int | None = None
    route_nano: int | None = None
    compression_nano: int | None = None
    prompt_cache_nano: int | None = None
    prompt_cache_ours: bool = False
    """Whether the gateway placed the marks of the provider's cache; else that line is no merit of it."""
    retried_nano: int | None = None
    """What other attempts than the one that answered probably cost: in no other amount."""


class Settlement(msgspec.Struct, frozen=True, array_like=True, tag=2):
    """How a turn ended. An empty provider or model leaves what the intent said."""

    id: str
    outcome: Outcome
    http_status: int = 0
    error_kind: str = ""
    provider: str = ""
    model: str = ""
    usage: Usage | None = None
    latency_us: int = 0
    ttft_us: int | None = None
    response_bytes: int = 0
    upstream_request_id: str = ""
    response_id: str = ""
    finish_reason: str = ""
    attempts: tuple[Attempt, ...] = ()
    losses: tuple[str, ...] = ()
    cost_nano: int | None = None
    """What it cost, in nanodollars; None where no price is known or nobody is to be paid."""
    price: str = ""
    """Where the price stands that this was reckoned with."""
    cached_from: str = ""
    """The turn whose answer this one got from the response cache, "" where it was asked for."""
    saved: Usage | None = None
    """What that answer used when it was asked for, and this turn did not."""
    saved_nano: int | None = None
    """What that would have cost now, in nanodollars; None where nobody would have been paid."""
    tier: str = ""
    """The service tier that answered, as the provider names it; "" for the usual one."""
    counted: Counted = ""
    error_permille: int | None = None
    """How far off the count may be, where the provider did not count: nine of ten are within it."""
    removed: Removed | None = None
    money: Money | None = None
    compressed: Compressed | None = None


class Progress(msgspec.Struct, frozen=True, array_like=True, tag=3, gc=False):
    """How far a turn that runs has come: what the answer brought so far, in bytes of content.

    It is what is known of the turn should the gateway be killed before its end.
    """

    id: str
    content_bytes: int


class Recount(msgspec.Struct, frozen=True, array_like=True, tag=4):
    """A better count of a turn that has ended: of what its provider did not count, or of what was removed.

    It is all that the turn says from then on; what it says nothing of was not counted better.
    """

    id: str
    usage: Usage
    counted: Counted
    error_permille: int | None
    cost_nano: int | None = None
    money: Money | None = None
    removed: Removed | None = None
    compressed: Compressed | None = None


class Noted(msgspec.Struct, frozen=True, array_like=True, tag=5, gc=False):
    """A card of prices, put on record before the first turn that it priced. `id` is the card's."""

    id: str
    text: str


Record = Intent | Settlement | Progress | Recount | Noted


class Turn(msgspec.Struct, frozen=True):
    """A turn as it stands; without a settlement it still runs."""

    intent: Intent
    settlement: Settlement | None = None

    @property
    def running(self) -> bool:
        """Return whether its end is still to come."""
        return self.settlement is None


_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(Intent | Settlement | Progress | Recount | Noted)


encode = _ENCODER.encode
"""Return a record as the bytes of a journal entry."""


def decode(payload: bytes) -> Record:
    """Return the record of a journal entry; raise msgspec.DecodeError for anything else."""
    record: Record = _DECODER.decode(payload)
    return record


def scrub(record: Record) -> Record:
    """Return the record with what cannot be kept put right: lone surrogates, huge integers, endless text.

    Only what hostile input leads to comes here; the turn is accounted all the same.
    """
    changes = {name: _scrubbed(getattr(record, name)) for name in record.__struct_fields__}
    return msgspec.structs.replace(record, **changes)


def _scrubbed(value: object) -> object:
    match value:
        case bool() | None:
            return value
        case int():
            return max(min(value, WIDEST), -WIDEST)
        case str():
            return value[:_LONGEST_TEXT].encode("utf-8", "replace").decode()
        case tuple():
            return tuple(_scrubbed(item) for item in value[:_LONGEST_LIST])
        case Attempt() | Usage() | Special() | Removed() | Money() | Compressed():
            changes = {name: _scrubbed(getattr(value, name)) for name in value.__struct_fields__}
            return msgspec.structs.replace(value, **changes)
        case _:
            return value
