"""A plan and an undoing as they are told to a person: files with their diffs, and what is left to do."""

from collections.abc import Iterator

from llm_gateway.clients.connect.files import CannotChange, Change
from llm_gateway.clients.connect.planning import Plan, Wish, Words, steps_of
from llm_gateway.clients.connect.record import Record
from llm_gateway.clients.connect.showing import shown
from llm_gateway.clients.connect.undoing import undoing
from llm_gateway.clients.connections import FileShown, PutBack
from llm_gateway.clients.machine import Machine

__all__ = ["files_of", "put_back", "steps_left"]


def files_of(planned: Plan, machine: Machine) -> Iterator[FileShown]:
    """Yield the files of a plan."""
    for step in planned.steps:
        yield _shown(step.change, machine)


def put_back(record: Record, machine: Machine) -> PutBack:
    """Return what undoing a connection comes to."""
    files, said, failed = list[FileShown](), list[str](), list[str]()
    for kept in reversed(record.files):
        try:
            step = undoing(kept)
        except CannotChange as error:
            failed.append(str(error))
        else:
            files.append(_shown(step.change, machine))
            said.extend(step.said)
    return PutBack(tuple(files), tuple(said), tuple(failed))


def steps_left(wish: Wish, words: Words) -> list[str]:
    """Return what is left for a person to do."""
    steps = steps_of(wish, words)
    if not wish.files and wish.way.env:
        steps.append(f"llm-gateway run -- {(wish.row.commands or ('CMD',))[0]}")
    return steps


def _shown(change: Change, machine: Machine) -> FileShown:
    name = machine.shown(change.path)
    becomes = "made" if change.before is None else "removed" if change.after is None else "changed"
    return FileShown(name, becomes if change.changes else "kept", shown(change, name))
