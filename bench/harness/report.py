"""What was measured, for people: a table, ratios to nginx of the same round, and the goals."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from harness.measures import Figures

__all__ = ["GOALS", "Goal", "judge", "summary", "table"]

Row = Mapping[str, float | None]


@dataclass(frozen=True)
class Goal:
    """A bound of one figure of the gateway."""

    figure: str
    text: str
    must: float
    aim: float | None = None


GOALS = (
    Goal("c1k_x", "CPU per 1 KB chat, x nginx", 3.0, 2.0),
    Goal("c60k_x", "CPU per 60 KB agent turn, x nginx", 3.0),
    Goal("chunk_x", "CPU per SSE event at 100 streams, x nginx", 2.0, 1.5),
    Goal("m60k_x", "CPU per 60 KB turn, translated / passed through", 2.5),
    Goal("mchunk_x", "CPU per SSE event, translated / relayed", 2.5),
    Goal("p99_ms", "p99 added over nginx at the fixed rate, ms", 3.0),
    Goal("idle_mb", "memory idle, MB", 40.0),
    Goal("load_mb", "memory under load, MB", 70.0),
    Goal("cold_s", "first answer after start, s", 0.5),
)

_COLUMNS: tuple[tuple[str, str, int, int], ...] = (
    ("cold s", "cold_s", 6, 2),
    ("idle MB", "idle_mb", 7, 1),
    ("load MB", "load_mb", 7, 1),
    ("1K us", "c1k_us", 7, 1),
    ("x nginx", "c1k_x", 7, 2),
    ("req/s/core", "c1k_per_core", 10, 0),
    ("60K us", "c60k_us", 7, 1),
    ("x nginx", "c60k_x", 7, 2),
    ("+p50 ms", "p50_ms", 7, 2),
    ("+p99 ms", "p99_ms", 7, 2),
    ("event us", "chunk_us", 8, 1),
    ("x nginx", "chunk_x", 7, 2),
    ("+ttft ms", "ttft_ms", 8, 2),
    ("tr 60K", "m60k_x", 7, 2),
    ("tr event", "mchunk_x", 8, 2),
    ("KB/stream", "held_kb", 9, 1),
)


def summary(figures: Mapping[str, Figures]) -> dict[str, Row]:
    """Return the figures of every target: medians, and medians of ratios and differences to nginx."""
    yardstick = figures.get("nginx", Figures())
    return {name: _row(own, yardstick) for name, own in figures.items()}


def _row(own: Figures, yardstick: Figures) -> Row:
    def middle(name: str) -> float | None:
        values = own.values.get(name)
        return median(values) if values else None

    def against(name: str, compare: Callable[[float, float], float]) -> float | None:
        pairs = list(zip(own.values.get(name, ()), yardstick.values.get(name, ()), strict=False))
        return median([compare(a, b) for a, b in pairs]) if pairs else None

    def ratio(name: str) -> float | None:
        return against(name, lambda a, b: a / b)

    def added(name: str) -> float | None:
        return against(name, lambda a, b: (a - b) / 1e3)

    def translated(name: str, passed: str) -> float | None:
        pairs = list(zip(own.values.get(name, ()), own.values.get(passed, ()), strict=False))
        return median([a / b for a, b in pairs]) if pairs else None

    c1k = middle("c1k_us")
    return {
        "cold_s": middle("cold_s"),
        "idle_mb": middle("idle_mb"),
        "load_mb": max(own.values["load_mb"]) if "load_mb" in own.values else None,
        "c1k_us": c1k,
        "c1k_x": ratio("c1k_us"),
        "c1k_per_core": 1e6 / c1k if c1k else None,
        "c60k_us": middle("c60k_us"),
        "c60k_x": ratio("c60k_us"),
        "p50_ms": added("lat_p50"),
        "p99_ms": added("lat_p99"),
        "chunk_us": middle("chunk_us"),
        "chunk_x": ratio("chunk_us"),
        "ttft_ms": added("ttft_p50"),
        "m60k_x": translated("m60k_us", "c60k_us"),
        "mchunk_x": translated("mchunk_us", "chunk_us"),
        "held_kb": middle("held_kb"),
    }


def table(rows: Mapping[str, Row], figures: Mapping[str, Figures]) -> str:
    """Return the table: a line for each target, then what went wrong."""
    width = max(len(name) for name in rows)
    lines = [" ".join([" " * width, *(f"{title:>{size}}" for title, _, size, _ in _COLUMNS)])]
    for name, row in rows.items():
        cells = [_cell(row[figure], size, digits) for _, figure, size, digits in _COLUMNS]
        lines.append(" ".join([f"{name:<{width}}", *cells]))
    lines.append("us: CPU microseconds of the whole process tree; +: added over nginx; medians of all rounds")
    for name, own in figures.items():
        lines += [f"! {name}: {complaint}" for complaint in own.complaints]
    return "\n".join(lines)


def judge(row: Row, goals: Sequence[Goal] = GOALS) -> tuple[str, bool]:
    """Return the goals with what was reached, and whether all that was measured holds."""
    lines = []
    held = True
    for goal in goals:
        value = row.get(goal.figure)
        if value is None:
            verdict = "not measured"
        elif value > goal.must:
            verdict, held = f"MISSED by {value - goal.must:.2f}", False
        else:
            verdict = "ok" if goal.aim is None or value <= goal.aim else f"ok (aim {goal.aim:g})"
        shown = "-" if value is None else f"{value:.2f}"
        lines.append(f"{goal.text:<46} {shown:>7}  <= {goal.must:<4g} {verdict}")
    return "\n".join(lines), held


def _cell(value: float | None, size: int, digits: int) -> str:
    return f"{'-':>{size}}" if value is None else f"{value:>{size},.{digits}f}"
