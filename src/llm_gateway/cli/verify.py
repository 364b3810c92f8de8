"""`compress verify`: ask a model everything twice, as it came and compressed, and compare what it answers.

It goes over a gateway that runs, to whatever model is named: a local one costs nothing. The gateway is told
to leave both alone; what is compressed is compressed here. Nothing that was said is kept, and answers are
printed only where that is asked for.
"""

from collections.abc import Iterable, Sequence
from difflib import SequenceMatcher
from statistics import median

import click
import msgspec

from llm_gateway.canonical.events import Finished
from llm_gateway.canonical.parts import Refusal, Text, ToolCall
from llm_gateway.canonical.response import Response, fold
from llm_gateway.cli.context import Context, json_option, pass_context
from llm_gateway.cli.local_api import LocalApi, error_message
from llm_gateway.cli.output import FAILED, Stop, json_line, plain, say, table, waiting
from llm_gateway.cli.request_files import counter, requests_in
from llm_gateway.clients.fingerprints import SMOKE_CLIENT
from llm_gateway.compression.conversation import Mode
from llm_gateway.compression.files import Filed
from llm_gateway.compression.trial import tried
from llm_gateway.dialects.registry import DIALECTS
from llm_gateway.errors import UpstreamFault
from llm_gateway.server.views import RequestDetail
from llm_gateway.wire.jsonedit import Document

__all__ = ["Answer", "Pair", "verify"]

_PATHS = {
    "chat": "/v1/chat/completions",
    "responses": "/v1/responses",
    "messages": "/v1/messages",
    "gemini": "/v1beta/models/{model}:streamGenerateContent?alt=sse",
    "ollama": "/api/chat",
}
_LEFT_ALONE = {"x-llm-gateway-compression": "off", "x-llm-gateway-cache": "off"}


class Answer(msgspec.Struct, frozen=True):
    """What a model made of a request; `error` is why it made nothing of it."""

    text: str = ""
    calls: tuple[tuple[str, str], ...] = ()
    tokens_in: int | None = None
    tokens_out: int | None = None
    ttft_ms: float | None = None
    error: str = ""


class Pair(msgspec.Struct, frozen=True):
    """One request, asked as it came and compressed. `similarity` is from 0 to 1."""

    name: str
    saved_tokens: int
    equal: bool
    similarity: float
    tokens_in: tuple[int | None, int | None]
    tokens_out: tuple[int | None, int | None]
    ttft_ms: tuple[float | None, float | None]
    error: str = ""


@click.command()
@click.argument("file")
@click.option("--model", required=True, help="Who is asked: a local model costs nothing.")
@click.option("--policy", type=click.Choice(["strict", "wide"]), default="strict", help="How much goes.")
@click.option("--limit", default=20, show_default=True, type=click.IntRange(1), help="So many requests.")
@click.option("--max-tokens", default=200, show_default=True, type=click.IntRange(1), help="Of an answer.")
@click.option("--timeout", default=600.0, show_default=True, help="Seconds to wait for an answer.")
@click.option("--show", is_flag=True, help="Print answers that are not equal, too.")
@json_option
@pass_context
def verify(context: Context, /, file: str, model: str, policy: Mode, as_json: bool, **how: float) -> None:
    """Ask MODEL each request of FILE as it came and compressed, and compare the answers.

    FILE holds a body, conversations one a line, or what `llm-gateway content export` has written. Requests
    of which nothing would be sent shorter are passed over.
    """
    api = context.api()
    count, _ = counter()
    pairs: list[Pair] = []
    asked = _Asked(api, model, int(how["max_tokens"]), how["timeout"])
    for request in requests_in(file, "bash", ""):
        if len(pairs) == how["limit"]:
            break
        cut = _to_ask(request)
        trial = tried(cut, policy, count)
        if trial.saved <= 0:
            continue
        say(f"asking {model}: {request.name or file} …")
        raw = asked.answer(cut.dialect, cut.document)
        compressed = asked.answer(cut.dialect, Document.parse(trial.body))
        pairs.append(_pair(request.name or file, trial.saved, raw, compressed))
        if how["show"] and not as_json and not pairs[-1].equal:
            _print_answers(pairs[-1].name, raw, compressed)
    if not pairs:
        raise Stop(FAILED, f"error: nothing in {file} would be sent shorter, so there is nothing to compare")
    if as_json:
        json_line("compress-verify", {"model": model, "policy": policy, **_sum(pairs), "requests": pairs})
    else:
        _print(pairs)
    if all(each.error for each in pairs):
        raise Stop(FAILED, f"error: {model} answered none of them: {pairs[0].error}")


