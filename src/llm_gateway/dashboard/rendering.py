"""Pages out of templates. Every value is escaped; a name that does not exist is an error, not nothing.

Jinja2 is loaded at the first page: a gateway that nobody looks at does without.
"""

import importlib
import shlex
import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING

from llm_gateway.dashboard.curl import curl
from llm_gateway.dashboard.static_files import address
from llm_gateway.dashboard.words import FILTERS, change

if TYPE_CHECKING:
    import jinja2

__all__ = ["Templates"]

_FOLDER = "templates"
# Macros that every template finds under these names, also where only a part of it is rendered.
_PIECES = ("ui", "rows")


class Templates:
    """The templates of this package, each read once."""

    def __init__(self) -> None:
        self._environment: jinja2.Environment | None = None
        self._loading = threading.Lock()
        self._loaded: set[str] = set()

    def has(self, name: str) -> bool:
        """Return whether a template has been read and translated, so that using it takes a moment."""
        return name in self._loaded

    def load(self, name: str) -> None:
        """Read a template and translate it, which takes a while; any thread may."""
        with self._loading:
            self._ready().get_template(f"{name}.html")
            self._loaded.add(name)

    def page(self, name: str, values: Mapping[str, object]) -> bytes:
        """Return a whole page. `name` is the template's without its ending."""
        return self._ready().get_template(f"{name}.html").render(values).encode()

    def part(self, name: str, part: str, values: Mapping[str, object]) -> bytes:
        """Return one part of a page, its block `part_…`; KeyError when it has no such part."""
        template = self._ready().get_template(f"{name}.html")
        block = template.blocks[f"part_{part}"]
        return "".join(block(template.new_context(dict(values)))).encode()

    def _ready(self) -> "jinja2.Environment":
        if self._environment is None:
            # Loading it takes 60 ms, which no start should wait for.
            loaded = importlib.import_module("jinja2")
            environment: jinja2.Environment = loaded.Environment(
                loader=loaded.PackageLoader("llm_gateway.dashboard", _FOLDER),
                autoescape=True,
                undefined=loaded.StrictUndefined,
                trim_blocks=True,
                lstrip_blocks=True,
                auto_reload=False,
            )
            environment.filters.update(FILTERS)
            environment.globals.update(static=address, change=change, curl=curl, quoted=shlex.quote)
            for name in _PIECES:
                environment.globals[name] = environment.get_template(f"{name}.html").module
            self._environment = environment
        return self._environment
