"""What a look at this machine finds: each application, its connection as we left it, and where its logs lie.

It reads the disk and the list of processes, and changes nothing. When it is done, and what becomes of it, is
`watching.py`; what it means is `coverage.py`.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

from llm_gateway.clients.catalog import catalog
from llm_gateway.clients.connect.record import Record, records
from llm_gateway.clients.connect.undoing import state
from llm_gateway.clients.coverage import Known
from llm_gateway.clients.detect import Detection, detect_all
from llm_gateway.clients.machine import Machine, Process, this_machine
from llm_gateway.config import Loaded
from llm_gateway.errors import ConfigError

__all__ = ["Logs", "MachineLook", "machine_look", "past_logs"]


Logs = Sequence[tuple[str, Sequence[tuple[str, Path]]]]
"""Applications that write logs, with the readers and the patterns of paths of each."""


class MachineLook:
    """A machine, seen from the gateway of a home.

    `machine` is asked for anew at each look, with what is known to run, or None to find out. `addresses` are
    those under which applications know the gateway.
    """

    def __init__(
        self,
        machine: Callable[[tuple[Process, ...] | None], Machine],
        home: Path,
        addresses: Callable[[], Sequence[str]],
        *,
        logs: bool,
    ) -> None:
        self._machine = machine
        self._home = home
        self._addresses = addresses
        self._reads_logs = logs

    def known(self) -> Mapping[str, Known]:
        """Return what is found of each application that is there, or was connected, by its id."""
        try:
            connected = {record.client: record for record in records(self._home)}
        except ConfigError:  # `connect` and `disconnect` say what is wrong with a record; the rest is found
            connected = {}
        found = detect_all(self._machine(None), self._addresses())
        known: dict[str, Known] = {}
        for client, detection in found.items():
            record = connected.get(catalog()[client].part_of or client)
            if detection.installed or record is not None:
                known[client] = _known(detection, record)
        return known

    def logs(self) -> Sequence[tuple[str, Sequence[tuple[str, Path]]]]:
        """Return the applications that write logs, with the readers and the patterns of paths of each."""
        if not self._reads_logs:
            return []
        machine = self._machine(())  # where logs lie: what runs is nothing to them
        return [
            (row.id, [(log.reader, path) for log in row.logs for path in machine.expand(log.paths, row)])
            for row in catalog().values()
            if row.logs and machine.platform in row.platforms
        ]


def machine_look(loaded: Loaded, environ: Mapping[str, str], url: Callable[[], str]) -> MachineLook:
    """Return a look at the machine that this program runs on, from the gateway that is configured."""
    logs = loaded.settings.clients.read_logs
    return MachineLook(partial(this_machine, environ), loaded.home, lambda: [url()], logs=logs)


def past_logs(environ: Mapping[str, str]) -> Logs:
    """Return what writes logs on the machine that this program runs on, for who has asked to read them."""
    look = MachineLook(partial(this_machine, environ), Path(), list, logs=True)
    return look.logs()


def _known(found: Detection, record: Record | None) -> Known:
    evidence = list(found.how)
    rewritten: tuple[str, ...] = ()
    if record is not None:
        rewritten = state(record).missing
        evidence.append(f"connected by its {record.way}")
    return Known(
        installed=found.installed,
        running=bool(found.running),
        started_us=found.since_us,
        points_at=found.points_at,
        connected_us=record.at_us if record is not None else 0,
        rewritten=rewritten,
        evidence=tuple(evidence),
    )
