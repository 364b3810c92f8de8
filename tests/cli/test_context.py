"""Which gateway a command means, and what it does when that one does not run."""

from pathlib import Path

import click
import pytest

from llm_gateway.cli.context import Context, json_option, pass_context, which_options
from llm_gateway.cli.output import NOT_RUNNING, Stop
from llm_gateway.errors import ConfigError


def test_flags_win_over_the_environment(tmp_path: Path) -> None:
    environ = {"LLM_GATEWAY_HOME": str(tmp_path / "named"), "LLM_GATEWAY_SERVER__PORT": "1"}
    context = Context({"home": None, "config": None}, environ)
    assert context.load().home == tmp_path / "named"
    assert context.load(**{"server.port": 2}).settings.server.port == 2
    assert context.load().settings.server.port == 1
    context.choose("home", str(tmp_path / "chosen"))
    assert context.load().home == tmp_path / "chosen"


def test_a_configuration_that_is_wrong_is_said(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such file"):
        Context({"config": str(tmp_path / "none.toml")}, {}).load()


def test_without_a_gateway_there_is_no_way_to_one(tmp_path: Path) -> None:
    context = Context({"home": str(tmp_path)}, {})
    assert context.api_or_none() is None
    with pytest.raises(Stop, match=f"no gateway runs on {tmp_path}\nhint: `llm-gateway up`") as stopped:
        context.api()
    assert stopped.value.code == NOT_RUNNING


def test_options_behind_a_command_are_those_before_it(tmp_path: Path) -> None:
    homes: list[Path] = []

    @click.command()
    @json_option
    @pass_context
    def command(context: Context, as_json: bool) -> None:
        assert as_json
        homes.append(context.load().home)

    command.params.extend(which_options())
    before = Context({"home": str(tmp_path / "before")}, {})
    command.main(["--json"], obj=before, standalone_mode=False)
    command.main(["--json", "--home", str(tmp_path / "behind")], obj=before, standalone_mode=False)
    assert homes == [tmp_path / "before", tmp_path / "behind"]
