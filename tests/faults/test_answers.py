"""Whole answers that are errors, redirects, bombs, wrongly framed or absurd: what the client gets of each."""

import gzip
import zlib
from collections.abc import Callable, Iterator

import brotli
import pytest
import zstandard

from faults.asking import DIALECTS, Asking
from faults.early import EarlyAnswer
from faults.stage import Stage, Start, Targets
from gateway_process import GatewayProcess
from rawhttp import Reply
from scripted import CloseOnReuse, Flood, Reset, Script, ScriptedUpstream, Send, chat, faults
from scripted.wording import LAST_CHUNK, chunk, head, response, stream_head

_MIB = 1024 * 1024
_JSON = ("content-type", "application/json")


@pytest.fixture(scope="module")
def _upstreams() -> Iterator[tuple[ScriptedUpstream, ScriptedUpstream]]:
    with ScriptedUpstream(("m",)) as first, ScriptedUpstream(("m",)) as second:
        yield first, second


@pytest.fixture(scope="module")
def stage(
    _upstreams: tuple[ScriptedUpstream, ScriptedUpstream], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stage]:
    """Start a gateway with one provider that fails alone, and as many pairs as a test may use up."""
    first, second = _upstreams
    targets = Targets()
    targets.add("alone", first.url)
    for number in range(60):  # what a pair remembers of its first provider is no other pair's business
        targets.alias(
            f"pair-{number}",
            targets.add(f"first-{number}", first.url),
            targets.add(f"second-{number}", second.url),
        )
    with GatewayProcess(tmp_path_factory.mktemp("answers"), targets.configuration()) as gateway:
        yield Stage(gateway, targets)


@pytest.fixture(scope="module")
def pairs() -> Iterator[str]:
    return (f"pair-{number}" for number in range(60))


@pytest.fixture
def first(_upstreams: tuple[ScriptedUpstream, ScriptedUpstream]) -> ScriptedUpstream:
    for upstream in _upstreams:
        upstream.forget()
    return _upstreams[0]


def broken(reply: Reply) -> str:
    """Return the message of an error of the gateway's own: 502, whatever the upstream did."""
    assert reply.status == 502, reply
    error = reply.error()
    assert str(error["code"]).startswith("upstream_")
    return str(error["message"])


def by_second(stage: Stage, pair: str, dialect: str = "chat", *, stream: bool = False) -> Reply:
    """Ask a pair whose first provider fails; the second one has to answer."""
    reply = stage.ask(pair, dialect, stream=stream)
    assert Asking(dialect, pair, stream).ends_well(reply), reply
    assert str(reply.header("x-llm-gateway-provider")).startswith("second-")
    assert len(stage.attempts(reply)) == 2
    return reply


# U12, U13


RETRY_AFTER = ["7", "0", "Wed, 21 Oct 2037 07:28:00 GMT", "-1", "99999999999", "soon", ""]


@pytest.mark.fault("U12")
@pytest.mark.parametrize("retry_after", RETRY_AFTER)
def test_a_429_fails_over_whatever_its_retry_after_says(
    stage: Stage, first: ScriptedUpstream, pairs: Iterator[str], retry_after: str
) -> None:
    first.queue(faults.failing(429, retry_after=retry_after))
    by_second(stage, next(pairs))


@pytest.mark.fault("U13")
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("status", [500, 502, 503, 529])
def test_a_failing_upstream_fails_over(
    stage: Stage, first: ScriptedUpstream, pairs: Iterator[str], status: int, stream: bool
) -> None:
    first.queue(faults.overloaded() if status == 529 else faults.failing(status))
    by_second(stage, next(pairs), stream=stream)


