"""Counting seen from outside: turns without usage are amended after their answers, by another process.

What the gateway itself does of it is in `tests/pipeline/test_recount_profile.py`.
"""

import json
import random
import sqlite3
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import closing

import psutil
import pytest

from gateway_process import GatewayProcess, configuration
from llm_gateway.ledger.folder import Folder
from rawhttp import RawClient, request
from scripted import ScriptedUpstream, chat
from scripted.records import Received
from scripted.script import Script

TEXT = "the quick brown fox jumps over the lazy dog and then rests beside a river of code"
TURNS = 150
PRICES = """
[[prices.models]]
model = "openai/told"
input = 2
output = 8

[[prices.models]]
model = "openai/silent"
input = 2
output = 8
"""


def answer(asked: Received, names: Sequence[str]) -> Script | None:
    """Answer, and tell of usage or not, as the model's name says; count 1.1 tokens a word where it does."""
    if not asked.target.endswith("/completions"):
        return chat.respond(asked, names)
    tokens = round(1.1 * asked.body.count(b" "))
    told = {"prompt_tokens": tokens, "completion_tokens": 9, "total_tokens": tokens + 9}
    return chat.plain(asked.model, usage=told if asked.model == "told" else None)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    with ScriptedUpstream(("told", "silent"), (answer,)) as upstream:
        config = configuration(upstream.url, models=["told", "silent"], more=PRICES).replace(
            '"scripted"', '"openai"'
        )
        with GatewayProcess(tmp_path_factory.mktemp("counting"), config) as gateway:
            yield gateway


def body(model: str, words: int, seed: int) -> bytes:
    draw = random.Random(seed)
    text = " ".join(draw.choices(TEXT.split(), k=words))
    return json.dumps({"model": f"openai/{model}", "messages": [{"role": "user", "content": text}]}).encode()


def rows(gateway: GatewayProcess, sql: str) -> list[tuple[object, ...]]:
    path = Folder(gateway.home / "gateway").database
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as database:
        return database.execute(sql).fetchall()


def until(gateway: GatewayProcess, sql: str, wanted: list[tuple[object, ...]]) -> None:
    deadline = time.monotonic() + 60
    while (found := rows(gateway, sql)) != wanted:
        assert time.monotonic() < deadline, found
        time.sleep(0.05)


def load(gateway: GatewayProcess, models: Sequence[str], turns: int, words: int) -> dict[str, list[float]]:
    """Ask the models in turns; return how long each answer took."""
    took: dict[str, list[float]] = {model: [] for model in models}
    with RawClient(gateway.port, timeout=60) as client:
        for number in range(turns):
            for model in models:
                asked = request(
                    "POST", "/v1/chat/completions", key=gateway.key, body=body(model, words, number)
                )
                before = time.perf_counter()
                client.send(asked)
                assert client.read_reply().status == 200
                took[model].append(time.perf_counter() - before)
    return took


def counting_programs(gateway: GatewayProcess) -> list[psutil.Process]:
    children = psutil.Process(gateway.pid).children()
    return [child for child in children if "llm_gateway.compression.program" in child.cmdline()]


def test_turns_without_usage_are_counted_by_another_process(place: GatewayProcess) -> None:
    assert not counting_programs(place), "there is nothing to count yet"
    took = load(place, ("silent", "told"), TURNS, words=4000)
    counted = "SELECT counted, count(*) FROM turns WHERE model = 'silent' GROUP BY counted"
    until(place, counted, [("tokenizer", TURNS)])
    (program,) = counting_programs(place)
    assert program.cpu_times().user > 0.1
    if sys.platform.startswith("linux"):
        assert any("tiktoken" in each.path for each in program.memory_maps())
        own = [each.path for each in psutil.Process(place.pid).memory_maps()]
        assert not any("tiktoken" in path for path in own), "the gateway itself has no tokenizer"
    amended = rows(
        place,
        "SELECT uncached, error_permille, cost_nano, estimated, confidence, output "
        "FROM turns WHERE model = 'silent'",
    )
    for tokens, permille, cost, estimated, confidence, output in amended:
        assert isinstance(tokens, int) and isinstance(permille, int) and isinstance(output, int)
        assert abs(tokens - 4200) < 100 and permille < 700
        assert (cost, estimated, confidence) == (tokens * 2_000 + output * 8_000, 1, "medium")
    report = []
    for model, times in took.items():
        times.sort()
        report.append(f"{model}: p50 {times[len(times) // 2] * 1e3:.1f} ms, p99 {times[-2] * 1e3:.1f} ms")
    sys.stdout.write("; ".join(report) + "\n")
    middle = {model: times[len(times) // 2] for model, times in took.items()}
    assert middle["silent"] < 1.5 * middle["told"] + 0.002, report


def test_what_is_learned_holds_for_the_next_turns_and_after_a_restart(place: GatewayProcess) -> None:
    for _ in range(25):
        load(place, ("told",), 1, words=500)
        time.sleep(0.1)  # samples are taken while there is little else to count
    place.restart()
    learned = rows(place, "SELECT side, method FROM calibrations WHERE model = 'told' ORDER BY side, method")
    assert learned == [("in", "bytes"), ("in", "tokenizer"), ("out", "bytes")]
    ((state,),) = rows(place, "SELECT state FROM calibrations WHERE model = 'told' AND method = 'tokenizer'")
    ratios = json.loads(str(state))
    assert len(ratios) >= 10
    assert sorted(ratios)[len(ratios) // 2] == pytest.approx(1_045_000, rel=0.02), "4,200 tokens of ours"


def test_the_program_ends_with_the_gateway_however_that_ends(place: GatewayProcess) -> None:
    load(place, ("silent",), 1, words=10)
    deadline = time.monotonic() + 30
    while not (programs := counting_programs(place)):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    place.kill()
    gone, alive = psutil.wait_procs(programs, timeout=10)
    assert gone and not alive
    place.start()
