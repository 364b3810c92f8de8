"""What keeps a bridge from answering that shows without it: no program, nothing to log in with, no login yet.

Told here so that the bridges that nobody uses cost nothing: they are neither started nor imported.
"""

from llm_gateway.bridges.health import Action, Health
from llm_gateway.bridges.process import find_program
from llm_gateway.bridges.surroundings import Surroundings
from llm_gateway.config.bridges import BridgeSettings
from llm_gateway.providers.catalog import BridgeRow

__all__ = ["absence"]


def absence(row: BridgeRow, settings: BridgeSettings, around: Surroundings) -> Health | None:
    """Return the state of a bridge that cannot answer, None when only the bridge itself can tell."""
    program = settings.command[0] if settings.command else row.program
    if program:
        if find_program(program, around.environ, settings.program) is not None:
            return None
        wanted = settings.program or program
        action = Action(f"install {wanted}, or say where it is as `program` in its table", row.install)
        return Health("not_installed", f"there is no program {wanted} on the path", action)
    if row.needs and not any(
        around.environ.get(name) or around.environ.get(f"{name}_FILE") for name in row.needs
    ):
        told = f"Set {' or '.join(row.needs)}."
        return Health("auth_required", told, Action(told))
    if around.folder.exists() or row.needs:
        return None
    login = f"llm-gateway login {settings.name}"
    return Health("auth_required", "nobody has logged in", Action("log in", login))
