"""Which files a pattern stands for, whatever is in the folders: links, loops, folders that are no files."""

import os
from pathlib import Path

import pytest

from llm_gateway.clients.logs.places import found


def names(root: Path, pattern: str) -> list[str]:
    denied: list[Path] = []
    paths = [str(path.relative_to(root)) for path in found(root / pattern, denied)]
    assert not denied
    return paths


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name in ("a/1.jsonl", "a/b/2.jsonl", "a/b/c/3.jsonl", "a/b/notes.txt", "d/[x]/4.jsonl"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("")
    (tmp_path / "a" / "folder.jsonl").mkdir()
    return tmp_path


def test_patterns(root: Path) -> None:
    assert names(root, "**/*.jsonl") == ["a/1.jsonl", "a/b/2.jsonl", "a/b/c/3.jsonl", "d/[x]/4.jsonl"]
    assert names(root, "a/**/*.jsonl") == ["a/1.jsonl", "a/b/2.jsonl", "a/b/c/3.jsonl"]
    assert names(root, "a/*.jsonl") == ["a/1.jsonl"]
    assert names(root, "*/b/*.jsonl") == ["a/b/2.jsonl"]
    assert names(root, "a/?.jsonl") == ["a/1.jsonl"]
    assert names(root, "a/**/c/*.jsonl") == ["a/b/c/3.jsonl"]


def test_a_path_is_itself(root: Path) -> None:
    assert names(root, "a/1.jsonl") == ["a/1.jsonl"]
    assert names(root, "d/[x]/4.jsonl") == ["d/[x]/4.jsonl"]
    assert names(root, "a/none.jsonl") == []
    assert names(root, "none/**/*.jsonl") == []
    assert names(root, "a/1.jsonl/*.jsonl") == []


def test_links_are_followed_where_they_cannot_go_round(root: Path) -> None:
    (root / "linked").symlink_to(root / "a")
    (root / "a" / "round").symlink_to(root)
    (root / "a" / "itself.jsonl").symlink_to(root / "a" / "itself.jsonl")
    (root / "a" / "other.jsonl").symlink_to(root / "a" / "1.jsonl")
    assert names(root, "linked/*.jsonl") == ["linked/1.jsonl", "linked/itself.jsonl", "linked/other.jsonl"]
    assert "a/round/a/1.jsonl" not in names(root, "**/*.jsonl")
    assert names(root, "a/**/3.jsonl") == ["a/b/c/3.jsonl"]


def test_folders_without_end_are_left(tmp_path: Path) -> None:
    deep = tmp_path
    for _ in range(40):
        deep /= "d"
        deep.mkdir()
        (deep / "x.jsonl").write_text("")
    assert len(names(tmp_path, "**/*.jsonl")) == 32


def test_what_may_not_be_listed_is_noted(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir()
    denied: list[Path] = []
    mine = os.geteuid()
    closed.chmod(0)
    try:
        if mine == 0:
            os.seteuid(65534)
        assert list(found(closed / "*.jsonl", denied)) == []
    finally:
        os.seteuid(mine)
        closed.chmod(0o700)
    assert denied == [closed]
