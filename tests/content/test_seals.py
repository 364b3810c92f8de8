"""The cryptography is loaded when it is needed, and not before."""

import subprocess
import sys

from llm_gateway.content.seals import Place, load_sealer

LOADED = """
import sys
import llm_gateway.app
print("cryptography" in sys.modules, "llm_gateway.content.sealing" in sys.modules)
"""


def test_a_gateway_that_keeps_nothing_loads_no_cryptography() -> None:
    told = subprocess.run([sys.executable, "-c", LOADED], check=True, capture_output=True, text=True)
    assert told.stdout.split() == ["False", "False"]


def test_what_is_loaded_seals_and_opens() -> None:
    sealer = load_sealer(b"m" * 32)
    key = sealer.unwrap("key_1", sealer.make("key_1"))
    place = Place("key_1", "response", "resp_1", 1, 2)
    assert key.open(place, key.seal(place, b"text")) == b"text"
