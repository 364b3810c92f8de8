"""What a bridge is given to work with, whichever vendor's it is."""

from collections.abc import Mapping
from pathlib import Path

import msgspec

from llm_gateway.clock import Clock
from llm_gateway.tasks import Tasks
from llm_gateway.upstream.client import Upstream

__all__ = ["Surroundings"]


class Surroundings(msgspec.Struct, frozen=True):
    """The environment of whoever runs the bridge, time, owned tasks, the way out, and a folder of its own.

    `folder` is in the home, made by the bridge when it needs it, mode 0700.
    """

    environ: Mapping[str, str]
    clock: Clock
    tasks: Tasks
    upstream: Upstream
    folder: Path
