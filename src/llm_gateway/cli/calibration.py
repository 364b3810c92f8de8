"""`calibration`: how our counts of tokens compare with the providers', by model."""

import click
import msgspec

from llm_gateway.cli.context import Context, json_option, pass_context
from llm_gateway.cli.output import json_line, say, table
from llm_gateway.clock import SystemClock
from llm_gateway.compression.calibration import FEWEST, Calibrations, Kept, Method, Side
from llm_gateway.ledger.calibrations import calibrations
from llm_gateway.ledger.opening import reading
from llm_gateway.pipeline.recount import learned
from llm_gateway.server.views import iso

__all__ = ["CalibrationView", "calibration"]

# Of a prompt of this length an error is told: what is assumed of shorter ones is wider.
_TOLD_OF = 10_000


class CalibrationView(msgspec.Struct, frozen=True):
    """How one count of one model compares: its provider counts `ratio` tokens for each byte or token of ours.

    Nine of ten are within `error`, a share of the count; told of 10,000 tokens. `used` is false where too few
    were seen to go by them: then the ratio and the error are those that are assumed.
    """

    provider: str
    model: str
    side: Side
    method: Method
    ratio: float
    error: float
    samples: int
    used: bool
    kept_at: str | None


@click.command()
@json_option
@pass_context
def calibration(context: Context, as_json: bool) -> None:
    """Show how our counts of tokens compare with what providers count, and how far off they may be."""
    with reading(context.load().home, SystemClock(), lambda what, error: say(f"{what}: {error}")) as rows:
        kept = calibrations(rows)
    times = {(row.provider, row.model, row.side, row.method): iso(row.at_us) for row in kept}
    views = [
        _view(each, times.get((each.provider, each.model, each.side, each.method))) for each in learned(kept)
    ]
    if as_json:
        json_line("calibration", {"calibrations": views})
        return
    if not views:
        say("nothing is learned yet: it is learned from what providers count, and kept once a minute")
        return
    table(("PROVIDER", "MODEL", "OF", "BY", "TOKENS", "ERROR", "SAMPLES"), map(_cells, views))


def _view(kept: Kept, kept_at: str | None) -> CalibrationView:
    ratios = Calibrations([kept]).known(kept.provider, kept.model).ratios()
    ratio = next(found for side, method, found in ratios if (side, method) == (kept.side, kept.method))
    return CalibrationView(
        kept.provider,
        kept.model,
        kept.side,
        kept.method,
        round(ratio.value, 4),
        ratio.error_permille(_TOLD_OF) / 1000,
        len(ratio),
        len(ratio) >= FEWEST,
        kept_at,
    )


def _cells(view: CalibrationView) -> tuple[str, ...]:
    of = "prompts" if view.side == "in" else "answers"
    told = f"{view.ratio:.3f} a byte" if view.method == "bytes" else f"{view.ratio:.3f} for one of ours"
    used = f"{view.samples}" if view.used else f"{view.samples}, too few"
    return view.provider, view.model, of, view.method, told, f"± {view.error:.1%}", used
