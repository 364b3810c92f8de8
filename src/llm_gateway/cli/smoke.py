"""`smoke`: does a request come through, and is it on record right after."""

import click
import msgspec

from llm_gateway.cli.context import Context, json_option, pass_context
from llm_gateway.cli.local_api import LocalApi, error_message
from llm_gateway.cli.output import FAILED, Stop, json_line, say, waiting
from llm_gateway.clients.fingerprints import SMOKE_CLIENT
from llm_gateway.server.views import ProviderView, RequestDetail

__all__ = ["smoke"]

_PROMPT = "Say hello in one short sentence."
_MAX_TOKENS = 32
_SHOWN = ("caller", "model", "response", "tokens_in", "tokens_out", "latency_ms")


class _Message(msgspec.Struct):
    content: str | None = None


class _Choice(msgspec.Struct):
    message: _Message


class _Answer(msgspec.Struct):
    choices: list[_Choice]


class _Smoke(msgspec.Struct, frozen=True):
    """What came of a smoke request."""

    response: str
    request_id: str
    caller: str = ""
    model: str = ""
    tokens_in: int | None = None
    tokens_out: int | None = None
    latency_ms: float | None = None
    visible: bool = False


@click.command()
@click.argument("model", required=False)
@click.option("--timeout", default=120.0, show_default=True, help="Seconds to wait for the answer.")
@json_option
@pass_context
def smoke(context: Context, model: str | None, timeout: float, as_json: bool) -> None:
    """Send one small request and check that its row is there; without MODEL one is picked."""
    api = context.api()
    name = model or _pick(api)
    body = {"model": name, "max_tokens": _MAX_TOKENS, "messages": [{"role": "user", "content": _PROMPT}]}
    say(f"asking {name} …")
    try:
        with waiting(f"the answer of {name}"):
            reply = api.send(
                "POST", "/v1/chat/completions", msgspec.json.encode(body), agent=SMOKE_CLIENT, timeout=timeout
            )
    except OSError as error:
        raise Stop(
            FAILED,
            f"error: no answer from {name}: {error}\nhint: `llm-gateway providers` says who can answer",
        ) from None
    if reply.status != 200:
        why = error_message(reply.body) or reply.body[:200].decode("utf-8", "replace")
        raise Stop(
            FAILED,
            f"error: {name} answered {reply.status}: {why}\nhint: `llm-gateway models` lists what is there",
        )
    result = _result(api, reply.headers.get("x-llm-gateway-request-id", ""), reply.body)
    if as_json:
        json_line("smoke", result)
    else:
        for field in _SHOWN:
            print(f"{field:12} {getattr(result, field)}")
    if not result.visible:
        raise Stop(FAILED, "error: the answer came, but its row is not in the dashboard API")
    say(f"visible in the dashboard as {result.request_id}")


def _result(api: LocalApi, request_id: str, body: bytes) -> _Smoke:
    try:
        answer = msgspec.json.decode(body, type=_Answer)
        text = answer.choices[0].message.content or ""
    except (msgspec.DecodeError, IndexError):
        text = ""
    result = _Smoke(" ".join(text.split()), request_id)
    found = api.send("GET", f"/api/dashboard/requests/{request_id}")
    if found.status != 200:
        return result
    row = msgspec.json.decode(found.body, type=RequestDetail).request
    return msgspec.structs.replace(
        result,
        caller=row.caller,
        model=f"{row.provider}/{row.model}",
        tokens_in=row.tokens_in,
        tokens_out=row.tokens_out,
        latency_ms=row.latency_ms,
        visible=True,
    )


def _pick(api: LocalApi) -> str:
    """Return a model that costs nothing, a real one before the demo."""
    listed = msgspec.convert(api.get("/api/dashboard/providers")["providers"], list[ProviderView])
    ready = (p for p in listed if p.state == "ok" and p.models and p.name != "demo")
    free = [p for p in ready if not p.metered and p.kind != "subscription"]
    free.sort(key=lambda provider: provider.kind != "local")
    return f"{free[0].name}/{free[0].models[0]}" if free else "demo/echo"
