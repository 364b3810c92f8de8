"""`compress`: what compression would make of the requests in a file, and whether a model answers them alike.

Nothing is sent by `compress FILE`, and no gateway has to run. `compress verify` is `verify.py`.
"""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Literal

import click
import msgspec

from llm_gateway.cli.context import Context, json_option
from llm_gateway.cli.output import USAGE, Stop, json_line, plain, say, table
from llm_gateway.cli.price_shop import Shop
from llm_gateway.cli.request_files import counter, requests_in
from llm_gateway.cli.verify import verify
from llm_gateway.clock import SystemClock
from llm_gateway.compression.trial import Block, Trial, tried
from llm_gateway.dialects.registry import DIALECTS
from llm_gateway.ledger.tariff import TokenClass

__all__ = ["compress"]

_Policy = Literal["strict", "wide"]

_PRICED = (
    "anthropic/claude-opus-5-5",
    "anthropic/claude-sonnet-5-5",
    "openai/gpt-5.5",
    "google/gemini-2.5-pro",
    "deepseek/deepseek-v4-pro",
)
_MILLION = Decimal(1_000_000)


class _Files(click.Group):
    """A group whose own argument is a file, unless it is the name of a command."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Tell a file from a command."""
        if args and args[0] in self.commands:
            return super().parse_args(ctx, ["", *args])
        ctx.allow_interspersed_args = True
        return super().parse_args(ctx, args)


class _File(click.Argument):
    """The argument of the group: in the usage of a command below it, it is not."""

    def get_usage_pieces(self, ctx: click.Context) -> list[str]:
        """Return how it stands in a usage."""
        return super().get_usage_pieces(ctx) if isinstance(ctx.command, _Files) else []


class _Worth(msgspec.Struct, frozen=True):
    """What is saved of a model's price: with its prompt cache in use, and without."""

    model: str
    usd_cached: str
    usd_uncached: str
    usd_write: str
    usd_read: str


@click.group(cls=_Files, invoke_without_command=True)
@click.argument("file", cls=_File, required=False, default="")
@click.option("--policy", type=click.Choice(["strict", "wide"]), default="strict", help="How much goes.")
@click.option("--dialect", type=click.Choice(sorted(DIALECTS)), default=None, help="Else it is found out.")
@click.option("--tool", default="bash", show_default=True, help="Which tool said what is no JSON.")
@click.option("--model", "models", multiple=True, help="A model to price it for; several may be named.")
@click.option("--show", is_flag=True, help="Print each result as it would be sent, too.")
@json_option
@click.pass_context
def compress(
    click_context: click.Context, /, file: str, policy: _Policy, show: bool, as_json: bool, **how: object
) -> None:
    """Say what compression would do to the requests in FILE; nothing is sent.

    FILE is the body of a request, conversations one a line, or plain text: what one tool has said.
    """
    if click_context.invoked_subcommand is not None:
        return
    if not file:
        raise Stop(USAGE, "error: no FILE is named\nhint: `llm-gateway compress --help`")
    requests = requests_in(file, str(how["tool"]), str(how["dialect"] or ""))
    count, counted = counter()
    trials = [tried(request, policy, count) for request in requests]
    models = msgspec.convert(how["models"], tuple[str, ...])
    worth = _worths(click_context.ensure_object(Context), models, trials)
    if as_json:
        json_line("compress", _view(trials, worth, policy, counted, show=show))
        return
    _print(trials, show=show)
    _print_sum(trials, worth, counted)


compress.add_command(verify)


# what it is worth


def _worths(context: Context, models: Sequence[str], trials: Sequence[Trial]) -> list[_Worth]:
    blocks = [block for trial in trials for block in trial.blocks]
    now_us, shop = SystemClock().now_us(), Shop(context)
    found: list[_Worth] = []
    for model in models or _PRICED:
        uses = shop.uses(model, now_us)
        if uses:
            found.append(_worth(model, uses[0].tariff.rates(0), blocks))
        elif models:
            say(f"warning: no price of {model} is known")
    return found


