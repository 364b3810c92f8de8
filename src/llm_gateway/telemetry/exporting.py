"""What is told of a turn to collectors, and who exports it; OpenTelemetry's own library is in `otel.py`.

That library is an extra and is loaded only where an export is wanted. Values here are plain: what a turn is
and which names the conventions have for it is known to whoever tells it.
"""

import importlib
import importlib.util
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol
from urllib.parse import unquote, urlsplit

import msgspec

from llm_gateway.config.telemetry import OtlpSettings
from llm_gateway.errors import ConfigError
from llm_gateway.telemetry.log import Log
from llm_gateway.vault import read_private

__all__ = ["Attribute", "Exporter", "Measures", "SpanTold", "Target", "Told", "open_exporter", "targets"]

Attribute = str | bool | int | float | tuple[str, ...]
_ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"
_EXTRA = "pip install 'llm-gateway-server[otel]'"


class SpanTold(msgspec.Struct, frozen=True):
    """One span: when it was, its name, and what is known of it. `error` is its kind, "" where all is well."""

    name: str
    start_ns: int
    end_ns: int
    attributes: Mapping[str, Attribute]
    error: str = ""


class Measures(msgspec.Struct, frozen=True):
    """What of a turn is counted; None is what nobody knows. `labels` are the attributes of every metric."""

    labels: Mapping[str, Attribute]
    seconds: float
    error: str = ""
    tokens_in: int | None = None
    tokens_out: int | None = None
    ttft_s: float | None = None
    cost_usd: float | None = None


class Told(msgspec.Struct, frozen=True):
    """A turn that has ended: its span, those of its attempts, and its measures, None where it is not one."""

    turn: SpanTold
    attempts: tuple[SpanTold, ...]
    measures: Measures | None


class Exporter(Protocol):
    """Whoever exports. Telling costs no waiting: what is too much is dropped, and counted."""

    def tell(self, told: Told) -> None:
        """Take a turn to be exported."""
        ...

    def missed(self, count: int) -> None:
        """Take note that so many turns were not even told."""
        ...

    def gauges(self) -> dict[str, Callable[[], float]]:
        """Return what is to be shown of it, by the name of the metric."""
        ...

    async def close(self) -> None:
        """Export what waits, if that can be done in a moment."""
        ...


class Target(msgspec.Struct, frozen=True):
    """Where one kind of signal goes, and with which headers."""

    url: str
    headers: dict[str, str]


def open_exporter(
    settings: OtlpSettings, environ: Mapping[str, str], own_port: int, log: Log
) -> Exporter | None:
    """Return who exports, None where nothing is to be; ConfigError says why it cannot be done."""
    wanted = targets(settings, environ, own_port)
    if not wanted:
        return None
    if not _installed():
        if not settings.endpoint:
            # The variable is for every program that is started here: this one just cannot heed it.
            log.write("warning", f"{_ENDPOINT} is not heeded: {_EXTRA} installs what it takes")
            return None
        raise ConfigError(f"telemetry.otlp.endpoint: OpenTelemetry is not installed: {_EXTRA}")
    make: Callable[[Mapping[str, Target], Log], Exporter] = importlib.import_module(
        "llm_gateway.telemetry.otel"
    ).OtelExporter
    return make(wanted, log)


def targets(settings: OtlpSettings, environ: Mapping[str, str], own_port: int) -> dict[str, Target]:
    """Return where `traces` and `metrics` go; none where nothing is to be exported."""
    if environ.get("OTEL_SDK_DISABLED", "").lower() == "true":
        return {}
    headers = _headers(settings, environ)
    found: dict[str, Target] = {}
    for signal, wanted in (("traces", settings.traces), ("metrics", settings.metrics)):
        off = environ.get(f"OTEL_{signal.upper()}_EXPORTER", "") == "none"
        url, where = _url(settings, environ, signal)
        if not wanted or off or not url:
            continue
        _check(url, where, own_port)
        own = _pairs(environ.get(f"OTEL_EXPORTER_OTLP_{signal.upper()}_HEADERS", ""))
        found[signal] = Target(url, {**headers, **own})
    return found


def _url(settings: OtlpSettings, environ: Mapping[str, str], signal: str) -> tuple[str, str]:
    """Return the whole URL for a signal, and which setting it is from."""
    own = f"OTEL_EXPORTER_OTLP_{signal.upper()}_ENDPOINT"
    if settings.endpoint:
        return _below(settings.endpoint, signal), "telemetry.otlp.endpoint"
    if own in environ:
        return environ[own], own
    shared = environ.get(_ENDPOINT, "")
    return (_below(shared, signal) if shared else ""), _ENDPOINT


def _below(base: str, signal: str) -> str:
    return f"{base.rstrip('/')}/v1/{signal}"


def _check(url: str, where: str, own_port: int) -> None:
    # First of all: what else may be wrong is told with the URL.
    if "@" in (url.partition("://")[2] or url).partition("/")[0]:
        raise ConfigError(f"{where}: the URL holds a user or a password; use telemetry.otlp.headers_file")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise ConfigError(f"{where}: {url!r} is not a URL: {error}") from None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ConfigError(f"{where}: {url!r} is not a URL of a collector, such as http://127.0.0.1:4318")
    if parts.hostname in ("127.0.0.1", "localhost", "::1") and port == own_port and own_port:
        raise ConfigError(f"{where}: {url} is this gateway itself, which would export for ever")


def _headers(settings: OtlpSettings, environ: Mapping[str, str]) -> dict[str, str]:
    if not settings.headers_file:
        return _pairs(environ.get("OTEL_EXPORTER_OTLP_HEADERS", ""))
    path = Path(settings.headers_file).expanduser()
    data = read_private(path)
    if data is None:
        raise ConfigError(f"telemetry.otlp.headers_file: {path}: there is no such file")
    found: dict[str, str] = {}
    for number, line in enumerate(data.decode("utf-8", "replace").splitlines(), 1):
        name, colon, value = line.partition(":")
        if line.strip() and not line.startswith("#"):
            if not colon or not name.strip():
                raise ConfigError(f"telemetry.otlp.headers_file: line {number} of {path} is no `name: value`")
            found[name.strip().lower()] = value.strip()
    return found


def _pairs(text: str) -> dict[str, str]:
    """Read headers as OpenTelemetry's variables have them: `name=value,name=value`, percent-encoded."""
    pairs = (each.partition("=") for each in text.split(",") if "=" in each)
    return {unquote(name).strip().lower(): unquote(value).strip() for name, _, value in pairs}


def _installed() -> bool:
    try:
        return importlib.util.find_spec("opentelemetry.exporter.otlp.proto.http") is not None
    except ModuleNotFoundError:  # not even its first part
        return False
