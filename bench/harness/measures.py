"""The measures: each puts one kind of load on one target and notes figures about it."""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from harness import machine
from harness.targets import Load, Target, end_load

__all__ = ["MEASURES", "Figures", "Settings", "warm_up"]


@dataclass(frozen=True)
class Settings:
    """How long and how hard."""

    seconds: float = 3.0
    connections: int = 32
    rate: float = 200.0
    streams: int = 100
    held: int = 1000
    nice: int = 0


@dataclass
class Figures:
    """What was noted about one target: every value of every round, and what went wrong."""

    values: dict[str, list[float]] = field(default_factory=dict)
    complaints: list[str] = field(default_factory=list)

    def note(self, name: str, value: float) -> None:
        """Add a value."""
        self.values.setdefault(name, []).append(value)


def warm_up(target: Target) -> None:
    """Let connections, caches and the interpreter settle."""
    end_load(target.begin_load("closed", "1k", connections=8, seconds=0.7))
    end_load(target.begin_load("stream", "warm", connections=8, seconds=0.5))


def short_chat(target: Target, settings: Settings, figures: Figures) -> None:
    """Measure CPU per request of a 1 KB chat."""
    _closed(target, settings, figures, "c1k", "1k")


def agent_turn(target: Target, settings: Settings, figures: Figures) -> None:
    """Measure CPU per request of a 60 KB coding-agent turn."""
    _closed(target, settings, figures, "c60k", "60k")


def latency(target: Target, settings: Settings, figures: Figures) -> None:
    """Measure latency at a fixed rate of short chats."""
    _prefer(target, settings.nice)
    seconds = 2 * settings.seconds  # a percentile wants many samples
    generator = target.begin_load(
        "open", "1k", connections=64, seconds=seconds, rate=settings.rate, warmup=0.5
    )
    load = _checked(end_load(generator), figures, "lat")
    _prefer(target, 0 if settings.nice else None)
    if load.ok:
        figures.note("lat_p50", load.p50)
        figures.note("lat_p99", load.p99)


def streams(target: Target, settings: Settings, figures: Figures) -> None:
    """Measure CPU and delay per event of many streams at once."""
    load, cpu = _watched(target, "stream", "stream", settings.streams, max(settings.seconds, 4.0))
    _checked(load, figures, "stream")
    if load.chunks:
        if cpu is not None:
            figures.note("chunk_us", cpu * 1e6 / load.chunks)
        figures.note("ttft_p50", load.ttft_p50)
        figures.note("chunk_p50", load.chunk_p50)
        figures.note("chunk_p99", load.chunk_p99)
    _memory(target, figures)


def translated(target: Target, settings: Settings, figures: Figures) -> None:
    """Measure what it costs to translate: a Messages client before an upstream that speaks chat."""
    _closed(target, settings, figures, "m60k", "messages-60k")
    load, cpu = _watched(target, "stream", "messages-stream", settings.streams, max(settings.seconds, 4.0))
    _checked(load, figures, "mstream")
    if load.chunks and cpu is not None:
        figures.note("mchunk_us", cpu * 1e6 / load.chunks)


def held_streams(target: Target, settings: Settings, figures: Figures) -> None:
    """Measure memory per open stream."""
    if target.pid is None or "held_kb" in figures.values:
        return
    before = machine.pss_mb(target.pid)
    generator = target.begin_load("stream", "hold", connections=settings.held, seconds=12)
    time.sleep(7)  # the streams last 20 s; by now all of them are open
    grown = machine.pss_mb(target.pid) - before
    _checked(end_load(generator), figures, "hold", needs_answers=False)
    figures.note("held_kb", grown * 1e3 / settings.held)


MEASURES: dict[str, Callable[[Target, Settings, Figures], None]] = {
    "c1k": short_chat,
    "c60k": agent_turn,
    "lat": latency,
    "stream": streams,
    "translated": translated,
    "hold": held_streams,
}


def _closed(target: Target, settings: Settings, figures: Figures, name: str, body: str) -> None:
    load, cpu = _watched(target, "closed", body, settings.connections, settings.seconds)
    _checked(load, figures, name)
    # What was under way at the end was paid for in part; it matters for slow gateways only.
    done = load.ok + load.bad_status + load.inflight_end / 2
    if cpu is not None and load.ok:
        figures.note(f"{name}_us", cpu * 1e6 / done)
    figures.note(f"{name}_rps", load.rps)
    _memory(target, figures)


def _watched(
    target: Target, mode: str, body: str, connections: int, seconds: float
) -> tuple[Load, float | None]:
    """Return what was counted and the CPU seconds that the target took for it."""
    pid = target.pid
    before = machine.cpu_seconds(pid) if pid else 0.0
    load = end_load(target.begin_load(mode, body, connections=connections, seconds=seconds))
    return load, machine.cpu_seconds(pid) - before if pid else None


def _memory(target: Target, figures: Figures) -> None:
    if target.pid is not None:
        figures.note("load_mb", machine.pss_mb(target.pid))


def _checked(load: Load, figures: Figures, name: str, *, needs_answers: bool = True) -> Load:
    if load.bad or (needs_answers and not load.ok):
        figures.complaints.append(f"{name}: {load.ok} answered, {load.bad} not; {load.first_error}")
    return load


def _prefer(target: Target, value: int | None) -> None:
    if value is not None and target.pid is not None and (value or os.geteuid() == 0):
        machine.renice(target.pid, value)
