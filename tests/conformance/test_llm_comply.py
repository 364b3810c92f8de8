"""llm-comply: answers held to the vendors' own specifications, each format against every kind of upstream."""

import json
import subprocess

import pytest

from conformance import Suites
from conformance_scores import Scores
from gateway_process import GatewayProcess
from upstream_answers import UPSTREAMS

pytestmark = pytest.mark.real_clients

# Where its paths begin, what it says besides, and a model of a name that it asks for thoughts.
FORMATS = {
    "openai-chat": ("/v1", (), "gpt-5"),
    "open-responses": ("/v1", (), "gpt-5"),
    "anthropic": (
        "/v1",
        ("--auth-header", "x-api-key", "--no-bearer", "-H", "anthropic-version:2023-06-01"),
        "claude-opus-4-5",
    ),
    "google-genai": ("", ("--auth-header", "x-goog-api-key", "--no-bearer"), "gemini-2.5-flash"),
}


@pytest.mark.parametrize("upstream", UPSTREAMS)
@pytest.mark.parametrize("form", FORMATS)
def test_every_answer_is_as_specified(
    suites: Suites, gateway: GatewayProcess, scores: Scores, form: str, upstream: str
) -> None:
    path, more, model = FORMATS[form]
    command = [
        str(suites.python.with_name("llm-comply")),
        "--format",
        form,
        "--json",
        "--timeout",
        "20",
        *more,
    ]
    command += ["-u", f"{gateway.url}{path}", "-k", gateway.key, "-m", f"up-{upstream}/{model}"]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=100)
    told = json.loads(done.stdout)
    summary = told["summary"]
    scores.add("llm-comply", form, upstream, summary["passed"], summary["total"])
    assert not [each for each in told["results"] if each["status"] != "passed"], done.stderr
    assert summary["passed"] == summary["total"] >= 9
