"""Moving a sign-in to a machine without a browser: out of one installation into a sealed file, into another.

developers.openai.com, siwc/token-sharing-open-source, "Self-hosted VMs": the registration and its tokens
move, the other machine keeps the id of its own installation, and only it renews them from then on. So the
tokens leave the first machine's file as soon as they are in the other; that opens with a code, shown once
and never kept.
"""

import os
import secrets
from pathlib import Path

import msgspec

from llm_gateway.bridges.chatgpt.keeping import Store, packed, unpacked
from llm_gateway.bridges.chatgpt.refusals import MOVED, nobody
from llm_gateway.bridges.faults import BridgeFault
from llm_gateway.bridges.sealed import SealBroken, SealedFile
from llm_gateway.errors import ConfigError
from llm_gateway.vault import Secret

__all__ = ["export_login", "import_login"]

_PURPOSE = "chatgpt transfer"


async def export_login(store: Store, path: Path) -> Secret:
    """Move the sign-in into a new file; return the code that opens it. BridgeFault says why not.

    This installation is signed out by it, without taking the tokens back.
    """
    code = Secret(secrets.token_urlsafe(24))
    async with store.changing():
        known = store.read()
        if known is None or known.tokens is None:
            raise nobody()
        if _taken(path):
            raise _refused(f"{path} is there already; name a file that is not")
        file = _sealed(path, code)
        try:
            file.write(packed(known))
        except ConfigError as error:
            raise _refused(str(error)) from None
        try:
            store.write(msgspec.structs.replace(known, tokens=None, ended=MOVED))
        except BridgeFault:
            file.clear()
            raise
    return code


async def import_login(store: Store, path: Path, code: Secret) -> None:
    """Take a sign-in over from a file, and remove that; BridgeFault says why not."""
    async with store.changing():
        file = _sealed(path, code)
        try:
            data = file.read()
            moved = None if data is None else unpacked(data)
        except (SealBroken, ValueError):
            raise _refused(
                f"{path} does not open with this code; it was altered, or the code mistyped"
            ) from None
        except ConfigError as error:
            raise _refused(str(error)) from None
        if moved is None:
            raise _refused(f"{path} is not there")
        here = store.read()
        if here is not None and here.tokens is not None:
            raise _refused("somebody is signed in here already; run `llm-gateway logout chatgpt` first")
        store.host()
        store.write(moved)
        file.clear()


def _taken(path: Path) -> bool:
    return os.path.lexists(path)


def _sealed(path: Path, code: Secret) -> SealedFile:
    return SealedFile(path, _PURPOSE, lambda: code.reveal().encode("utf-8"))


def _refused(why: str) -> BridgeFault:
    return BridgeFault("refused", f"the sign-in with ChatGPT was not moved: {why}")
