"""The catalog of models as Codex asks for it, with `?client_version=`: pure, nothing is asked for.

Its form is that of codex-rs, `protocol/src/openai_models.rs` (`ModelsResponse`); an entry that lacks one
member makes Codex refuse the whole catalog (seen with 0.169.0). With a key of its own, Codex puts what it
gets over the entries that it has built in, by name, and finds its own entry for `PROVIDER/NAME` by what
stands behind the slash. With a ChatGPT login, one entry that is to be shown takes the place of all that are
built in, their prompts and tools with them; entries that are hidden are put beside them (both measured).
"""

from collections.abc import Iterable, Iterator

from llm_gateway.server.model_shapes import Listed

__all__ = ["codex_catalog"]

# GPT-5 and later, and what is named after it: those of which Codex has an entry of its own.
_KNOWN = ("codex-", *(f"gpt-{number}" for number in range(5, 10)))

# What Codex tells a model to be. It sends this and nothing in its place: without it a model would get its
# tools and no word of what they are for.
_INSTRUCTIONS = """\
You are a coding agent. You work in the user's project through the tools of this session: commands run on the
user's machine, in the working directory that you are told.

- Do what was asked, all of it, and nothing beside it. Where a request can be read in two ways that lead to
  different work, ask; else choose the plainer reading and go on.
- Look before you change: read the files that matter, and the instructions that the project keeps for agents.
- Keep to the style, the names and the structure that are there. Make the smallest change that is right.
- Check what you did: run the tests or the program where that is possible, and say so where it is not.
- Never undo or overwrite work that is not yours. Commit, push, or delete only when you are asked to.
- When you are done, say in a few sentences what you changed, where, and what the user should know.
"""


def codex_catalog(listed: Iterable[Listed], *, login: bool = False) -> dict[str, object]:
    """Return the catalog. A model that its bare name reaches is there by both names, shown under one.

    With a `login` of ChatGPT, all are hidden: they can be asked for, and Codex keeps what it knows.

    Models that Codex knows itself are left out: its own entries say more of them than anybody here knows.
    """
    entries = [entry for each in listed for entry in _entries(each)]
    for number, entry in enumerate(entries):
        if login:
            entry["visibility"] = "hide"
        entry["priority"] = 1000 + number  # behind Codex's own, in the order of every other list
    return {"models": entries}


def _entries(listed: Listed) -> Iterator[dict[str, object]]:
    if (listed.name.partition("/")[2] or listed.name).startswith(_KNOWN):
        return
    yield _entry(listed, listed.name, "list")
    if listed.bare and not listed.bare.rpartition("/")[2].startswith(_KNOWN):
        yield _entry(listed, listed.bare, "hide")


def _entry(listed: Listed, slug: str, visibility: str) -> dict[str, object]:
    return {
        "slug": slug,
        "display_name": listed.label or slug,
        "description": f"By way of the gateway, from {listed.owner}",
        "supported_reasoning_levels": [],
        "shell_type": "unified_exec",
        "visibility": visibility,
        "supported_in_api": True,
        "priority": 0,
        "additional_speed_tiers": [],
        "service_tiers": [],
        "availability_nux": None,
        "upgrade": None,
        "base_instructions": _INSTRUCTIONS,
        "supports_reasoning_summaries": False,
        "default_reasoning_summary": "none",
        "support_verbosity": False,
        "default_verbosity": None,
        "apply_patch_tool_type": None,
        "web_search_tool_type": "text",
        "truncation_policy": {"mode": "bytes", "limit": 10_000},
        "supports_parallel_tool_calls": True,
        "supports_image_detail_original": False,
        "context_window": listed.context_length or None,
        "effective_context_window_percent": 95,
        "experimental_supported_tools": [],
        "input_modalities": ["text", "image"],
        "supports_search_tool": False,
        "use_responses_lite": False,
    }
