"""Where exports go, by settings and by OpenTelemetry's own variables; what is refused, and why."""

import io
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from fakes import FakeClock
from llm_gateway.config.telemetry import OtlpSettings
from llm_gateway.errors import ConfigError
from llm_gateway.telemetry.exporting import Target, open_exporter, targets
from llm_gateway.telemetry.log import Log

BASE = "http://127.0.0.1:4318"
URLS = {signal: Target(f"{BASE}/v1/{signal}", {}) for signal in ("traces", "metrics")}


@pytest.mark.parametrize(
    "settings, environ, wanted",
    [
        (OtlpSettings(), {}, {}),
        (OtlpSettings(BASE), {}, URLS),
        (OtlpSettings(BASE + "/"), {}, URLS),
        (OtlpSettings(), {"OTEL_EXPORTER_OTLP_ENDPOINT": BASE}, URLS),
        (OtlpSettings(BASE), {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://other"}, URLS),
        (OtlpSettings(BASE, metrics=False), {}, {"traces": URLS["traces"]}),
        (OtlpSettings(BASE, traces=False), {}, {"metrics": URLS["metrics"]}),
        (OtlpSettings(BASE), {"OTEL_METRICS_EXPORTER": "none"}, {"traces": URLS["traces"]}),
        (OtlpSettings(BASE), {"OTEL_SDK_DISABLED": "true"}, {}),
        (
            OtlpSettings(),
            {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "https://t.example/in"},
            {"traces": Target("https://t.example/in", {})},
        ),
        (
            OtlpSettings(BASE, metrics=False),
            {
                "OTEL_EXPORTER_OTLP_HEADERS": "Authorization=Bearer%20a,x-team=1",
                "OTEL_EXPORTER_OTLP_TRACES_HEADERS": "x-team=2",
            },
            {"traces": Target(f"{BASE}/v1/traces", {"authorization": "Bearer a", "x-team": "2"})},
        ),
    ],
)
def test_where_exports_go(
    settings: OtlpSettings, environ: Mapping[str, str], wanted: Mapping[str, Target]
) -> None:
    assert targets(settings, environ, 8787) == wanted


@pytest.mark.parametrize(
    "url, why",
    [
        ("127.0.0.1:4318", "is not a URL of a collector, such as http://127.0.0.1:4318"),
        ("ftp://a.example", "is not a URL of a collector"),
        ("http://a.example:port", "is not a URL"),
        ("https://user:secret@a.example", "holds a user or a password; use telemetry.otlp.headers_file"),
        ("grpc://user:secret@a.example", "holds a user or a password"),
        ("https://user:secret@a.example:port", "holds a user or a password"),
        ("user:secret@a.example:4317", "holds a user or a password"),
        ("http://localhost:8787", "is this gateway itself, which would export for ever"),
    ],
)
def test_what_is_no_collector_is_refused(url: str, why: str) -> None:
    with pytest.raises(ConfigError, match=r"telemetry\.otlp\.endpoint") as caught:
        targets(OtlpSettings(url), {}, 8787)
    assert why in str(caught.value) and "secret" not in str(caught.value)


def test_headers_are_in_a_file_of_their_own(tmp_path: Path) -> None:
    path = tmp_path / "headers"
    path.write_text("# for the collector\nAuthorization: Bearer s3cret\n\nX-Team: a: b\n")
    path.chmod(0o600)
    found = targets(OtlpSettings(BASE, headers_file=str(path)), {"OTEL_EXPORTER_OTLP_HEADERS": "x=y"}, 0)
    assert found["traces"].headers == {"authorization": "Bearer s3cret", "x-team": "a: b"}
    path.write_text("s3cret\n")
    with pytest.raises(ConfigError, match=r"line 1 of .* is no `name: value`") as caught:
        targets(OtlpSettings(BASE, headers_file=str(path)), {}, 0)
    assert "s3cret" not in str(caught.value)
    path.chmod(0o644)
    with pytest.raises(ConfigError, match="open to others"):
        targets(OtlpSettings(BASE, headers_file=str(path)), {}, 0)
    with pytest.raises(ConfigError, match="there is no such file"):
        targets(OtlpSettings(BASE, headers_file=str(tmp_path / "none")), {}, 0)


def test_nothing_wanted_is_nothing_made() -> None:
    written = io.StringIO()
    assert open_exporter(OtlpSettings(), {}, 8787, Log(FakeClock(), "info", written)) is None
    assert not written.getvalue()


def python(program: str) -> subprocess.CompletedProcess[str]:
    """Run a program of its own: what it loads is its own matter."""
    return subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60
    )


def test_without_the_extra_the_setting_is_refused_and_the_variable_is_not_heeded(tmp_path: Path) -> None:
    program = """
import sys
sys.modules["opentelemetry"] = None
from llm_gateway.clock import SystemClock
from llm_gateway.config.telemetry import OtlpSettings
from llm_gateway.errors import ConfigError
from llm_gateway.telemetry.exporting import open_exporter
from llm_gateway.telemetry.log import Log
log = Log(SystemClock(), "info")
try:
    open_exporter(OtlpSettings("http://127.0.0.1:4318"), {}, 0, log)
except ConfigError as error:
    print(error)
print(open_exporter(OtlpSettings(), {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318"}, 0, log))
log.close()
"""
    done = python(program)
    assert done.stdout.splitlines() == [
        "telemetry.otlp.endpoint: OpenTelemetry is not installed: pip install 'llm-gateway-server[otel]'",
        "None",
    ]
    assert "OTEL_EXPORTER_OTLP_ENDPOINT is not heeded" in done.stderr


def test_a_gateway_that_exports_nothing_does_not_load_the_library() -> None:
    done = python("import sys, llm_gateway.app\nprint(any('opentelemetry' in name for name in sys.modules))")
    assert done.stdout.strip() == "False"
