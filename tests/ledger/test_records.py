"""Records go to the journal and come back; what no database holds is put right."""

import msgspec
import pytest

from ledger_samples import intent, settlement
from llm_gateway.canonical.usage import Usage
from llm_gateway.ledger.frames import LONGEST
from llm_gateway.ledger.records import Attempt, Intent, Record, Settlement, Turn, decode, encode, scrub


@pytest.mark.parametrize("record", [intent("a"), settlement("a"), Settlement("a", "cancelled")])
def test_a_record_comes_back_as_it_was(record: Record) -> None:
    assert decode(encode(record)) == record


def test_what_is_no_record_is_refused() -> None:
    with pytest.raises(msgspec.DecodeError):
        decode(b"\x93\x01\x02\x03")


def test_a_record_of_an_earlier_version_is_read() -> None:
    """Fields are added at the end: here the size, the hold and what follows did not exist yet."""
    tag, *values = msgspec.msgpack.decode(encode(intent("a")))
    assert decode(msgspec.msgpack.encode([tag, *values[:-6]])) == intent("a", request_bytes=0, held_nano=0)


def test_a_turn_without_a_settlement_runs() -> None:
    assert Turn(intent("a")).running
    assert not Turn(intent("a"), settlement("a")).running


def test_scrubbing_changes_nothing_that_can_be_kept() -> None:
    assert scrub(intent("a")) == intent("a")
    assert scrub(settlement("a")) == settlement("a")


def test_scrubbing_puts_right_what_cannot_be_encoded() -> None:
    record = intent("a", model_asked="\ud800x", request_bytes=2**70)
    assert scrub(record) == intent("a", model_asked="?x", request_bytes=2**63 - 1)
    absurd = settlement("a", usage=Usage(-(2**90), output=2**90), attempts=(Attempt("\udfff", status=2**80),))
    scrubbed = scrub(absurd)
    assert isinstance(scrubbed, Settlement)
    assert scrubbed.usage == Usage(1 - 2**63, output=2**63 - 1)
    assert scrubbed.attempts == (Attempt("?", status=2**63 - 1),)


def test_a_scrubbed_record_fits_an_entry() -> None:
    endless = "\U0001f600" * 100_000
    texts = {
        name: endless for name in Intent.__struct_fields__ if isinstance(getattr(intent("a"), name), str)
    }
    assert len(encode(scrub(Intent(**(msgspec.structs.asdict(intent("a")) | texts))))) <= LONGEST
    attempt = Attempt(endless, endless, endless, error_kind=endless, request_id=endless)
    fat = settlement("a", error_kind=endless, attempts=(attempt,) * 100, losses=(endless,) * 100)
    assert len(encode(scrub(fat))) <= LONGEST
