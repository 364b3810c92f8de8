"""A plan is carried out: first it is put on record, durably, then one file after another is written.

Whatever happens in between, the record is there, and undoing takes back as much as was done.
"""

from pathlib import Path

import msgspec

from llm_gateway.clients.connect.files import CannotChange, look, make_folders, write
from llm_gateway.clients.connect.planning import Plan
from llm_gateway.clients.connect.record import Record, write_record

__all__ = ["apply", "stands"]


def stands(plan: Plan, record: Record | None, key_id: str) -> bool:
    """Return whether a plan has been carried out already, in its way and with this key."""
    return not plan.changes and record is not None and (record.way, record.key_id) == (plan.wish.name, key_id)


def apply(plan: Plan, home: Path, key_id: str, at_us: int) -> Record:
    """Carry out a plan and return its record; CannotChange when a file is not as it was planned for."""
    for step in plan.steps:
        if look(step.change.path)[0] != step.change.before:
            raise CannotChange(
                f"{step.change.path} was written by somebody else meanwhile; nothing was changed: run the "
                "command again"
            )
    wish = plan.wish
    files = tuple(step.kept for step in plan.steps)
    record = Record(wish.row.id, wish.name, key_id, at_us, files, wish.telemetry)
    write_record(home, record)
    for step in plan.steps:
        if step.change.changes:
            make_folders(step.kept.folders)
            write(step.change)
    # What is of an earlier way, and nothing of this one, is as it was: no more need be known of it.
    left = tuple(step.kept for step in plan.steps if step.kept.made)
    if left != files:
        record = msgspec.structs.replace(record, files=left)
        write_record(home, record)
    return record
