"""Texts that would run if a page let them, in every field that a client, a provider or a log can set."""

import itertools
from pathlib import Path

import msgspec

import dashboard_ledger
from llm_gateway.clock import SystemClock
from llm_gateway.ledger.keys import KeyRow, insert
from llm_gateway.ledger.opening import offline
from llm_gateway.ledger.records import Attempt, Intent, Record, Settlement
from llm_gateway.ledger.rows import merge
from llm_gateway.ledger.sightings import Sighting, put

__all__ = ["CONFIG", "TEXTS", "fill"]

TEXTS = (
    "<script>window.hit=1</script>",
    "\"><img src=x onerror='window.hit=1'>",
    "' autofocus onfocus=window.hit=1 x='",
    "javascript:window.hit=1",
    "</script></textarea></title><svg onload=window.hit=1>",
    "{{ 7*7 }}{% raw %}${7*7}",
    "<iframe srcdoc='<script>parent.hit=1</script>'></iframe>",
    "]]><a href=//evil.test hx-get=//evil.test hx-trigger=load>x</a>",
    "\u202e\u2066<b onclick=window.hit=1>\x00\x1b[31m",
    "../../static/app.js?x=<script>window.hit=1</script>&y=#\"'",
)
_CYCLE = itertools.cycle(TEXTS)
_OURS = {
    # Which of a few words of ours these are is decided by the gateway.
    "id",
    "dialect",
    "operation",
    "purpose",
    "outcome",
    "counted",
    "cached_from",
    "told_by",
    "tariff",
}

_NAMES = [msgspec.json.encode(text).decode() for text in TEXTS if text.isprintable()]
_PROVIDER = """
[[providers]]
name = "hostile{0}"
base_url = "http://127.0.0.1:9"
dialects = ["chat"]
models = [{1}]
"""
_ALIASES = "\n".join(f'{name} = ["demo/echo"]' for name in _NAMES if "/" not in name)

CONFIG = f"""
{"".join(_PROVIDER.format(number, name) for number, name in enumerate(_NAMES))}
[aliases]
{_ALIASES}
"""
"""Providers whose models, and aliases whose names, are such texts."""


def fill(home: Path, count: int) -> None:
    """Put turns into a ledger, each with such a text in whatever field others can set; and all the rest."""
    clock = SystemClock()
    now = clock.now_us()
    home.mkdir(parents=True, exist_ok=True)
    with offline(home, clock, _fail) as store:
        for number, text in enumerate(TEXTS):
            key = KeyRow(
                f"key_{number}", text, bytes([number] * 32), text[-4:], now, client=text, machine=text
            )
            insert(store, msgspec.structs.replace(key, person=text))
        made = [_spoilt(record) for turn in dashboard_ledger.turns(count, now) for record in turn]
        store.apply(merge(made), 1)
        seen = [
            Sighting(text, text, "log", text, now - number, session=text, model=text, asked=text, label=text)
            for number, text in enumerate(TEXTS)
        ]
        store.write(put(seen))
        store.checkpoint()


def _fail(where: str, error: BaseException) -> None:
    raise AssertionError(where) from error


def _spoilt(record: Record) -> Record:
    match record:
        case Intent():
            key_id = f"key_{int(record.id, 16) % len(TEXTS)}"
            return msgspec.structs.replace(record, **{**_texts(record), "key_id": key_id})
        case Settlement():
            attempts = tuple(msgspec.structs.replace(each, **_texts(each)) for each in record.attempts)
            losses = tuple(next(_CYCLE) for _ in range(2))
            return msgspec.structs.replace(record, **_texts(record), attempts=attempts, losses=losses)
        case _:
            return record


def _texts(value: Intent | Settlement | Attempt) -> dict[str, object]:
    return {
        name: next(_CYCLE)
        for name in value.__struct_fields__
        if name not in _OURS and isinstance(getattr(value, name), str)
    }
