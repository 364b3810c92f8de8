"""`smoke` and `doctor`: does a request come through, and if not, why not."""

import os
import shutil
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

import click
import msgspec

from llm_gateway.cli.context import Context, json_option, pass_context
from llm_gateway.cli.local_api import LocalApi, error_message
from llm_gateway.cli.output import DEGRADED, FAILED, OK, Stop, json_line, say
from llm_gateway.clients.fingerprints import SMOKE_CLIENT
from llm_gateway.config import Loaded
from llm_gateway.ledger.folder import Folder
from llm_gateway.server.exposure import confirmed, judge_bind

__all__ = ["doctor", "smoke"]

_PROMPT = "Say hello in one short sentence."
_MAX_TOKENS = 32
_LEAST_FREE = 200 * 1024 * 1024


class _Message(msgspec.Struct):
    content: str | None = None


class _Choice(msgspec.Struct):
    message: _Message


class _Answer(msgspec.Struct):
    choices: list[_Choice]


class _Smoke(msgspec.Struct, frozen=True):
    """What came of a smoke request."""

    caller: str
    model: str
    response: str
    tokens_in: int | None
    tokens_out: int | None
    latency_ms: float | None
    request_id: str
    visible: bool


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
        reply = api.send(
            "POST", "/v1/chat/completions", msgspec.json.encode(body), agent=SMOKE_CLIENT, timeout=timeout
        )
    except OSError as error:
        raise Stop(FAILED, f"error: no answer from {name}: {error}") from None
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
        for field in ("caller", "model", "response", "tokens_in", "tokens_out", "latency_ms"):
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
    rows = msgspec.convert(api.get("/api/dashboard/requests?limit=50")["requests"], list[dict[str, object]])
    row = next((row for row in rows if row["id"] == request_id), None)
    return msgspec.convert(
        {
            "caller": row["caller"] if row else "",
            "model": f"{row['provider']}/{row['model']}" if row else "",
            "response": " ".join(text.split()),
            "tokens_in": row["tokens_in"] if row else None,
            "tokens_out": row["tokens_out"] if row else None,
            "latency_ms": row["latency_ms"] if row else None,
            "request_id": request_id,
            "visible": row is not None,
        },
        _Smoke,
    )


def _pick(api: LocalApi) -> str:
    """Return a model that costs nothing, a real one before the demo."""
    listed = msgspec.convert(api.get("/api/dashboard/providers")["providers"], list[dict[str, object]])
    free = [
        p for p in listed if not p["metered"] and p["state"] == "ok" and p["name"] != "demo" and p["models"]
    ]
    free.sort(key=lambda provider: provider["kind"] != "local")
    if free:
        return f"{free[0]['name']}/{msgspec.convert(free[0]['models'], list[str])[0]}"
    return "demo/echo"


Finding = tuple[str, str, str]
"""How grave (ok, warning, error), what was found, and the way out."""


@click.command()
@click.option("--fix", is_flag=True, help="Mend what can be mended without a question.")
@json_option
@pass_context
def doctor(context: Context, fix: bool, as_json: bool) -> None:
    """Look at everything that can be wrong, and say what to do about it."""
    findings: dict[str, Finding] = {}
    try:
        loaded = context.load()
    except Stop as stop:
        findings["configuration"] = (
            "error",
            stop.message.splitlines()[0].removeprefix("error: "),
            "correct the file",
        )
    else:
        findings["configuration"] = ("ok", f"{loaded.file if loaded.file.exists() else 'defaults'}", "")
        if fix:
            _mend(loaded)
        checks: tuple[Callable[[Loaded], Finding], ...] = (_home, _disk, _exposure, _weights)
        findings |= {check.__name__.strip("_"): check(loaded) for check in checks}
        findings |= dict(_running(context.api_or_none()))
    if as_json:
        shown = [{"check": n, "severity": f[0], "finding": f[1], "fix": f[2]} for n, f in findings.items()]
        json_line("doctor", {"checks": shown})
    else:
        for name, (severity, text, way_out) in findings.items():
            print(f"{severity:8} {name:14} {text}")
            if way_out:
                print(f"{'':23} → {way_out}")
    worst = {finding[0] for finding in findings.values()}
    code = FAILED if "error" in worst else DEGRADED if "warning" in worst else OK
    if code:
        raise Stop(code, "")


def _home(loaded: Loaded) -> Finding:
    if not loaded.home.exists():
        return "ok", f"{loaded.home} is made at the first start", ""
    loose = [path.name for path in _private(loaded.home) if stat.S_IMODE(path.stat().st_mode) & 0o077]
    if os.name == "posix" and loose:
        return "error", f"others can read {', '.join(loose)} in {loaded.home}", "llm-gateway doctor --fix"
    return "ok", f"{loaded.home}, private", ""


def _disk(loaded: Loaded) -> Finding:
    place = next(path for path in (loaded.home, *loaded.home.parents) if path.exists())
    free = shutil.disk_usage(place).free
    if free < _LEAST_FREE:
        return "warning", f"{free // 2**20} MiB free on the disk of {place}", "make room: the ledger needs it"
    return "ok", f"{free // 2**30} GiB free", ""


def _exposure(loaded: Loaded) -> Finding:
    server = loaded.settings.server
    refusal = judge_bind(server, confirmed=confirmed(loaded.home, server), keys_on=True)
    if refusal is not None:
        return "error", str(refusal), "set server.host to 127.0.0.1"
    return "ok", f"listens on {server.host}:{server.port}", ""


def _weights(loaded: Loaded) -> Finding:
    path = loaded.settings.local.model_path
    if path and not Path(path).expanduser().is_file():
        return "error", f"local.model_path: {path} is not there", "correct the path or remove the setting"
    return "ok", path or "the model of the `local` extra, where it is installed", ""


def _running(api: LocalApi | None) -> Iterator[tuple[str, Finding]]:
    if api is None:
        yield "gateway", ("warning", "no gateway runs", "llm-gateway up")
        return
    health = api.get("/api/dashboard/health")
    yield "gateway", ("ok", f"{api.url}, version {health['version']}", "")
    if health["database"] == "connected":
        yield "ledger", ("ok", "connected", "")
    else:
        yield "ledger", ("error", str(health["database"]), "look at the gateway's log; free disk space")
    listed = msgspec.convert(api.get("/api/dashboard/providers")["providers"], list[dict[str, object]])
    for provider in listed:
        name = f"provider {provider['name']}"
        if provider["state"] in ("ok", "unknown"):
            yield name, ("ok", f"{len(msgspec.convert(provider['models'], list[str]))} models", "")
        else:
            way_out = (
                "set its key again"
                if provider["state"] == "auth_required"
                else "start it, or correct its base_url"
            )
            yield name, ("warning", f"{provider['state']}: {provider['reason']}", way_out)


def _private(home: Path) -> Iterator[Path]:
    folder = Folder(home)
    for path in (home, folder.root, *home.glob("*")):
        if path.exists() and not path.is_symlink() and path.name != "gateway.toml":
            yield path


def _mend(loaded: Loaded) -> None:
    if os.name != "posix" or not loaded.home.exists():
        return
    for path in _private(loaded.home):
        mode = stat.S_IMODE(path.stat().st_mode)
        if mode & 0o077:
            path.chmod(mode & 0o700)
            say(f"closed {path} to others")