@pytest.mark.fault("U13")
@pytest.mark.parametrize("client", DIALECTS)
@pytest.mark.parametrize("status", [500, 503])
def test_a_page_of_html_is_an_error_in_the_clients_dialect(
    stage: Stage, first: ScriptedUpstream, pairs: Iterator[str], status: int, client: str
) -> None:
    first.queue(*[faults.failing(status, html=True)] * 9)  # it may be asked again, but not for long
    reply = stage.ask("alone/m", client)
    assert reply.status == status
    if client != "chat":  # whose own dialect's answers pass as they came
        assert Asking(client, "", False).error(reply)
    first.forget()
    first.queue(faults.failing(status, html=True))
    by_second(stage, next(pairs), client)


@pytest.mark.fault("U13")
@pytest.mark.parametrize("client", ["chat", "messages"])
@pytest.mark.parametrize("status", [400, 500, 503])
def test_of_an_endless_error_the_beginning_counts_and_the_rest_is_cut_off(
    stage: Stage, first: ScriptedUpstream, status: int, client: str
) -> None:
    begun = head(status, (("content-type", "text/html"), ("transfer-encoding", "chunked")))
    first.queue(*[(Send(begun), Flood(chunk(b"x" * 8192), 100_000))] * 9)
    reply = stage.ask("alone/m", client)
    assert reply.status == status
    assert reply.body == b"x" * 64 * 1024 if client == "chat" else Asking(client, "", False).error(reply)
    for asked in first.asked():
        first.wait_closed(asked.connection)
        assert asked.connection.ended_by == "peer" and asked.connection.sent < 4 * _MIB
    first.forget()
    assert stage.ask("alone/m").status == 200, "the next request is not spoilt"


# U14


@pytest.mark.fault("U14")
@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_credential_says_whose(stage: Stage, first: ScriptedUpstream, status: int) -> None:
    first.queue(faults.failing(status))
    reply = stage.ask("alone/m")
    assert reply.status == status and "scripted" in str(reply.error()["message"])
    assert len(first.asked()) == 1
    row = stage.row(reply)
    assert (row["status"], row["http_status"]) == ("error", status)


@pytest.mark.fault("U14")
def test_a_provider_that_wants_another_key_says_so_on_the_dashboard(start: Start) -> None:
    def unknown(request: object, names: object) -> Script:
        return faults.failing(401)

    with ScriptedUpstream((), (unknown,)) as upstream:
        targets = Targets()
        targets.add("subscription", upstream.url)
        stage = start(targets)
        providers = stage.gateway.dashboard("providers")["providers"]
        assert isinstance(providers, list)
        (row,) = [row for row in providers if row["name"] == "subscription"]
        assert row["state"] == "auth_required" and "key" in str(row["reason"])
        assert len(upstream.requests) <= 2, "it is not asked again and again"


# U15


@pytest.mark.fault("U15")
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed_and_the_key_goes_nowhere(
    stage: Stage, first: ScriptedUpstream, status: int
) -> None:
    with ScriptedUpstream() as elsewhere:
        for location in (f"{elsewhere.url}/v1/chat/completions", f"{first.url}/v1/elsewhere", "/loop"):
            first.forget()
            first.queue(faults.redirect(location, status))
            assert "redirect" in broken(stage.ask("alone/m"))
            assert len(first.asked()) == 1
        assert elsewhere.connections == []


# U16


_PACKED: dict[str, Callable[[bytes], bytes]] = {
    "gzip": lambda data: gzip.compress(data, 6),
    "deflate": lambda data: zlib.compress(data, 6),
    "br": lambda data: bytes(brotli.compress(data, quality=4)),
    "zstd": zstandard.compress,
}


@pytest.mark.fault("U16")
@pytest.mark.parametrize("coding", _PACKED)
def test_a_bomb_is_not_unpacked(stage: Stage, first: ScriptedUpstream, coding: str) -> None:
    bomb = response(200, _PACKED[coding](bytes(200 * _MIB)), (("content-encoding", coding),))
    first.queue((Send(bomb),))
    before = stage.gateway.status_kib("VmRSS")
    broken(stage.ask("alone/m"))
    assert stage.gateway.status_kib("VmHWM") - before < 200 * 1024
    assert first.asked()[0].header("accept-encoding") == "identity"


