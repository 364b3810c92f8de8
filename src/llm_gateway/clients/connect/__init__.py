"""Applications connected to the gateway, and back: plan, show, apply, undo.

Only files are changed, each as a whole and after a record of it as it was; which files and settings, the
catalog says. Keys are made and ended elsewhere, and nothing here asks anybody.
"""

from llm_gateway.clients.connect.applying import apply, stands
from llm_gateway.clients.connect.files import CannotChange, Change
from llm_gateway.clients.connect.own_key import (
    PLACEHOLDER,
    OwnKey,
    forget_own_key,
    keep_own_key,
    name_of_key,
    read_own_key,
)
from llm_gateway.clients.connect.planning import Plan, Wish, Words, needs_models, plan, steps_of, variables_of
from llm_gateway.clients.connect.record import Record, folder_of, read_record, records
from llm_gateway.clients.connect.showing import masked, shown
from llm_gateway.clients.connect.telling import files_of, put_back, steps_left
from llm_gateway.clients.connect.undoing import State, Undoing, Undone, state, undo, undoing

__all__ = [
    "PLACEHOLDER",
    "CannotChange",
    "Change",
    "OwnKey",
    "Plan",
    "Record",
    "State",
    "Undoing",
    "Undone",
    "Wish",
    "Words",
    "apply",
    "files_of",
    "folder_of",
    "forget_own_key",
    "keep_own_key",
    "masked",
    "name_of_key",
    "needs_models",
    "plan",
    "put_back",
    "read_own_key",
    "read_record",
    "records",
    "shown",
    "stands",
    "state",
    "steps_left",
    "steps_of",
    "undo",
    "undoing",
    "variables_of",
]
