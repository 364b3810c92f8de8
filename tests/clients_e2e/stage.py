"""Client, gateway and scripted model together: play one turn, and collect what each of the three saw."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from clients_e2e import scripted_model
from clients_e2e.rows import Client
from clients_e2e.running import Outcome, RefusingProxy, run
from clients_e2e.speech import SPEECHES, Heard
from clients_e2e.tap import Tap
from gateway_process import GatewayProcess, configuration
from scripted import Received, ScriptedUpstream
from server_stage import home_files

__all__ = ["Played", "Stage", "keeps_no_words", "staged"]

_SETTLED_S = 10.0


@dataclass(frozen=True)
class Played:
    """A turn that is over. `heard` are the turn's requests as the scripted model understood them."""

    name: str
    outcome: Outcome
    sent: bytes
    """Every byte that the client sent to the gateway."""
    asked: tuple[str, ...]
    """Its request lines."""
    statuses: frozenset[int]
    """The statuses that it was answered with."""
    outside: tuple[str, ...]
    """What it asked of the world beyond loopback, and did not get."""
    passed_on: tuple[Received, ...]
    """Whatever the upstream was asked meanwhile, lists of models, too."""
    requests: tuple[Received, ...]
    heard: tuple[Heard, ...]
    rows: tuple[dict[str, object], ...]
    details: tuple[dict[str, object], ...]
    """What the ledger keeps of each row beside what it shows of all."""

    @property
    def losses(self) -> list[str]:
        """Return what was said to be lost in this turn."""
        return sorted({str(loss) for detail in self.details for loss in as_list(detail["losses"])})

    def __str__(self) -> str:
        """Return it as a failing test shows it."""
        asked = "\n".join(
            f"{request.method} {request.target} {len(request.body)} bytes" for request in self.requests
        )
        rows = "\n".join(map(str, self.rows))
        lines = "\n".join([*self.asked, f"answered with {sorted(self.statuses)}"])
        refused = "\n".join(filter(None, (heard.refused for heard in self.heard)))
        outside = "\n".join(self.outside)
        return (
            f"{self.outcome}\n--- the client asked\n{lines}\n--- the upstream was asked\n{asked}\n"
            f"--- the upstream refused\n{refused}\n--- asked beyond loopback\n{outside}\n--- ledger\n{rows}"
        )


def as_list(value: object) -> list[object]:
    """Return a list that came as JSON."""
    assert isinstance(value, list)
    return value


@dataclass
class Stage:
    """A running gateway whose one provider is a scripted model of one dialect."""

    dialect: str
    home: Path
    gateway: GatewayProcess
    upstream: ScriptedUpstream
    tap: Tap
    path: str
    proxy: RefusingProxy
    _turns: int = field(default=0)

    def play(self, client: Client, kind: str) -> Played:
        """Run a client through one turn."""
        self._turns += 1
        name = f"{self.dialect}{self._turns}"
        self.upstream.forget()
        self.tap.forget()
        self.proxy.refused.clear()
        before = {row["id"] for row in self.gateway.rows()}
        words = {
            "url": f"http://{self.tap.name}",
            "key": self.gateway.key,
            "prompt": scripted_model.prompt(kind, name),
        }
        outcome = run(client, self.home / name, words, path=self.path, proxy=self.proxy.url)
        requests = tuple(request for request in self.upstream.asked() if scripted_model.named(request, name))
        rows = self._settled(before, len(requests))
        tap, speech = self.tap, SPEECHES[self.dialect]
        return Played(
            name,
            outcome,
            tap.sent,
            tuple(tap.asked),
            frozenset(tap.statuses),
            tuple(self.proxy.refused),
            tuple(self.upstream.requests),
            requests,
            tuple(speech.hear(asked.target.partition("?")[0], asked.json()) for asked in requests),
            rows,
            tuple(self.gateway.dashboard(f"requests/{row['id']}") for row in rows),
        )

    def _settled(self, before: set[object], wanted: int) -> tuple[dict[str, object], ...]:
        """Return the rows that are new, oldest first, once they are all there and none runs any more."""
        until = time.monotonic() + _SETTLED_S
        while True:
            rows = [row for row in self.gateway.rows() if row["id"] not in before]
            settled = len(rows) >= wanted and all(row["status"] != "running" for row in rows)
            if settled or time.monotonic() > until:
                return tuple(reversed(rows))
            time.sleep(0.05)


@contextmanager
def staged(
    dialect: str, home: Path, models: Sequence[str], ways: tuple[str, RefusingProxy]
) -> Iterator[Stage]:
    """Start a scripted model and a gateway before it that knows the models which the clients ask for.

    `ways` are the clients' search path and proxy.
    """
    served = SPEECHES[dialect].model
    with ScriptedUpstream([served], [scripted_model.ScriptedModel(dialect)]) as upstream, Tap() as tap:
        aliases = [f'"{model}" = ["scripted/{served}"]' for model in models if model != served]
        told = configuration(
            upstream.url,
            models=[served],
            server=f'hosts = ["{tap.name}"]',
            more="\n".join(["[aliases]", *aliases]),
        )
        told = told.replace('["chat"]', f'["{dialect}"]')
        with GatewayProcess(home, told) as gateway:
            tap.behind = gateway.port
            yield Stage(dialect, home, gateway, upstream, tap, *ways)
            keeps_no_words(gateway)


def keeps_no_words(gateway: GatewayProcess) -> None:
    """Check that nothing of what was asked and answered in any turn is kept or logged, nor any key."""
    kept = home_files(gateway.home / "gateway") + gateway.stderr().encode()
    for words in (*scripted_model.CANARIES, gateway.key):
        assert words.encode() not in kept, f"{words[:20]}… is kept"
