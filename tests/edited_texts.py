"""Texts of settings in every format, as people and programs write them, to be edited and put right again."""

from hypothesis import strategies as st

from llm_gateway.clients.catalog import Format

__all__ = ["DOTENV", "JSON", "PLACES", "SHELL", "TOML", "YAML"]

PLACES: dict[Format, tuple[tuple[str, ...], ...]] = {
    "json": (("env", "NEW"), ("new",), ("deep", "er", "still"), ("list",)),
    "toml": (("new",), ("tables", "new"), ("deep", "er", "still"), ("a b", "c.d")),
    "yaml": (("new",), ("deep", "er"), ("models",), ("rules",)),
    "dotenv": (("NEW",),),
    "shell": (("NEW",), ("block", "codex-cli")),
}

_ENDS = st.sampled_from(["", "\n", "\n\n", "\n# the end\n"])


def _lines(
    pieces: st.SearchStrategy[str], ends: st.SearchStrategy[str] = _ENDS, most: int = 5
) -> st.SearchStrategy[str]:
    """Return texts of pieces, each once, with either line ending, with and without a byte order mark."""

    def whole(parts: tuple[list[str], str, str, str]) -> str:
        chosen, end, ending, mark = parts
        return mark + ("\n".join(chosen) + end).replace("\n", ending)

    return st.tuples(
        st.lists(pieces, max_size=most, unique=True),
        ends,
        st.sampled_from(["\n", "\r\n"]),
        st.sampled_from(["", "", "\ufeff"]),
    ).map(whole)


DOTENV = _lines(
    st.sampled_from(
        ["A=1", "# about B", "export B='x # y'", 'C="a\\nb" # why', "D=", "", "E = spaced out  ", "F=it's"]
    )
)

SHELL = _lines(
    st.sampled_from(
        [
            "export A=1",
            "# mine",
            "alias ll='ls -l'",
            'export PATH="$HOME/bin:$PATH"',
            "",
            "# >>> llm-gateway claude-code >>>\n[ -r '/a b' ] && . '/a b'\n# <<< llm-gateway claude-code <<<",
        ]
    )
)

YAML = _lines(
    st.sampled_from(
        [
            "name: Ada # me",
            "# a comment",
            "nested:\n    deeply:\n        key: 'v'\n    # inside",
            "rules:\n- one\n-   two: 2\n    three: 3",
            "text: |\n  some\n\n  lines\nafter: it",
            '"quoted key": {a: 1, b: [2]}',
            "numbers: [1, 2]",
            "when: 2026-01-01",
        ]
    )
)

_TOP = st.sampled_from(
    ["a = 1", "# top", 's = """\n[no]\n"""', "l = [\n 1, # ]\n 2,\n]", "d.e.f = 'x' # y", "i = { j = 1 }"]
)
_SECTIONS = st.sampled_from(
    [
        "[t]\nx = 1 # x",
        "[tables]\nold = 'it'",
        '[tables.one]\nname = "n"',
        "[projects.\"/some/where\"]\ntrust = 'yes'",
        "[[items]]\nq = 1\n\n[[items]]\nq = 2\n[items.more]\nz = [[1], [2]]",
        "# before u\n[ u . v ]\n# in u\n",
        "[\"a b\"]\nk = '''\n''c'''",
    ]
)
TOML = st.tuples(_lines(_TOP, st.just("")), _lines(_SECTIONS)).map(lambda both: _together(*both))


def _together(top: str, sections: str) -> str:
    ending = "\r\n" if "\r\n" in top else "\n"
    sections = sections.removeprefix("\ufeff").replace("\r\n", "\n").replace("\n", ending)
    return f"{top}{ending}{sections}" if top.strip("\ufeff") and sections else top + sections


_MEMBERS = (
    '"a": 1',
    '"env": {}',
    '"list": []',
    '"text": "with \\"quotes\\" // and no comment"',
    '"deep": {"er": {"x": [1, {"y": null}]}}',
)


@st.composite
def _json(draw: st.DrawFn) -> str:
    members = draw(st.lists(st.sampled_from(_MEMBERS), max_size=4, unique=True))
    mark = draw(st.sampled_from(["", "", "\ufeff"]))
    end = draw(st.sampled_from(["", "\n"]))
    if not members:
        return mark + draw(st.sampled_from(["", "{}", "// only this\n{}"])) + end
    if draw(st.booleans()):
        return f"{mark}{{{', '.join(members)}}}{end}"
    indent = draw(st.sampled_from(["  ", "    ", "\t"]))
    comma = draw(st.sampled_from(["", ","]))
    comments = st.sampled_from(["", "", " // beside", " /* beside */"])
    lines = [
        f"{indent}{member}{',' if index < len(members) - 1 else comma}{draw(comments)}"
        for index, member in enumerate(members)
    ]
    if draw(st.booleans()):
        lines.insert(draw(st.integers(0, len(lines))), f"{indent}// of its own")
    ending = draw(st.sampled_from(["\n", "\r\n"]))
    return mark + ("{\n" + "\n".join(lines) + "\n}" + end).replace("\n", ending)


JSON = _json()
