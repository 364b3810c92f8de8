"""The benchmark's own parts: a generator that miscounts or a ratio the wrong way round would flatter us."""

import json
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness import machine
from harness.bodies import write_bodies
from harness.build import Missing, compile_tools, need
from harness.measures import Figures
from harness.report import judge, summary, table
from harness.targets import Lab, Spec, Target, end_load, nginx, read_targets
from scripted import ScriptedUpstream, chat, faults

pytestmark = pytest.mark.skipif(
    not sys.platform.startswith("linux") or not shutil.which("cc"), reason="the benchmark needs Linux and cc"
)


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    folder = tmp_path_factory.mktemp("lab")
    mock_program, load_program = compile_tools(folder)
    cpus = machine.allowed_cpus()
    mock = machine.start([str(mock_program), "0"], cpu=cpus[-1])
    assert mock.stdout is not None
    port = int(mock.stdout.readline())
    yield Lab(folder, load_program, mock, port, port, "http", "key", cpus[0], cpus[-1])
    machine.end(mock)


def test_generator_and_mock_count_alike(lab: Lab) -> None:
    target = Target(Spec("direct", lab.mock_port), lab)
    closed = end_load(target.begin_load("closed", "60k", connections=4, seconds=0.1))
    assert closed.ok > 100 and closed.bad == 0
    paced = end_load(target.begin_load("open", "1k", connections=8, seconds=0.5, rate=100))
    assert 45 <= paced.ok <= 51 and paced.bad == 0 and 0 < paced.p50 <= paced.p99 <= paced.max
    streams = end_load(target.begin_load("stream", "brisk", connections=3, seconds=0.8))
    assert streams.ok >= 3 and streams.bad == 0
    assert streams.chunks >= 64 * streams.ok and streams.ttft_p50 > 0


def test_generator_sees_what_is_wrong(lab: Lab) -> None:
    with ScriptedUpstream() as upstream:
        target = Target(Spec("odd", upstream.port), lab)
        for script, field in (
            (faults.failing(500), "bad_status"),
            (faults.cut_stream("eof"), "errors"),
            (chat.stream(chat.events("m")), "wrong_streams"),
        ):
            upstream.on("mock-model", script)
            load = end_load(target.begin_load("stream", "warm", connections=1, seconds=0.2))
            assert getattr(load, field) > 0 and load.bad > 0
            assert load.first_error or field == "wrong_streams"


def test_bodies_are_always_the_same_and_as_large_as_they_say(tmp_path: Path) -> None:
    first = {name: path.read_bytes() for name, path in write_bodies(tmp_path, "m").items()}
    again = {name: path.read_bytes() for name, path in write_bodies(tmp_path, "m").items()}
    assert first == again
    assert 900 < len(first["1k"]) < 1100
    assert 55_000 < len(first["60k"]) < 65_000
    assert len(json.loads(first["60k"])["tools"]) == 20


def test_ratios_are_taken_round_by_round_and_goals_judged() -> None:
    yardstick = Figures({"c1k_us": [10, 20, 30], "lat_p99": [1000, 1000, 1000]})
    own = Figures({"c1k_us": [20, 40, 300], "lat_p99": [5000, 2000, 3000], "idle_mb": [39]}, ["c1k: odd"])
    rows = summary({"nginx": yardstick, "gateway": own})
    assert rows["nginx"]["c1k_x"] == 1
    assert rows["gateway"]["c1k_x"] == 2
    assert rows["gateway"]["p99_ms"] == 2
    verdict, held = judge(rows["gateway"])
    assert held and "not measured" in verdict
    own.values["idle_mb"] = [40.5]
    verdict, held = judge(summary({"nginx": yardstick, "gateway": own})["gateway"])
    assert not held and "MISSED by 0.50" in verdict
    assert "! gateway: c1k: odd" in table(rows, {"nginx": yardstick, "gateway": own})


def test_what_is_missing_is_named() -> None:
    with pytest.raises(Missing, match=r"no-such-program .* needs it for nothing"):
        need("no-such-program", "for nothing")


@pytest.mark.skipif(not shutil.which("nginx", path="/usr/sbin:/usr/bin"), reason="nginx is not installed")
def test_the_yardstick_starts_answers_and_ends(lab: Lab) -> None:
    target = Target(nginx(lab), lab)
    target.start()
    pid = target.pid
    assert pid is not None and machine.pss_mb(pid) > 1 and len(target.cold_seconds) == 1
    load = end_load(target.begin_load("closed", "1k", connections=2, seconds=0.1))
    assert load.ok > 0 and load.bad == 0 and machine.cpu_seconds(pid) > 0
    target.stop()
    assert target.pid is None


def test_example_targets_can_be_read(lab: Lab) -> None:
    example = Path(__file__).resolve().parents[2] / "bench" / "targets.example.json"
    specs = read_targets(example, lab)
    assert [spec.name for spec in specs] == ["haproxy", "litellm", "portkey"]
    assert all("{" not in part for spec in specs for part in (*spec.command, *spec.headers))
