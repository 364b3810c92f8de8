"""Continue's documents: answers without id and time, told apart all the same when a conversation is cut."""

import json
from pathlib import Path

from llm_gateway.canonical.usage import Usage
from llm_gateway.clients.logs.continue_dev import continue_dev
from llm_gateway.clients.logs.reading import Log
from llm_gateway.ledger.sightings import Sighting


def said(prompt: int, output: int, **more: object) -> dict[str, object]:
    usage = {"prompt_tokens": prompt, "completion_tokens": output, "model": "m", **more}
    return {"message": {"role": "assistant", "content": "", "usage": usage}}


ASKED = {"message": {"role": "user", "content": ""}}


def read(tmp_path: Path, *steps: object) -> list[Sighting]:
    path = tmp_path / "s.json"
    path.write_text(json.dumps({"sessionId": "s", "history": steps}))
    told = continue_dev(Log(path, "continue", "m", 5), "")
    assert not told.problems
    return told.sightings


def test_answers(tmp_path: Path) -> None:
    told = read(
        tmp_path,
        ASKED,
        said(
            40,
            12,
            prompt_tokens_details={"cached_tokens": 8},
            completion_tokens_details={"reasoning_tokens": 5},
        ),
        {"message": {"role": "assistant", "content": ""}},
        {"message": None},
        said(40, 12),
        said(3, 7, prompt_tokens_details={"cached_tokens": 800}),
    )
    assert [each.usage for each in told] == [Usage(32, 8, 0, 12, 5), Usage(40, 0, 0, 12), Usage(3, 800, 0, 7)]
    assert [each.mark for each in told] == ["s:40:12:1", "s:40:12:2", "s:803:7:1"]


def test_what_is_cut_out_makes_no_answer_new(tmp_path: Path) -> None:
    before = {
        each.mark for each in read(tmp_path, ASKED, said(1, 1), ASKED, said(2, 2), said(2, 2), said(3, 3))
    }
    after = {each.mark for each in read(tmp_path, said(2, 2), said(3, 3), said(4, 4))}
    assert after - before == {"s:4:4:1"}


def test_the_list_of_conversations_has_no_answers(tmp_path: Path) -> None:
    path = tmp_path / "sessions.json"
    path.write_text(json.dumps([{"sessionId": "s", "title": "t"}]))
    assert continue_dev(Log(path, "continue", "m", 5), "").sightings == []
