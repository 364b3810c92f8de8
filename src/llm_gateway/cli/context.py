"""What every command gets: the configuration of this call, and the way to a gateway that runs."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import click

from llm_gateway.cli.local_api import LocalApi
from llm_gateway.cli.output import NOT_RUNNING, Stop
from llm_gateway.config import Loaded, load

__all__ = ["Context", "json_option", "pass_context", "which_options"]

F = TypeVar("F", bound=Callable[..., Any])  # click's own decorators are typed so


class Context:
    """The call's options, and what follows from them when it is asked for."""

    def __init__(self, flags: Mapping[str, object], environ: Mapping[str, str]) -> None:
        self._flags = dict(flags)
        self.environ = environ

    def choose(self, name: str, value: object) -> None:
        """Take an option that stands behind the command."""
        self._flags[name] = value

    def flags(self, **more: object) -> dict[str, object]:
        """Return what was said on the command line, with flags of the command."""
        return {**self._flags, **more}

    def load(self, **more: object) -> Loaded:
        """Return the configuration, with flags of the command; ConfigError says what is wrong with it."""
        return load(flags=self.flags(**more), environ=self.environ)

    def api(self) -> LocalApi:
        """Return the way to the running gateway; ends the command when none runs."""
        loaded = self.load()
        api = LocalApi.find(loaded.home)
        if api is None:
            raise Stop(NOT_RUNNING, f"no gateway runs on {loaded.home}\nhint: `llm-gateway up` starts one")
        return api

    def api_or_none(self) -> LocalApi | None:
        """Return the way to the running gateway, or None when none runs."""
        return LocalApi.find(self.load().home)


pass_context = click.make_pass_decorator(Context)


def json_option(command: F) -> F:
    """Add `--json` to a command that reads."""
    return click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")(command)


def which_options() -> list[click.Parameter]:
    """Return the options that say which gateway is meant, for a command that lets them stand behind it."""
    return [
        click.Option([f"--{name}"], hidden=True, expose_value=False, callback=_choose)
        for name in ("home", "config")
    ]


def _choose(context: click.Context, option: click.Parameter, value: str | None) -> None:
    chosen = context.find_object(Context)
    if value is not None and chosen is not None and option.name is not None:
        chosen.choose(option.name, value)
