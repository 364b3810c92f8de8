"""The model process: llama.cpp's server on a loopback port, for the gateway that started it alone.

A process of its own, because loading the weights holds the interpreter for half a second and more, the
weights would count as the gateway's memory, and a crash in native code would take the gateway along.

It takes its orders from stdin and ends when stdin does: no gateway, no model, however the gateway ended.
Interrupts of the terminal are left to the gateway, which still needs the model while it drains.
"""

import os
import signal
import sys
from urllib.parse import urlsplit

import msgspec
import xllamacpp

from llm_gateway.engines.local.orders import Orders, Ready

__all__ = ["main", "parameters"]

# A client that leaves is noticed between two batches: at 200 tokens/s, within seconds. It is also the
# longest text that can be embedded.
_BATCH = 1024
_CACHE_MIB = 64
_MEAN_POOLING = 1


def main() -> None:
    """Serve until stdin ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    answers = os.dup(1)
    os.dup2(2, 1)  # stdout speaks to the gateway, whatever native code prints
    orders = msgspec.json.decode(sys.stdin.buffer.readline(), type=Orders)
    server = xllamacpp.Server(parameters(orders))
    port = urlsplit(server.listening_address).port
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # what it logs from here on is about requests
    os.write(answers, msgspec.json.encode(Ready(port=port or 0)) + b"\n")
    sys.stdin.buffer.read()
    os._exit(0)  # nothing is worth waiting for: there is nobody to answer to


def parameters(orders: Orders) -> xllamacpp.CommonParams:
    """Return how llama.cpp is to run: loopback, with a key, no pages, no peeking into other requests."""
    wanted = xllamacpp.CommonParams()
    wanted.model.path = orders.weights
    wanted.model_alias = {orders.alias}
    wanted.hostnames = ["127.0.0.1"]
    wanted.port = 0
    wanted.api_keys = [orders.key]
    wanted.cors_origins = ""
    wanted.ui = False
    wanted.endpoint_slots = False
    wanted.cpuparams.n_threads = orders.threads
    wanted.cpuparams_batch.n_threads = orders.threads
    wanted.n_ctx = orders.context
    wanted.n_parallel = orders.slots
    wanted.kv_unified = True  # any one request may use the whole context
    wanted.n_batch = _BATCH
    wanted.n_ubatch = _BATCH
    wanted.cache_ram_mib = _CACHE_MIB
    wanted.sleep_idle_seconds = orders.rest_s
    wanted.embedding = True  # answers both embeddings and text, measured at the same speed
    wanted.pooling_type = _MEAN_POOLING
    wanted.fit_params = False
    wanted.warmup = False
    return wanted


if __name__ == "__main__":
    main()
