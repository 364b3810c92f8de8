"""Every recorded answer through the gateway as a person would start it: the ledger's row has the figure.

Asked in the provider's own dialect and in another one, so that nothing of a count is lost on either way, and
priced at prices by which every class of tokens can be told from every other.
"""

import sqlite3
from collections.abc import Iterator

import msgspec
import pytest

from faults.asking import Asking
from gateway_process import GatewayProcess
from llm_gateway.canonical.usage import Special, Usage
from rawhttp import Reply
from recorded import BY_DIALECT, FORWARDED, Case, cost
from scripted import Close, Script, ScriptedUpstream, Send
from scripted.wording import LAST_CHUNK, chunk, head, response

ANOTHER = {
    "chat": "messages",
    "responses": "chat",
    "messages": "chat",
    "gemini": "responses",
    "ollama": "gemini",
}
"""A dialect of a client for each of a provider: not its own."""

# Names of vendors that are to be paid; one that nobody knows, on loopback, is somebody's own.
NAMES = {
    "chat": "openai",
    "responses": "xai",
    "messages": "anthropic",
    "gemini": "gemini",
    "ollama": "nvidia",
}

PRICES = """
input = 1
output = 10
cache_read = 0.1
cache_write = 1.25
cache_write_1h = 2
audio_in = 5
audio_out = 20
search = 10
batch = 1
flex = 1
priority = 1
"""
_COLUMNS = (
    "outcome, uncached, cache_read, cache_write, output, reasoning, estimated, cache_write_1h, special, "
    "tier, counted, cost_nano"
)
ALL = [
    (dialect, client, case)
    for dialect, cases in BY_DIALECT.items()
    for client in (dialect, ANOTHER[dialect])
    for case in cases
]
IDS = [f"{dialect}-for-{client}-{case.name}" for dialect, client, case in ALL]


class Row(msgspec.Struct, frozen=True):
    """What the ledger says of a turn."""

    outcome: str
    usage: Usage | None
    tier: str
    counted: str
    cost: int | None


@pytest.fixture(scope="module")
def upstream() -> Iterator[ScriptedUpstream]:
    with ScriptedUpstream(("m",)) as upstream:
        yield upstream


@pytest.fixture(scope="module")
def gateway(upstream: ScriptedUpstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    """Start a gateway with a provider for each dialect."""
    rows = ['[server]\ndefault_provider = "openai"\n']
    for dialect, name in NAMES.items():
        rows.append(
            f'[[providers]]\nname = "{name}"\nbase_url = "{upstream.url}"\ndialects = ["{dialect}"]\n'
            f'api_key_env = "SCRIPTED_API_KEY"\nmodels = ["m"]\n'
        )
        rows.append(f'[[prices.models]]\nmodel = "{name}/*"\n{PRICES}')
    rows.append("[routing]\nretries = 0\nlongest_cool_down = 0")
    with GatewayProcess(tmp_path_factory.mktemp("settled"), "\n".join(rows)) as gateway:
        yield gateway


def script(case: Case, kind: str) -> Script:
    """Return how a provider answers; one whose answer breaks off closes its connection."""
    if not case.stream:
        return (Send(response(200, case.body)),)
    stream = head(200, (("content-type", kind), ("transfer-encoding", "chunked"))) + chunk(case.body)
    return (Send(stream + LAST_CHUNK),) if case.whole else (Send(stream), Close())


def settled(gateway: GatewayProcess, reply: Reply) -> Row:
    """Return the row of a request, read from the database itself."""
    request_id = reply.header("x-llm-gateway-request-id")
    gateway.row(request_id)  # which waits until it is there
    with sqlite3.connect(f"file:{gateway.database}?mode=ro", uri=True) as database:
        (row,) = database.execute(f"SELECT {_COLUMNS} FROM turns WHERE id = ?", (request_id,)).fetchall()
    outcome, uncached, read, write, output, reasoning, estimated, kept_1h, told, tier, counted, nano = row
    usage = None
    if uncached is not None:
        special = msgspec.json.decode(told, type=Special) if told else None
        usage = Usage(uncached, read, write, output, reasoning, bool(estimated), kept_1h or 0, special)
    return Row(outcome, usage, tier or "", counted or "", nano)


def asked(gateway: GatewayProcess, asking: Asking) -> Reply:
    with gateway.client() as client:
        client.send(asking.request(gateway.key))
        return client.read_reply()


@pytest.mark.parametrize(("dialect", "client", "case"), ALL, ids=IDS)
def test_the_row_has_the_figure(
    dialect: str, client: str, case: Case, upstream: ScriptedUpstream, gateway: GatewayProcess
) -> None:
    kind = "application/x-ndjson" if dialect == "ollama" else "text/event-stream"
    upstream.queue(script(case, kind))
    row = settled(gateway, asked(gateway, Asking(client, f"{NAMES[dialect]}/m", case.stream)))
    assert row.outcome == ("ok" if case.whole else "truncated")
    assert row.usage is not None
    if case.usage is None:  # nobody counted: an estimate, which says that it is one
        assert row.usage.estimated
        assert row.counted != "provider"
        return
    assert row.tier == case.tier
    if case.whole:
        assert row.usage == case.usage
        assert row.counted == "provider"
    else:  # what came after the last count is added to it, marked
        assert row.usage.output >= case.usage.output
        counted = msgspec.structs.replace(row.usage, output=case.usage.output, estimated=False)
        assert counted == case.usage
    if case.tier in ("", "flex", "priority", "batch"):
        assert row.cost == cost(row.usage)


@pytest.mark.parametrize("case", FORWARDED, ids=lambda case: case.name)
def test_the_row_of_what_is_passed_on_has_the_figure(
    case: Case, upstream: ScriptedUpstream, gateway: GatewayProcess
) -> None:
    upstream.queue(script(case, "text/event-stream"))
    row = settled(gateway, gateway.post(f"/v1/{case.operation}", b'{"model": "openai/m"}'))
    assert (row.outcome, row.usage) == ("ok", case.usage)
    if case.usage is not None:
        assert (row.tier, row.cost) == (case.tier, cost(case.usage))


def test_a_look_at_a_batch_uses_nothing(upstream: ScriptedUpstream, gateway: GatewayProcess) -> None:
    """What its requests have used is told with every look, and would be billed with every look."""
    (made,) = [case for case in FORWARDED if case.name == "batch-made"]
    upstream.on("", (Send(response(200, made.body)),))
    for _ in range(2):
        row = settled(gateway, gateway.get("/v1/batches/batch_1"))
        assert (row.outcome, row.usage, row.cost or 0) == ("ok", None, 0)