class _Asked(msgspec.Struct, frozen=True):
    """Who is asked, over which gateway, for how much."""

    api: LocalApi
    model: str
    max_tokens: int
    timeout: float

    def answer(self, dialect: str, document: Document) -> Answer:
        """Ask, streaming, at temperature 0."""
        body = document.edit(_settings(dialect, document, self.model, self.max_tokens), ("stream_options",))
        path = _PATHS[dialect].format(model=self.model)
        try:
            with waiting(f"the answer of {self.model}"):
                reply = self.api.send(
                    "POST", path, body, agent=SMOKE_CLIENT, timeout=self.timeout, more=_LEFT_ALONE
                )
        except OSError as error:
            return Answer(error=str(error))
        if reply.status != 200:
            return Answer(error=error_message(reply.body) or f"it answered {reply.status}")
        try:
            decoder = DIALECTS[dialect].decoder()
            events = [*decoder.feed(reply.body), *decoder.close()]
        except UpstreamFault as error:
            return Answer(error=str(error))
        if not any(isinstance(event, Finished) for event in events):
            return Answer(error="its answer broke off")
        return self._told(fold(events), reply.headers.get("x-llm-gateway-request-id", ""))

    def _told(self, response: Response, request_id: str) -> Answer:
        found = self.api.send("GET", f"/api/dashboard/requests/{request_id}")
        row = _details.decode(found.body).request if found.status == 200 else None
        said = [part.text for part in response.parts if isinstance(part, Text | Refusal)]
        calls = tuple((part.name, part.arguments) for part in response.parts if isinstance(part, ToolCall))
        return Answer(
            "".join(said),
            calls,
            row.tokens_in if row is not None else None,
            row.tokens_out if row is not None else None,
            row.ttft_ms if row is not None else None,
        )


def _to_ask(request: Filed) -> Filed:
    """Return a conversation up to what a model was asked last: what it said then is left out."""
    messages = list(request.slots.messages)
    while messages and messages[-1].answers:
        messages.pop()
    if len(messages) == len(request.slots.messages):
        return request
    whole = b"[%b]" % b",".join(message.raw for message in messages)
    document = Document.parse(request.document.edit({request.slots.member: whole}))
    slots = DIALECTS[request.dialect].slots(document, lambda *_: None)
    return Filed(request.name, request.dialect, document, slots)


def _settings(dialect: str, document: Document, model: str, most: int) -> dict[str, bytes]:
    """Return what a request has to say to be answered with a stream, at temperature 0, and not for long."""
    encode = msgspec.json.encode
    match dialect:
        case "gemini":
            return {"generationConfig": encode({"temperature": 0, "maxOutputTokens": most})}
        case "ollama":
            options = {"temperature": 0, "num_predict": most}
            return {"model": encode(model), "stream": b"true", "options": encode(options)}
        case "responses":
            bound = "max_output_tokens"
        case _:
            bound = "max_tokens"
    return {"model": encode(model), "stream": b"true", "temperature": b"0", bound: encode(most)}


def _pair(name: str, saved: int, raw: Answer, compressed: Answer) -> Pair:
    one, other = (f"{each.text}\n{each.calls}" for each in (raw, compressed))
    error = raw.error or compressed.error
    similarity = 0.0 if error else round(SequenceMatcher(None, one, other, autojunk=False).ratio(), 4)
    return Pair(
        name,
        saved,
        not error and one == other,
        similarity,
        (raw.tokens_in, compressed.tokens_in),
        (raw.tokens_out, compressed.tokens_out),
        (raw.ttft_ms, compressed.ttft_ms),
        error,
    )


def _sum(pairs: Sequence[Pair]) -> dict[str, object]:
    answered = [each for each in pairs if not each.error]
    return {
        "compared": len(answered),
        "failed": len(pairs) - len(answered),
        "equal": sum(each.equal for each in answered),
        "similarity": _middle(each.similarity for each in answered),
        "output_ratio": _ratio(each.tokens_out for each in answered),
        "input_ratio": _ratio(each.tokens_in for each in answered),
        "ttft_ratio": _ratio(each.ttft_ms for each in answered),
    }


def _middle(numbers: Iterable[float]) -> float | None:
    found = list(numbers)
    return round(median(found), 4) if found else None


def _ratio(pairs: Iterable[tuple[float | None, float | None]]) -> float | None:
    """Return how all that is compressed together stands to all that is not."""
    known = [(one, other) for one, other in pairs if one is not None and other is not None]
    whole = sum(one for one, _ in known)
    return round(sum(other for _, other in known) / whole, 4) if whole else None


def _print_answers(name: str, raw: Answer, compressed: Answer) -> None:
    for how, answer in (("as it came", raw), ("compressed", compressed)):
        print(f"--- {plain(name)}, {how} ---")
        print(plain(_said(answer), "\n\t"))
    print()


def _said(answer: Answer) -> str:
    """Return all that a model has answered, as one reads it."""
    return "\n".join(filter(None, (answer.error, answer.text, *(" ".join(call) for call in answer.calls))))


def _print(pairs: Sequence[Pair]) -> None:
    titles = ("REQUEST", "SAVED", "EQUAL", "SIMILAR", "IN", "SHORT", "OUT", "SHORT", "TTFT MS", "SHORT")
    rows = (
        (
            each.name,
            each.saved_tokens,
            each.error or ("yes" if each.equal else "no"),
            each.similarity,
            *each.tokens_in,
            *each.tokens_out,
            *each.ttft_ms,
        )
        for each in pairs
    )
    table(titles, rows)
    print()
    for name, value in _sum(pairs).items():
        print(f"{name.replace('_', ' '):14} {'-' if value is None else value}")


_details = msgspec.json.Decoder(RequestDetail)
