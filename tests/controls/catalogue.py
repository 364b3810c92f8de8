"""The catalogue of controls: what keeps a subscription its owner's, and what is then expected.

Values only. A test says with `@pytest.mark.control("T1")` which control it is about; `make faults` runs them
all and prints this table with their results. A control may have several tests: all of them have to pass.
"""

from dataclasses import dataclass

__all__ = ["CONTROLS", "COUNTED", "Control", "Counted"]


@dataclass(frozen=True)
class Control:
    """One thing that keeps a subscription its owner's."""

    id: str
    what: str
    expected: str


@dataclass(frozen=True)
class Counted:
    """Cases that tests count with the fixture `counted`: so many have to be there.

    `needs` is what not every machine has: without it nobody counts, and that is no failure.
    """

    name: str
    what: str
    due: int
    needs: str = ""


CONTROLS: tuple[Control, ...] = (
    Control("T1", "loopback by default", "no socket that others reach; a companion has none at all"),
    Control("T2", "beyond loopback by four decisions", "only all four together start; wildcards need both"),
    Control("T3", "one Host, of ours", "sixty values; only our own exact names pass"),
    Control("T4", "no web page", "any foreign Origin or site gets 403, 421 or 401; links take no Origin"),
    Control(
        "T5", "a token in a header for every request", "no other place counts; compared in constant time"
    ),
    Control("T6", "JSON alone, and no effect of a GET", "pages send JSON; no JSONP; GET changes nothing"),
    # The design takes TLS and an Ed25519 signature of a nonce where a table of ours once said mutual TLS.
    Control(
        "T7",
        "a desktop dials out, and shows its key",
        "TLS but to loopback; a nonce is signed; tokens once, 10 min",
    ),
    Control("T8", "a key is of one machine and one gateway", "copied, or elsewhere: refused and on record"),
    Control("T9", "caps on the owner's own machine", "10,000 requests of a hostile gateway spend the cap"),
    Control("T10", "a vendor's login stays where it is", "in no answer, error, log or file of anybody else"),
    Control("T11", "a fixed list of operations", "everything else is 404; no process, no file of choice"),
    Control("T12", "the owner's own record", "one altered byte, wherever it is, is found"),
    Control("T13", "pause and revoke", "within 5 s, running streams included"),
    # There is no Unix socket whose peer could be asked for: files and tokens keep other users out.
    Control("T14", "no other user of the machine", "files 0600, looser ones refused; another user gets none"),
    Control("T15", "guesses are not listened to", "1,000 guesses, from loopback too, are locked out"),
    Control("T16", "health without a token says little", "alive, or ready, and nothing else"),
    Control("T17", "what got tighter is closed", "connections and links of before are cut off"),
    Control(
        "T18", "nothing counts twice", "what was recorded of one link opens no other, asks nothing again"
    ),
)

COUNTED: tuple[Counted, ...] = (
    Counted("bind", "ways to ask for an address (T2)", 112),
    Counted("chromium", "ways in of a web page, Chromium (T4)", 9, "Chromium"),
    Counted("firefox", "ways in of a web page, Firefox (T4)", 9, "Firefox"),
)
