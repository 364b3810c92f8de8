"""What every command gets: the configuration of this call, and the way to a gateway that runs."""

import os
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import click

from llm_gateway.cli.local_api import LocalApi
from llm_gateway.cli.output import FAILED, NOT_RUNNING, Stop
from llm_gateway.config import Loaded, load
from llm_gateway.errors import ConfigError

__all__ = ["Context", "json_option", "pass_context"]

F = TypeVar("F", bound=Callable[..., Any])  # click's own decorators are typed so


class Context:
    """The call's options, and what follows from them when it is asked for."""

    def __init__(self, flags: Mapping[str, object], environ: Mapping[str, str] = os.environ) -> None:
        self.flags = flags
        self.environ = environ

    def load(self, **more: object) -> Loaded:
        """Return the configuration, with flags of the command."""
        try:
            return load(flags={**self.flags, **more}, environ=self.environ)
        except ConfigError as error:
            raise Stop(FAILED, f"error: {error}\nhint: `llm-gateway config check` checks the file") from None

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
