"""`import`: take over what was before: another gateway's configuration, and what applications used."""

from pathlib import Path

import click

from llm_gateway.cli.import_usage import usage
from llm_gateway.cli.output import FAILED, Stop, say
from llm_gateway.config.litellm import Unreadable, translate
from llm_gateway.providers.catalog import load_catalog

__all__ = ["import_"]


@click.group("import")
def import_() -> None:
    """Take over from another gateway, or what applications used before."""


@import_.command()
@click.argument("file", type=click.Path(path_type=Path))
def litellm(file: Path) -> None:
    """Print the gateway.toml that says what a LiteLLM config.yaml says; what it cannot say is reported."""
    known = {row.name: row.base_url for row in load_catalog() if row.kind != "builtin"}
    try:
        translated = translate(file.read_text("utf-8"), known)
    except OSError as error:
        raise Stop(FAILED, f"error: {file}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise Stop(FAILED, f"error: {file}: it is not UTF-8") from None
    except Unreadable as error:
        raise Stop(FAILED, f"error: {file}: {error}") from None
    print(translated.toml, end="")
    for note in translated.notes:
        say(f"not taken over: {note}")


import_.add_command(usage)
