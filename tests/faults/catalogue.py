"""The catalogue of faults: what may go wrong, and what is then expected of the gateway.

Values only. A test says with `@pytest.mark.fault("U1")` which fault it is about; `make faults` runs them all
and prints this table with their results. A fault may have several tests: all of them have to pass.
"""

from dataclasses import dataclass

__all__ = ["FAULTS", "LEFT_OUT", "Fault"]


@dataclass(frozen=True)
class Fault:
    """One kind of fault."""

    id: str
    what: str
    expected: str


FAULTS: tuple[Fault, ...] = (
    Fault("U1", "refuses the connection", "next target within 50 ms, else 502 with a stable code"),
    Fault(
        "U2", "name does not resolve, or slowly", "next target or 502, after 5 s at most; nobody else waits"
    ),
    Fault("U3", "accepts, never answers", "deadline, then next target or 504; connection closed, settled"),
    Fault("U4", "hangs in mid-stream", "comments until the deadline, then an error event; accounted"),
    Fault("U5", "resets in mid-stream", "error event, never a clean end, never asked again"),
    Fault("U6", "ends without its last event", "error event, on record as truncated"),
    Fault("U7", "malformed server-sent events", "read as the HTML standard says; passed untouched"),
    Fault("U8", "odd line separators in data", "delivered byte for byte"),
    Fault("U9", "UTF-8 cut anywhere, or invalid", "byte for byte; the account tolerates it"),
    Fault("U10", "truncated JSON in event or body", "passes on the same dialect; an error when translated"),
    Fault("U11", "giant event", "an error at 16 MiB; memory stays below twice that"),
    Fault("U12", "429 with any Retry-After", "fails over; what the client is told is sound"),
    Fault("U13", "500, 502, 503, 529, HTML pages", "mapped, 64 KiB of it; fails over; few more attempts"),
    Fault("U14", "401 or 403 from a provider", "says what to do, is not hammered"),
    Fault("U15", "redirects", "not followed, 502; the credential goes nowhere"),
    Fault("U16", "packing bomb, wrong encoding header", "asked for plain; bounded, 502"),
    Fault("U17", "slow drip", "ended by a deadline; others are unaffected"),
    Fault("U18", "wrong Content-Length, or both framings", "502, the connection is not used again"),
    Fault("U19", "early answer, 100, 103, 204", "the right answer, and the next one is right, too"),
    Fault("U20", "header flood, giant or split header", "502"),
    Fault("U21", "TLS: expired, wrong name, self-signed, stalled", "502 names the cause; never plain"),
    Fault("U22", "usage missing, twice, absurd", "estimated and flagged; never negative, never absurd"),
    Fault("U23", "kept connection closed at its reuse", "at most one more attempt, and none after a byte"),
    Fault("U24", "content that looks like the end of a stream", "stays content"),
    Fault("C1", "client leaves", "upstream let go within 100 ms, tokens accounted"),
    Fault("C2", "client stops sending only", "answered to the end"),
    Fault("C3", "client stops reading", "at most 4 MiB each; cut at the deadline"),
    Fault("C4", "slow header, slow body, silence", "408 or a close at the deadline"),
    Fault("C5", "oversized, lying or endless body", "413 early, connection closed"),
    Fault("C6", "nesting from 10 to 5,000,000", "400 in no time, or passed; nothing breaks"),
    Fault("C7", "odd JSON", "as the table says"),
    Fault("C8", "smuggling and header injection", "4xx and a close"),
    Fault(
        "C9",
        "10,000 idle and half-sent connections",
        "at most 12 KiB each; others are answered; bounded by address",
    ),
    Fault("C10", "storm of connects, TLS and junk", "no growth, alive"),
    Fault("C11", "storm of wrong keys", "401 without the database; others are answered"),
    Fault("C12", "malformed WebSocket frames", "closed with 1002 or 1007"),
    Fault(
        "P1",
        "SIGTERM under streams",
        "nobody is let in; answers finish, or end with an error at 30 s; exit 0",
    ),
    Fault("P2", "second SIGTERM or SIGINT", "cut at once, in order, settled; exit 0"),
    Fault("P3", "SIGKILL at any instant", "nothing answered is missing, nothing corrupt"),
    Fault("P4", "SIGSTOP, then SIGCONT", "goes on, no false timeouts"),
    Fault("P5", "out of memory", "sheds what is too much; nothing answered is missing"),
    Fault("P6", "disk full", "paid keys get 503 with a code, the rest goes on; recovers by itself"),
    Fault("P7", "write error at the k-th call", "as a full disk; no crash, no half record"),
    Fault("P8", "slow sync", "5 s at most, then as a full disk; nothing is lost"),
    Fault("P9", "database locked by somebody else", "answers go on; a second gateway does not start"),
    Fault("P10", "database damaged, gone, read-only", "does not start, and says what helps"),
    Fault("P11", "PostgreSQL down or slow", "answers go on from what is known"),
    Fault("P12", "Redis down", "local shares of the limits"),
    Fault("P13", "clock jumps", "durations and the order of ids stand"),
    Fault("P14", "bad configuration at a reload", "the old one stays, the error is visible"),
    Fault("P15", "reloads and restarts under load", "no request fails"),
    Fault("P16", "older or newer schema, crash in a migration", "copied and upgraded, refused, resumed"),
    Fault("P17", "port in use, no permission, read-only home", "exact message, exit code"),
    Fault("P18", "log blocked or full", "answers go on"),
    Fault("P19", "no file descriptors left", "streams live, recovers"),
    Fault("P20", "event loop blocked", "its stack is logged, liveness fails"),
    Fault("P21", "token refresh races, fails, crashes", "single flight, atomic save"),
    Fault("B1", "a bridge's machine is gone", "unreachable within 5 s, with since when; others answer on"),
    Fault("B2", "another protocol or version", "version_mismatch, and which one to upgrade"),
    Fault("B3", "certificate wrong, expired, somebody's own", "no link, the cause is named; never plain"),
    Fault(
        "B4", "the link flaps every second", "dials again later and later, not in step; answers in between"
    ),
    Fault("B5", "laptop sleeps in mid-stream", "error event within 5 s, settled; answers when it wakes"),
    Fault("B6", "two bridges of one name", "the first keeps it, the second is name@machine"),
    Fault("B7", "answer without end", "cut by size or time; memory stays bounded on both machines"),
    Fault("B8", "replayed handshake or request", "not let in; the link ends, nothing is asked twice"),
    Fault("B9", "vendor's login has ended", "auth_required with what helps, in one notice"),
    Fault("B10", "vendor changes its wire format", "never a half answer as a whole one; says what is odd"),
)

LEFT_OUT: dict[str, str] = {
    "P11": "there is no PostgreSQL mode yet",
    "P12": "there is no shared state in Redis yet",
}
"""Faults that cannot happen, because what they break is not part of the product yet."""
