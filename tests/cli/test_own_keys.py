"""The key of an application on this machine: one, kept for the owner, ended with the connection."""

import json
import stat
from pathlib import Path

import pytest

from gateway_process import GatewayProcess
from llm_gateway.cli.context import Context
from llm_gateway.cli.keys import key_views
from llm_gateway.cli.own_keys import end_own_key, known_key, own_key
from llm_gateway.clients.machine import machine_name
from llm_gateway.errors import ConfigError
from llm_gateway.vault import looks_like_key
from terminal import Terminal


@pytest.fixture(params=["running", "stopped"])
def context(request: pytest.FixtureRequest) -> Context:
    terminal = request.getfixturevalue("terminal" if request.param == "running" else "stopped")
    assert isinstance(terminal, Terminal)
    return Context({}, terminal.environ)


def kept(context: Context) -> Path:
    return context.load().home / "connections" / "zed.key"


def test_it_is_made_once_and_ended(context: Context) -> None:
    assert known_key(context, "zed") is None
    made = own_key(context, "zed")
    assert looks_like_key(made.key) and own_key(context, "zed") == made == known_key(context, "zed")
    assert stat.S_IMODE(kept(context).stat().st_mode) == 0o600
    (view,) = [view for view in key_views(context) if view.id == made.id]
    machine = machine_name(context.load().settings.clients.machine)
    assert (view.name, view.client, view.machine) == (f"zed@{machine}", "zed", machine)
    assert end_own_key(context, "zed", made.id) and not end_own_key(context, "zed")
    assert not kept(context).exists() and known_key(context, "zed") is None


def test_one_that_was_revoked_is_replaced(context: Context, request: pytest.FixtureRequest) -> None:
    first = own_key(context, "zed")
    terminal = request.getfixturevalue("terminal" if context.api_or_none() else "stopped")
    terminal.ok("keys", "revoke", first.id)
    second = own_key(context, "zed")
    assert second.id != first.id and json.loads(kept(context).read_bytes())["id"] == second.id
    kept(context).unlink()
    assert end_own_key(context, "zed", second.id)


def test_what_is_no_key_is_said(context: Context) -> None:
    own_key(context, "zed")
    kept(context).write_bytes(b"{}")
    with pytest.raises(ConfigError, match="holds no key of ours; delete it"):
        own_key(context, "zed")
    kept(context).unlink()


def test_its_requests_are_the_applications(terminal: Terminal, gateway: GatewayProcess) -> None:
    context = Context({}, terminal.environ)
    made = own_key(context, "zed")
    assert gateway.get("/v1/models", key=made.key).status == 200
    end_own_key(context, "zed")
    assert gateway.get("/v1/models", key=made.key).status == 401