def _worth(model: str, rates: Mapping[TokenClass, Decimal], blocks: Iterable[Block]) -> _Worth:
    """Price what is saved: written to a cache once and read in every later request, or sent each time."""
    price = rates.get("input", Decimal(0))
    write, read = rates.get("cache_write", price), rates.get("cache_read", price)
    cached = uncached = Decimal(0)
    for block in blocks:
        saved = block.tokens_before - block.tokens_after
        if saved and block.sends:
            cached += saved * (write + read * (block.sends - 1))
            uncached += saved * price * block.sends
    return _Worth(model, _dollars(cached), _dollars(uncached), f"{write:f}", f"{read:f}")


def _dollars(amount: Decimal) -> str:
    return f"{amount / _MILLION:.6f}"


# how it is shown


def _view(
    trials: Sequence[Trial], worth: Sequence[_Worth], policy: _Policy, counted: str, *, show: bool
) -> dict[str, object]:
    tokens, saved = sum(each.tokens for each in trials), sum(each.saved for each in trials)
    return {
        "policy": policy,
        "counted": counted,
        "tokens_before": tokens,
        "tokens_after": tokens - saved,
        "failures": sum(each.failures for each in trials),
        "worth": worth,
        "requests": [
            {
                "name": each.name,
                "dialect": each.dialect,
                "tokens_before": each.tokens,
                "tokens_after": each.tokens - each.saved,
                "results": [_block(block, show=show) for block in each.blocks],
            }
            for each in trials
        ],
    }


def _block(block: Block, *, show: bool) -> dict[str, object]:
    after = block.before if block.after is None else block.after
    told: dict[str, object] = {
        "result": block.number,
        "tool": block.tool,
        "encoded": block.encoded,
        "bytes_before": _size(block.before),
        "bytes_after": _size(after),
        "tokens_before": block.tokens_before,
        "tokens_after": block.tokens_after,
        "requests": block.sends,
    }
    return {**told, "text": after} if show else told


def _print(trials: Sequence[Trial], *, show: bool) -> None:
    titles = ("RESULT", "TOOL", "BYTES", "SENT", "TOKENS", "SENT", "SAVED")
    for trial in trials:
        if len(trials) > 1:
            print(f"{plain(trial.name)}  {trial.dialect}  {trial.tokens} tokens, {_share(trial)} saved")
            if not show:
                continue
        elif trial.blocks:
            table(titles, map(_row, trial.blocks))
        if show:
            for block in trial.blocks:
                if block.after is not None:
                    print(f"\n--- result {block.number}, as it would be sent ---")
                    print(plain(block.after, "\n\t"))


def _row(block: Block) -> Sequence[object]:
    after = block.before if block.after is None else block.after
    saved = block.tokens_before - block.tokens_after
    share = f"{saved / block.tokens_before:.0%}" if block.encoded and block.tokens_before else ""
    sizes = (_size(block.before), _size(after), block.tokens_before, block.tokens_after)
    return (block.number, block.tool, *sizes, share)


def _print_sum(trials: Sequence[Trial], worth: Sequence[_Worth], counted: str) -> None:
    tokens, saved = sum(each.tokens for each in trials), sum(each.saved for each in trials)
    results = sum(len(each.blocks) for each in trials)
    encoded = sum(block.encoded for each in trials for block in each.blocks)
    by = "o200k's" if counted == "o200k" else "estimated from bytes"
    print()
    print(f"{encoded} of {results} results would be sent shorter")
    share = f" ({saved / tokens:.1%})" if tokens else ""
    print(f"{tokens} tokens of prompt, {tokens - saved} sent: {saved} saved{share}; tokens are {by}")
    if saved and worth:
        print()
        rows = [
            (each.model, each.usd_write, each.usd_read, each.usd_cached, each.usd_uncached) for each in worth
        ]
        table(("MODEL", "$/M WRITE", "$/M READ", "SAVED $", "WITHOUT CACHE $"), rows)
    if counted == "bytes":
        say("hint: with the extra `tokens` they are counted: pip install 'llm-gateway[tokens]'")


def _share(trial: Trial) -> str:
    return f"{trial.saved / trial.tokens:.1%}" if trial.tokens else "0"


def _size(text: str) -> int:
    return len(text.encode("utf-8", "replace"))
