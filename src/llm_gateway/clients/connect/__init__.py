"""Applications connected to the gateway, and back: plan, show, apply, undo.

Only files are changed, each as a whole and after a record of it as it was; which files and settings, the
catalog says. Keys are made and ended elsewhere, and nothing here asks anybody.
"""

from llm_gateway.clients.connect.applying import apply
from llm_gateway.clients.connect.files import CannotChange, Change
from llm_gateway.clients.connect.planning import Plan, Wish, Words, needs_models, plan, steps_of, variables_of
from llm_gateway.clients.connect.record import Record, folder_of, read_record, records
from llm_gateway.clients.connect.showing import masked, shown
from llm_gateway.clients.connect.undoing import State, Undoing, Undone, state, undo, undoing

__all__ = [
    "CannotChange",
    "Change",
    "Plan",
    "Record",
    "State",
    "Undoing",
    "Undone",
    "Wish",
    "Words",
    "apply",
    "folder_of",
    "masked",
    "needs_models",
    "plan",
    "read_record",
    "records",
    "shown",
    "state",
    "steps_of",
    "undo",
    "undoing",
    "variables_of",
]