@pytest.mark.fault("U16")
@pytest.mark.parametrize("coding", [*_PACKED, "compress", "gzip, gzip", "x"])
def test_a_wrong_encoding_header_is_502(stage: Stage, first: ScriptedUpstream, coding: str) -> None:
    first.queue((Send(response(200, chat.completion("m"), (("content-encoding", coding),))),))
    broken(stage.ask("alone/m"))


@pytest.mark.fault("U16")
@pytest.mark.parametrize("client", ["chat", "messages"])
def test_a_packed_stream_is_no_success_that_nobody_can_read(
    stage: Stage, first: ScriptedUpstream, client: str
) -> None:
    packed = gzip.compress(b"".join(chat.events("m")))
    first.queue((Send(stream_head((("content-encoding", "gzip"),))), Send(chunk(packed)), Send(LAST_CHUNK)))
    asking, reply = Asking(client, "alone/m", True), stage.ask("alone/m", client, stream=True)
    assert asking.error(reply) or asking.ends_well(reply), reply


# U18, U20


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(
            name,
            marks=pytest.mark.fault(
                "U20" if "header" in name and "content" not in name and "half" not in name else "U18"
            ),
        )
        for name in faults.BROKEN_ANSWERS
        if name != "gzip that is not gzip"
    ],
)
def test_an_answer_nobody_can_use_is_502_or_the_next_targets(
    stage: Stage, first: ScriptedUpstream, pairs: Iterator[str], name: str
) -> None:
    first.queue(faults.BROKEN_ANSWERS[name])
    broken(stage.ask("alone/m"))
    assert stage.ask("alone/m").status == 200, "the next request is not spoilt"
    asked = first.asked()
    assert len(asked) == 2 and asked[0].connection is not asked[1].connection


@pytest.mark.fault("U18")
def test_a_content_length_that_is_too_short_is_502_and_ends_the_connection(
    stage: Stage, first: ScriptedUpstream
) -> None:
    short = head(200, (_JSON, ("content-length", "5"))) + chat.completion("m")
    first.queue((Send(short),))
    broken(stage.ask("alone/m"))
    assert stage.ask("alone/m").status == 200
    assert first.asked()[0].connection is not first.asked()[1].connection


@pytest.mark.fault("U20")
@pytest.mark.parametrize("where", ["x-injected", "x-request-id", "content-type"])
def test_a_line_break_in_a_header_does_not_reach_the_client(
    stage: Stage, first: ScriptedUpstream, where: str
) -> None:
    field = f"{where}: a\r set-cookie: b=c\r\n".encode()
    first.queue(
        (Send(response(200, chat.completion("m")).replace(b"\r\n\r\n", b"\r\n" + field + b"\r\n", 1)),)
    )
    reply = stage.ask("alone/m")
    assert reply.header("set-cookie") is None
    assert reply.status in (200, 502)


# U19


@pytest.mark.fault("U19")
@pytest.mark.parametrize("statuses", [(100,), (103,), (102, 103), (100, 100, 103)])
def test_interim_answers_are_passed_over(
    stage: Stage, first: ScriptedUpstream, statuses: tuple[int, ...]
) -> None:
    first.queue(faults.interim(*statuses))
    for _ in range(3):
        assert Asking("chat", "", False).text(stage.ask("alone/m")) == chat.TEXT


@pytest.mark.fault("U19")
def test_an_answer_before_the_body_is_read_reaches_the_client(start: Start) -> None:
    refusal = response(413, chat.error("too long", "invalid_request_error"), (("connection", "close"),))
    with EarlyAnswer(refusal) as upstream:
        targets = Targets()
        early = targets.add("early", upstream.url)
        stage = start(targets)
        for _ in range(3):
            reply = stage.gateway.chat(early, padding="x" * 8 * _MIB)
            assert (reply.status, reply.error()["message"]) == (413, "too long")


