"""Install what others wrote to test such servers: the AI SDK for JavaScript, and conformance suites.

They go where the real clients go, in folders of their own; what is done with them is in `tests/js_e2e` and
`tests/conformance`. Standard library only.
"""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

from environment import Failed
from real_clients import Installation

__all__ = ["Suites"]

_ASK = (
    "import importlib.metadata as m, json, sys;"
    "print(json.dumps({name: m.version(name) for name in sys.argv[1:]}))"
)


class Suites(Installation):
    """The suites of one checkout."""

    what = "the AI SDK and conformance suites"
    size = "400 MB"
    stamp = "conformance.json"

    def __init__(self, root: Path) -> None:
        super().__init__(
            root,
            {
                "node": "clients/node/package.json",
                "ai-sdk": "tests/js_e2e/package.json",
                "suites": "tests/conformance/requirements.txt",
            },
        )

    @property
    def node(self) -> Path:
        """Return the program that runs JavaScript."""
        return self.folder / "node/node_modules/node/bin/node"

    @property
    def python(self) -> Path:
        """Return the Python that has the suites."""
        return self.folder / "suites/bin/python"

    def _versions(self) -> Iterator[tuple[str, str]]:
        yield "node", self._said(str(self.node), self.wanted("node")["node"])
        for package, version in self.wanted("ai-sdk").items():
            self._programs(self.folder / "ai-sdk/node_modules" / package, version)
            yield package, version
        wanted = self.wanted("suites")
        command = [str(self.python), "-c", _ASK, *wanted]
        told = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
        if wrong := {name: version for name, version in told.items() if version != wanted[name]}:
            raise Failed(f"pip installed {wrong}, and other versions are pinned")
        for name, version in wanted.items():
            if name.startswith(("langchain-", "llm-comply")):
                yield name, version
