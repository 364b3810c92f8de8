"""Limits as they are stated: where each was said, since when it counts, and how one is written."""

from collections.abc import Iterable, Iterator

import msgspec

from llm_gateway.config import Loaded
from llm_gateway.config.settings import Limit
from llm_gateway.pipeline.windows import PERIODS, span
from llm_gateway.server.keys_api import KeyView
from llm_gateway.server.limit_views import LimitView
from llm_gateway.server.views import iso

__all__ = ["StandingView", "StatedLimit", "as_toml", "standing_views", "stated_limits"]

_COUNTED = {
    "requests_per_minute": "the last 60 seconds",
    "tokens_per_minute": "the last 60 seconds",
    "parallel": "requests that run now",
}
_SAMPLE = Limit("key", "laptop", requests_per_minute=60, parallel=8, usd_per_day=5.0, usd_per_month=50.0)


class StatedLimit(msgspec.Struct, frozen=True):
    """The limits of one scope as the configuration says them; `origin` is where, `toml` how it is written."""

    scope: str
    name: str
    told: list[str]
    models: list[str]
    warn_at: float
    origin: str
    toml: str


class StandingView(msgspec.Struct, frozen=True):
    """A limit and how much of it is used: `mark` is ok, warned or reached; `counted` is of which time.

    `since` is when what is counted begins, None where it is the last minute or what runs now. `said` is who
    says it: the configuration, the key, or both, of which the stricter one holds.
    """

    limit: LimitView
    mark: str
    counted: str
    since: str | None
    said: list[str]


def stated_limits(loaded: Loaded) -> list[StatedLimit]:
    """Return what the configuration limits, in its order."""
    found = []
    for number, limit in enumerate(loaded.settings.limits):
        origin = loaded.origins.get(f"limits.{number}.scope")
        found.append(
            StatedLimit(
                scope=limit.scope,
                name=limit.name,
                told=[f"{name} = {value}" for name, value in _values(limit)],
                models=list(limit.models),
                warn_at=limit.warn_at,
                origin=str(origin) if origin is not None else "default",
                toml=as_toml(limit),
            )
        )
    return found


def standing_views(
    views: Iterable[LimitView], stated: Iterable[StatedLimit], keys: Iterable[KeyView], now_us: int
) -> list[StandingView]:
    """Return how every limit stands, with who says it and since when it counts."""
    by_file: dict[tuple[str, str, str], str] = {}
    for each in stated:
        for line in each.told:
            by_file[each.scope, each.name, line.partition(" ")[0]] = each.origin
    by_key = {
        (key.name, name)
        for key in keys
        if key.status == "active"
        for name in msgspec.structs.asdict(key.limits)
        if getattr(key.limits, name) is not None
    }
    return [_standing(view, by_file, by_key, now_us) for view in views]


def as_toml(limit: Limit = _SAMPLE) -> str:
    """Return a limit as it is written into the file."""
    lines = ["[[limits]]", f"scope = {_text(limit.scope)}"]
    if limit.name:
        lines.append(f"name = {_text(limit.name)}")
    lines += [f"{name} = {value}" for name, value in _values(limit)]
    if limit.models:
        lines.append(f"models = [{', '.join(map(_text, limit.models))}]")
    lines.append(f"warn_at = {limit.warn_at:g}")
    return "\n".join(lines)


def _standing(
    view: LimitView, by_file: dict[tuple[str, str, str], str], by_key: set[tuple[str, str]], now_us: int
) -> StandingView:
    period = next((each for each in PERIODS if view.limit == f"usd_per_{each}"), None)
    said = []
    if origin := by_file.get((view.scope, view.name, view.limit)):
        said.append(origin)
    if view.scope == "key" and (view.name, view.limit) in by_key:
        said.append("the key itself")
    return StandingView(
        limit=view,
        mark="reached" if view.share >= 1 else "warned" if view.warned else "ok",
        counted=f"this {period}, in UTC" if period is not None else _COUNTED.get(view.limit, ""),
        since=iso(span(period, now_us).start) if period is not None else None,
        said=said,
    )


def _values(limit: Limit) -> Iterator[tuple[str, str]]:
    for name in limit.__struct_fields__:
        value = getattr(limit, name)
        if name not in ("scope", "name", "models", "warn_at") and value is not None:
            yield name, f"{value:.15g}" if isinstance(value, float) else str(value)


def _text(text: str) -> str:
    return msgspec.json.encode(text).decode()
