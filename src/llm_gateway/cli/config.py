"""`config`: check the file, show the values with where they come from, say where the file is."""

from pathlib import Path

import click
import msgspec

from llm_gateway.cli.context import Context, json_option, pass_context
from llm_gateway.cli.output import FAILED, Stop, json_line, say
from llm_gateway.config import check as check_file
from llm_gateway.errors import ConfigError

__all__ = ["config"]


@click.group()
def config() -> None:
    """Check and show the configuration."""


@config.command()
@click.argument("file", required=False, type=click.Path(path_type=Path))
@pass_context
def check(context: Context, file: Path | None) -> None:
    """Check FILE, or the configuration as it would be used."""
    if file is None:
        loaded = context.load()
        for warning in loaded.warnings:
            say(f"warning: {warning}")
        say(
            f"{loaded.file} is good"
            if loaded.file.exists()
            else f"there is no {loaded.file}: the defaults count"
        )
        return
    try:
        check_file(file)
    except ConfigError as error:
        raise Stop(FAILED, f"error: {error}") from None
    say(f"{file} is good")


@config.command()
@click.option("--origin", is_flag=True, help="Say where each value comes from.")
@json_option
@pass_context
def show(context: Context, origin: bool, as_json: bool) -> None:
    """Show every setting as it is used; secrets are named, never shown."""
    loaded = context.load()
    values = msgspec.to_builtins(loaded.settings)
    secrets = {"bootstrap_key": loaded.bootstrap_key, "dashboard_token": loaded.dashboard_token}
    shown = dict(_leaves(values)) | {name: "***" if secret else "not set" for name, secret in secrets.items()}
    origins = {name: str(where) for name, where in loaded.origins.items()}
    if as_json:
        json_line(
            "config",
            {"settings": values, "origins": origins, "home": str(loaded.home), "file": str(loaded.file)},
        )
        return
    for name, value in shown.items():
        print(f"{name} = {value}" + (f"    # {origins.get(name, 'default')}" if origin else ""))


@config.command()
@pass_context
def path(context: Context) -> None:
    """Say where the file is or would be."""
    print(context.load().file)


def _leaves(value: object, name: str = "") -> list[tuple[str, object]]:
    if isinstance(value, dict) and value:
        return [
            leaf for key, inner in value.items() for leaf in _leaves(inner, f"{name}.{key}" if name else key)
        ]
    if isinstance(value, (list, tuple)) and value and isinstance(value[0], dict):
        return [leaf for inner in value for leaf in _leaves(inner, f"{name}.{inner.get('name', '')}")]
    return [(name, msgspec.json.encode(value).decode())]
