"""LangChain's standard tests, each of its clients against every kind of upstream."""

import os
import subprocess
import xml.etree.ElementTree as ET
from collections import Counter
from pathlib import Path

import pytest

from conformance import Suites
from conformance_scores import Scores
from gateway_process import GatewayProcess
from upstream_answers import UPSTREAMS

pytestmark = pytest.mark.real_clients

SUITE = Path(__file__).with_name("langchain_suite.py")
CLIENTS = {
    "TestOpenAI": "ChatOpenAI, Chat Completions",
    "TestOpenAIResponses": "ChatOpenAI, Responses",
    "TestAnthropic": "ChatAnthropic",
    "TestGoogle": "ChatGoogleGenerativeAI",
    "TestOllama": "ChatOllama",
}
EMBEDDINGS = {
    "TestOpenAIEmbeddings": "OpenAIEmbeddings",
    "TestGoogleEmbeddings": "GoogleGenerativeAIEmbeddings",
    "TestOllamaEmbeddings": "OllamaEmbeddings",
}
_KEPT = ("PATH", "LANG", "LC_ALL", "TMPDIR")
# Its clients keep connections from one test to the next, so all tests share an event loop.
_OPTIONS = (
    "--noconftest",
    "--asyncio-mode=auto",
    "-o",
    "asyncio_default_test_loop_scope=session",
    "-o",
    "asyncio_default_fixture_loop_scope=session",
    "--timeout=30",
    "--tb=short",
    "-q",
    "-p",
    "no:cacheprovider",
    "-c",
    os.devnull,
)


@pytest.mark.parametrize("upstream", UPSTREAMS)
def test_every_client_passes_its_standard_tests(
    suites: Suites, gateway: GatewayProcess, scores: Scores, tmp_path: Path, upstream: str
) -> None:
    has_embeddings = upstream in ("chat", "gemini", "ollama")
    chosen = CLIENTS | EMBEDDINGS if has_embeddings else CLIENTS
    report = tmp_path / "report.xml"
    told = {
        "GATEWAY_URL": gateway.url,
        "GATEWAY_KEY": gateway.key,
        "UPSTREAM": upstream,
        "HOME": str(tmp_path),
    }
    done = subprocess.run(
        [
            suites.python,
            "-B",
            "-m",
            "pytest",
            *_OPTIONS,
            f"--junitxml={report}",
            *(f"{SUITE}::{n}" for n in chosen),
        ],
        check=False,
        capture_output=True,
        text=True,
        timeout=115,
        cwd=tmp_path,
        env={name: os.environ[name] for name in _KEPT if name in os.environ} | told,
    )
    passed, ran = _counted(report)
    for name, client in chosen.items():
        scores.add("langchain-tests", client, upstream, passed[name], ran[name])
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-1000:]
    assert set(ran) == set(chosen) and all(ran[name] >= 30 for name in CLIENTS), ran


def _counted(report: Path) -> tuple[Counter[str], Counter[str]]:
    """Return how many tests of each class passed, and how many were run."""
    passed, ran = Counter[str](), Counter[str]()
    for case in ET.parse(report).iter("testcase"):
        name = case.get("classname", "").rpartition(".")[2]
        if case.find("skipped") is None:
            ran[name] += 1
            passed[name] += case.find("failure") is None and case.find("error") is None
    return passed, ran
