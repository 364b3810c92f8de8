"""Errors: one member, and it is a sentence; others' are read in any form."""

import pytest

from llm_gateway.canonical.response import Failure
from llm_gateway.dialects.ollama.errors import decode_error, encode_broken, encode_error, encode_failure
from llm_gateway.errors import UnknownModel

NOTHING = "the upstream answered with status 502 and nothing that says why"


def test_errors_are_a_sentence() -> None:
    assert encode_error(UnknownModel("no such model", param="model")) == b'{"error":"no such model"}'
    assert encode_failure(Failure(429, 'slow "down"', "t", "c", "p")) == b'{"error":"slow \\"down\\""}'
    assert encode_broken("it broke") == b'{"error":"it broke"}\n'


@pytest.mark.parametrize(
    ("body", "failure"),
    [
        (b'{"error":"model \'x\' not found"}', Failure(502, "model 'x' not found")),
        (b'{"error":"x","other":1}', Failure(502, "x")),
        (b'{"detail":"x"}', Failure(502, "x")),
        (b'{"message":"x"}', Failure(502, "x")),
        (b'"x"', Failure(502, "x")),
        (
            b'{"error":{"message":"x","type":"t","code":5,"param":"p"}}',
            Failure(502, "x", "t", "5", "p"),
        ),
        (b'{"error":{"message":[]}}', Failure(502, NOTHING, "", "", "")),
        (b'{"error":""}', Failure(502, NOTHING)),
        (b'{"error":5}', Failure(502, NOTHING)),
        (b"[]", Failure(502, NOTHING)),
        (b"upstream connect error", Failure(502, "upstream connect error")),
        (b"<html>bad gateway</html>", Failure(502, NOTHING)),
        (b"\xff\xfe", Failure(502, NOTHING)),
        (b"", Failure(502, NOTHING)),
    ],
)
def test_errors_of_others_are_read(body: bytes, failure: Failure) -> None:
    assert decode_error(502, body) == failure


def test_a_login_that_is_missing_is_named_with_its_command() -> None:
    failure = decode_error(401, b'{"error":"unauthorized","signin_url":"https://ollama.com/connect?key=k"}')
    assert failure.message == "unauthorized: run `ollama signin` on the machine of the Ollama server"


def test_texts_are_cut() -> None:
    assert len(decode_error(500, b'{"error":"%b"}' % (b"x" * 9000)).message) == 4096
    assert len(decode_error(500, b"x" * 90_000).message) == 4096
