"""Write the parts of the documents that follow from the code: settings, commands, paths, metrics and so on.

    python scripts/docs.py

A part stands between `<!-- begin NAME … -->` and `<!-- end NAME -->`; the rest of a page is written by
people. The tests compare the parts with the code, so a page that is behind is a failing test.
"""

import sys
from collections.abc import Callable
from pathlib import Path

import applications
import loss_tables
import references
from llm_gateway.config.reference import settings_reference, variables_reference
from llm_gateway.server.exposure import truth_table
from llm_gateway.telemetry.metrics import reference as metrics_reference

DOCS = Path(__file__).resolve().parents[1] / "docs"

PARTS: dict[tuple[str, str], Callable[[], str]] = {
    ("applications.md", "applications"): applications.applications,
    ("applications.md", "settings"): applications.settings,
    ("cli.md", "commands"): references.commands,
    ("cli.md", "exit codes"): references.exit_codes,
    ("configuration.md", "settings"): settings_reference,
    ("configuration.md", "variables"): variables_reference,
    ("exposure.md", "truth table"): truth_table,
    ("http.md", "routes"): references.routes,
    ("losses.md", "pairs"): loss_tables.tables,
    ("losses.md", "silences"): loss_tables.silences,
    ("losses.md", "summary"): loss_tables.summary,
    ("metrics.md", "metrics"): metrics_reference,
    ("providers.md", "providers"): references.providers,
}


def main() -> int:
    """Bring every part up to date and name the pages that changed."""
    for (page, name), part in PARTS.items():
        path = DOCS / page
        old = path.read_text("utf-8")
        new = replaced(old, name, part())
        if new != old:
            path.write_text(new, "utf-8")
            print(f"{path}: {name}")
    return 0


def replaced(page: str, name: str, part: str) -> str:
    """Return the page with a part put between its marks; ValueError when it has none."""
    begin = page.index("-->", page.index(f"<!-- begin {name}")) + 3
    end = page.index(f"<!-- end {name} -->", begin)
    return f"{page[:begin]}\n\n{part}\n\n{page[end:]}"


if __name__ == "__main__":
    sys.exit(main())