@pytest.mark.fault("U19")
def test_a_204_with_a_body_spoils_no_other_answer(stage: Stage, first: ScriptedUpstream) -> None:
    first.queue((Send(head(204, (("content-length", "5"),)) + b"hello"),))
    reply = stage.ask("alone/m")
    assert reply.status in (204, 502)
    for _ in range(3):
        assert Asking("chat", "", False).text(stage.ask("alone/m")) == chat.TEXT


# U22


ABSURD: dict[str, object] = {
    "absent": None,
    "empty": {},
    "negative": {"prompt_tokens": -5, "completion_tokens": -7, "total_tokens": -12},
    "huge": {"prompt_tokens": 10**18, "completion_tokens": 10**18},
    "beyond 64 bits": {"prompt_tokens": 10**30, "completion_tokens": 10**30},
    "text": {"prompt_tokens": "many", "completion_tokens": "7"},
    "fractions and truth": {"prompt_tokens": 1.5, "completion_tokens": True},
    "more read from the cache than there is": {
        "prompt_tokens": 5,
        "completion_tokens": 5,
        "prompt_tokens_details": {"cached_tokens": 900},
    },
    "a list": [1, 2, 3],
}
_SOUND = 10**12


@pytest.mark.fault("U22")
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("name", ABSURD)
def test_absurd_usage_is_not_believed(stage: Stage, first: ScriptedUpstream, name: str, stream: bool) -> None:
    usage = ABSURD[name]
    first.queue(chat.stream(chat.events("m", usage=usage)) if stream else chat.plain("m", usage=usage))
    reply = stage.ask("alone/m", stream=stream)
    assert Asking("chat", "", stream).ends_well(reply)
    row = stage.row(reply)
    assert row["status"] == "ok"
    for field in ("tokens_in", "tokens_out", "tokens_cached", "tokens_reasoning"):
        tokens = row[field]
        assert isinstance(tokens, int) and 0 <= tokens < _SOUND, (field, tokens)
    if name in ("absent", "empty", "text", "a list"):
        assert row["estimated"] is True and row["tokens_out"] != 0


@pytest.mark.fault("U22")
def test_usage_that_is_told_twice_counts_once(stage: Stage, first: ScriptedUpstream) -> None:
    *events, usage, done = chat.events("m")
    first.queue(chat.stream([*events, usage, usage, done]))
    row = stage.row(stage.ask("alone/m", stream=True))
    assert (row["tokens_in"], row["tokens_out"]) == (40, 12)


# U23


@pytest.mark.fault("U23")
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_a_connection_that_closes_at_its_reuse_fails_over_or_is_tried_once_more(
    stage: Stage, first: ScriptedUpstream, pairs: Iterator[str], stream: bool
) -> None:
    first.queue((Send(response(200, faults.ANSWER)), CloseOnReuse()))
    assert stage.ask("alone/m").status == 200
    reply = stage.ask("alone/m", stream=stream)
    asked = len(first.asked())
    assert (reply.status, asked) in ((200, 2), (502, 1)), (
        "at most once more, and only if nothing was answered"
    )
    assert stage.ask("alone/m").status == 200
    pair = next(pairs)
    first.queue((Send(response(200, faults.ANSWER)), CloseOnReuse()))
    assert stage.ask(pair).status == 200
    assert stage.ask(pair, stream=stream).status == 200


@pytest.mark.fault("U23")
def test_a_kept_connection_that_breaks_after_its_first_byte_is_not_tried_again(
    stage: Stage, first: ScriptedUpstream
) -> None:
    assert stage.ask("alone/m").status == 200
    first.forget()
    first.queue((Send(b"HTTP/1.1 200"), Reset()))
    broken(stage.ask("alone/m"))
    assert len(first.asked()) == 1
