"""The shape of a request, as the pipeline knows it: the server's and the tests' own both have it."""

from fakes import FakeIncoming, FakeWire
from llm_gateway.pipeline.incoming import Incoming


def test_an_exchange_of_the_server_has_the_shape() -> None:
    """The type checker proves the verbs; here the fields are looked for on the object itself."""
    for incoming in given(FakeWire().exchange(b"POST", b"/v1/embeddings"), FakeIncoming()):
        for name in Incoming.__annotations__:
            assert hasattr(incoming, name), name
        assert not incoming.started and not incoming.blocked
        assert incoming.memo.sender is None


def given(*incoming: Incoming) -> tuple[Incoming, ...]:
    return incoming
