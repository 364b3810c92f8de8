"""The files of the pages: each is there by its name, with its type, and nothing else is."""

import pytest

from llm_gateway.dashboard.static_files import address, static_file


@pytest.mark.parametrize(
    "name, kind",
    [
        ("app.js", b"text/javascript; charset=utf-8"),
        ("style.css", b"text/css; charset=utf-8"),
        ("icon.svg", b"image/svg+xml"),
        ("licences/htmx-4.0.1.txt", b"text/plain; charset=utf-8"),
    ],
)
def test_a_file_has_its_type_and_an_address_that_changes_with_it(name: str, kind: bytes) -> None:
    found = static_file(name)
    assert found is not None and found.kind == kind and found.data
    assert address(name) == f"/static/{name}?v={found.tag}"


@pytest.mark.parametrize("name", ["", "licences", "../words.py", "licences/../app.js", "/app.js", "none.js"])
def test_nothing_else_is_a_file(name: str) -> None:
    assert static_file(name) is None


def test_every_vendored_script_has_its_licence() -> None:
    for script, licence in (("htmx.min.js", "htmx-4.0.1"), ("uplot.min.js", "uplot-1.6.32")):
        assert static_file(script) is not None
        assert static_file(f"licences/{licence}.txt") is not None
