"""Continue's logs: one JSON document a conversation, `sessions/<id>.json`, written anew each time.

Measured with 1.5.47. Answers have neither an id nor a time: one is told from another by its tokens and by
how many had as many before it, so that what is cut out of a conversation makes no answer new, and its time
is when the document was written. `sessions.json` beside them lists the conversations only. Not what was
said.
"""

from collections import Counter
from collections.abc import Iterator

import msgspec

from llm_gateway.clients.logs.documents import document_reader
from llm_gateway.clients.logs.reading import Log, Reader
from llm_gateway.clients.logs.values import either, name
from llm_gateway.ledger.sightings import Sighting

__all__ = ["continue_dev"]


class _Details(msgspec.Struct):
    cached_tokens: object = 0
    cache_write_tokens: object = 0
    reasoning_tokens: object = 0


class _Usage(msgspec.Struct):
    prompt_tokens: object = 0
    completion_tokens: object = 0
    prompt_tokens_details: _Details | None = None
    completion_tokens_details: _Details | None = None
    model: object = None


class _Message(msgspec.Struct):
    role: object = None
    usage: _Usage | None = None


class _Step(msgspec.Struct):
    message: _Message | None = None


class _Document(msgspec.Struct, rename="camel"):
    session_id: object = None
    history: list[_Step] = []


_document = msgspec.json.Decoder(_Document)


def _read(log: Log, document: bytes, changed_us: int) -> Iterator[Sighting]:
    if document[:64].lstrip().startswith(b"["):
        return
    told = _document.decode(document)
    session = name(told.session_id) or log.path.stem
    alike: Counter[str] = Counter()
    for step in told.history:
        message = step.message
        if message is None or message.role != "assistant" or (used := message.usage) is None:
            continue
        sent, made = used.prompt_tokens_details or _Details(), used.completion_tokens_details or _Details()
        usage = either(
            used.prompt_tokens,
            sent.cached_tokens,
            sent.cache_write_tokens,
            used.completion_tokens,
            made.reasoning_tokens,
        )
        mark = f"{session}:{usage.input}:{usage.output}"
        alike[mark] += 1
        yield Sighting(
            client=log.client,
            machine=log.machine,
            source="log",
            mark=f"{mark}:{alike[mark]}",
            at_us=changed_us,
            usage=usage,
            session=session,
            model=name(used.model),
        )


continue_dev: Reader = document_reader(_read)
