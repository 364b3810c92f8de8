"""`config`: check the file, show the values with where they come from, say where the file is."""

from pathlib import Path

import click
import msgspec

from llm_gateway.cli.context import Context, json_option, pass_context
from llm_gateway.cli.output import FAILED, Stop, json_line, say
from llm_gateway.config import check as check_file
from llm_gateway.config.effective import effective
from llm_gateway.errors import ConfigError

__all__ = ["config"]


@click.group()
def config() -> None:
    """Check and show the configuration."""


@config.command()
@click.argument("file", required=False, type=click.Path(path_type=Path))
@json_option
@pass_context
def check(context: Context, file: Path | None, as_json: bool) -> None:
    """Check FILE, or the configuration as it would be used."""
    warnings: tuple[str, ...] = ()
    problems: list[str] = []
    try:
        if file is not None:
            check_file(file)
        else:
            loaded = context.load()
            file, warnings = loaded.file, loaded.warnings
    except ConfigError as error:
        problems = str(error).splitlines()
    if as_json:
        named = str(file) if file is not None else None
        json_line("config-check", {"file": named, "problems": problems, "warnings": warnings})
    for warning in warnings:
        say(f"warning: {warning}")
    if problems:
        raise Stop(FAILED, "\n".join(f"error: {problem}" for problem in problems))
    assert file is not None
    say(f"{file} is good" if file.exists() else f"there is no {file}: the defaults count")


@config.command()
@click.option("--origin", is_flag=True, help="Say where each value comes from.")
@json_option
@pass_context
def show(context: Context, origin: bool, as_json: bool) -> None:
    """Show every setting as it is used; secrets are named, never shown."""
    loaded = context.load()
    secrets = {
        "bootstrap_key": loaded.bootstrap_key is not None,
        "dashboard_token": loaded.dashboard_token is not None,
    }
    if as_json:
        told = {
            "settings": msgspec.to_builtins(loaded.settings),
            "secrets": secrets,
            "origins": {name: str(each) for name, each in loaded.origins.items()},
        }
        json_line("config", {**told, "home": str(loaded.home), "file": str(loaded.file)})
        return
    for each in effective(loaded):
        print(f"{each.name} = {each.value}" + (f"    # {each.origin}" if origin else ""))


@config.command()
@json_option
@pass_context
def path(context: Context, as_json: bool) -> None:
    """Say where the file is or would be."""
    file = context.load().file
    if as_json:
        json_line("config-path", {"file": str(file), "exists": file.exists()})
    else:
        print(file)
