"""When a file of settings counts as changed."""

from pathlib import Path

from llm_gateway.config.watch import FileWatch


def test_a_file_that_stays_as_it_was_has_not_changed(tmp_path: Path) -> None:
    file = tmp_path / "gateway.toml"
    file.write_text("a")
    watch = FileWatch(file)
    assert not watch.changed() and not watch.changed()


def test_a_change_counts_once_and_only_when_it_is_over(tmp_path: Path) -> None:
    file = tmp_path / "gateway.toml"
    watch = FileWatch(file)
    file.write_text("a")
    assert not watch.changed(), "it may still be changing"
    file.write_text("ab")
    assert not watch.changed(), "and so it was"
    assert watch.changed()
    assert not watch.changed()


def test_of_several_files_each_one_counts(tmp_path: Path) -> None:
    one, other = tmp_path / "gateway.toml", tmp_path / "prices.json"
    watch = FileWatch(one, other)
    other.write_text("a")
    assert [watch.changed() for _ in range(3)] == [False, True, False]
    one.write_text("a")
    assert not watch.changed()
    other.write_text("ab")
    assert not watch.changed(), "one of them may still be changing"
    assert watch.changed()


def test_a_file_that_goes_has_changed(tmp_path: Path) -> None:
    file = tmp_path / "gateway.toml"
    file.write_text("a")
    watch = FileWatch(file)
    file.unlink()
    assert [watch.changed() for _ in range(3)] == [False, True, False]


def test_a_file_that_cannot_be_looked_at_is_none(tmp_path: Path) -> None:
    loop = tmp_path / "loop.toml"
    watch = FileWatch(loop)
    loop.symlink_to(loop)
    assert not watch.changed() and not watch.changed()
