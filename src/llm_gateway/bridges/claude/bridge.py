"""The bridge to a Claude subscription: Claude Code on this machine, used as a plain model by its own user.

It drives the `claude` program by its stream-json stdio, with a client of our own, and not by the vendor's
SDK (pip `claude-agent-sdk`): that brings a second program of 380 MB along, and resumes a stored conversation
by copying the login out of the program's own store, which is none of our business. The program takes the
file of a conversation itself (`--resume FILE.jsonl`, with `--no-session-persistence`: nothing is written).

Terms: the login is for its owner's ordinary use (code.claude.com, "Legal and compliance"); see bridges.md.
"""

import asyncio
from collections.abc import AsyncIterator

from llm_gateway.bridges.claude.faults import no_login
from llm_gateway.bridges.claude.program import LEAST, Program
from llm_gateway.bridges.claude.turns import Turns
from llm_gateway.bridges.contract import Ask, LoginStep, Turn
from llm_gateway.bridges.faults import BridgeFault
from llm_gateway.bridges.health import BridgeModel, Health, account_mark
from llm_gateway.bridges.surroundings import Surroundings
from llm_gateway.config.bridges import BridgeSettings

__all__ = ["ClaudeBridge", "open_bridge"]

_MODELS = tuple(BridgeModel(alias, alias.capitalize()) for alias in ("sonnet", "opus", "haiku", "fable"))
"""The program's aliases, each the latest of its line; a full name of a model works as well."""

_LOOK = 2.0
_LOGGED_IN = "Claude Code is logged in"


def open_bridge(settings: BridgeSettings, around: Surroundings) -> "ClaudeBridge":
    """Open the bridge; no process is started yet."""
    return ClaudeBridge(settings, around)


class ClaudeBridge:
    """Claude Code as a bridge."""

    def __init__(self, settings: BridgeSettings, around: Surroundings) -> None:
        self._program = Program(settings, around)
        self._turns = Turns(self._program, around)
        self._models = tuple(BridgeModel(name) for name in settings.models)

    async def health(self) -> Health:
        """Ask the program for its version and its login; neither leaves this machine."""
        try:
            version = await self._program.check()
            login = await self._program.login()
            if not login.logged_in:
                raise no_login(self._program.command("auth", "login"))
        except BridgeFault as fault:
            required = LEAST if fault.kind == "version_mismatch" else ""
            return Health(
                fault.state or "error",
                fault.message,
                fault.action,
                version=self._program.found,
                required=required,
            )
        return Health(
            "ok",
            verified="login_seen",
            account=login.plan,
            version=version,
            windows=self._turns.windows,
            mark=account_mark("anthropic", login.org_id or ""),
            told_us=self._turns.told_us,
        )

    async def models(self) -> tuple[BridgeModel, ...]:
        """Return the models of the settings, else those that this login may use, else the usual aliases."""
        return self._models or self._turns.models or _MODELS

    def turn(self, ask: Ask) -> Turn:
        """Answer one turn."""
        return self._turns.turn(ask)

    async def login(self) -> AsyncIterator[LoginStep]:
        """Have a person run the program's own login, and wait until it is there."""
        await self._program.check()
        if not (await self._program.login()).logged_in:
            yield LoginStep(
                "run",
                "Run this in a terminal on the bridge's machine, and log in where it opens your browser. "
                f"Where there is none, run `{self._program.command('setup-token')}` where there is one, and "
                "start the gateway with CLAUDE_CODE_OAUTH_TOKEN set to what it shows.",
                command=self._program.command("auth", "login"),
            )
            while not (await self._program.login()).logged_in:  # noqa: ASYNC110 - nobody tells us
                await asyncio.sleep(_LOOK)
        yield LoginStep("done", _LOGGED_IN)

    async def answered(self, step: str) -> None:
        """Take nothing: this login has nothing to paste."""
        raise BridgeFault("refused", "this login has nothing to paste; run the command that it shows")

    async def logout(self) -> None:
        """Take the login back, by the program's own command."""
        self._turns.forget()
        status, _ = await self._program.run("auth", "logout")
        if status != 0:
            raise BridgeFault(
                "bridge_failed",
                f"`claude auth logout` failed; run `{self._program.command('auth', 'logout')}` in a terminal",
            )

    async def close(self) -> None:
        """End every session."""
        await self._turns.close()
        self._program.close()
