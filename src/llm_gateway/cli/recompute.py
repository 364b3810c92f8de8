"""`savings recompute`: whether every amount on record comes out again, and what other prices would change.

Read from the ledger, whether or not a gateway runs; nothing is written to it. The reckoning is
`ledger/recompute.py`.
"""

from collections.abc import Sequence

import click
import msgspec

from llm_gateway.cli.context import Context, json_option, pass_context
from llm_gateway.cli.figures import count, exact, figures_table, money
from llm_gateway.cli.output import FAILED, Stop, complain, json_line, say, waiting
from llm_gateway.cli.price_shop import Shop
from llm_gateway.cli.reading import since_us
from llm_gateway.clock import SystemClock
from llm_gateway.ledger.opening import reading
from llm_gateway.ledger.recompute import Mismatch, Recomputed, Revalued, recompute, revalue
from llm_gateway.server.views import iso

__all__ = ["recompute_command"]

_DECIMALS = 9
_TITLES = ("PROVIDER", "MODEL", "TURNS", "COST", "NOW", "LINES", "NOW", "NO PRICE")


@click.command("recompute")
@click.option("--since", default="", help="Only turns of this time, such as 30m, 24h or 7d.")
@click.option("--with-current-prices", is_flag=True, help="Say what the prices known now would change, too.")
@json_option
@pass_context
def recompute_command(context: Context, since: str, with_current_prices: bool, as_json: bool) -> None:
    """Reckon every turn again, from the tokens and price cards on record; exit 1 if an amount differs.

    Nothing is changed. With --with-current-prices each turn is also reckoned at the price that the
    configuration and the table have now for the time when it was asked.
    """
    loaded, begin_us = context.load(), since_us(since)
    changes: list[Revalued] | None = None
    with reading(loaded.home, SystemClock(), complain) as rows, waiting("the ledger to be reckoned again"):
        found = recompute(rows, begin_us)
        if with_current_prices:
            changes = revalue(rows, Shop(context).book, begin_us)
    if as_json:
        _print_json(found, changes)
    else:
        _print(found)
        if changes is not None:
            print()
            _print_changes(changes)
    if found.differing:
        why = f"error: {found.differing:,} of {found.turns:,} turns do not come out as they are on record"
        raise Stop(FAILED, "" if as_json else why)


def _print_json(found: Recomputed, changes: Sequence[Revalued] | None) -> None:
    told: dict[str, object] = {"reproduces": not found.differing, **msgspec.structs.asdict(found)}
    if changes is not None:
        told["at_current_prices"] = changes
    json_line("recompute", told)


def _print(found: Recomputed) -> None:
    cost, baseline = exact(found.cost_nano, _DECIMALS), exact(found.baseline_nano, _DECIMALS)
    rows = (
        ("turns", found.turns, ""),
        (
            "reproduced",
            found.reproduced,
            f"to the nanodollar: cost {cost}; baseline of what counts {baseline}",
        ),
        ("different", found.differing, ""),
        ("nothing to reckon", found.unreckoned, "no price, nobody to be paid, or nothing used"),
        ("interrupted", found.interrupted, "cost what was held for them, as it is on record"),
        ("from before", found.before, "amounts without cards, from an earlier version"),
        ("running", found.running, ""),
    )
    width = len(f"{found.turns:,}")
    for name, number, told in rows:
        if number or name in ("turns", "reproduced", "different"):
            print(f"{name:18} {number:>{width},}  {told}".rstrip())
    for each in found.first:
        print()
        _print_mismatch(each)
    if (more := found.differing - len(found.first)) > 0:
        say(f"and {more:,} more; `--since` asks for less")


def _print_mismatch(mismatch: Mismatch) -> None:
    print(f"{mismatch.id}  {iso(mismatch.at_us)}  {mismatch.why}")
    for name, kept in mismatch.kept.items():
        print(
            f"  {name:18} on record {_shown(name, kept)}, reckoned {_shown(name, mismatch.again.get(name))}"
        )


def _shown(name: str, value: object) -> str:
    if isinstance(value, int) and name.endswith("_nano"):
        return exact(value, _DECIMALS)
    return "nothing" if value in (None, "") else str(value)


def _print_changes(changes: Sequence[Revalued]) -> None:
    """Say what would change; a model for which nothing does is only in the sum."""
    sums = Revalued(
        "",
        "",
        *(sum(getattr(each, name) for each in changes) for name in Revalued.__struct_fields__[2:]),
    )
    changed = [each for each in changes if _differs(each) or each.unknown]
    rows = [_cells(each, each.provider, each.model) for each in changed]
    figures_table(_TITLES, [*rows, _cells(sums, "all", f"{len(changes)} models")], 2, 1)
    if not any(map(_differs, changes)):
        print("the prices known now change nothing")
    if sums.unknown:
        say(f"{sums.unknown:,} turns have no price now, and count as they are on record")


def _differs(each: Revalued) -> bool:
    return (each.cost_nano, each.lines_nano) != (each.new_cost_nano, each.new_lines_nano)


def _cells(each: Revalued, provider: str, model: str) -> list[str]:
    amounts = (each.cost_nano, each.new_cost_nano, each.lines_nano, each.new_lines_nano)
    return [provider, model, count(each.turns), *map(money, amounts), count(each.unknown)]
