"""Lines that begin alike: in groups whose beginning ends where a name does."""

from llm_gateway.compression.prefixes import Group, grouped


def test_matches_in_one_file() -> None:
    lines = [f"lib/spotter/repo.ex:{number}:  def f{number}" for number in range(20, 28)]
    assert grouped(["found:", *lines, "end"]) == [["found:"], Group("lib/spotter/repo.ex:", lines), ["end"]]


def test_paths_in_one_folder() -> None:
    lines = [
        f"/home/me/projects/spotter/{name}/mix.exs" for name in ("ash", "ecto", "oban", "phoenix", "req")
    ]
    assert grouped(lines) == [Group("/home/me/projects/spotter/", lines)]


def test_of_two_beginnings_the_one_that_saves_more() -> None:
    lines = [f"/home/me/projects/spotter/lib/spotter/{n}.ex" for n in range(3)]
    lines += [f"/home/me/projects/spotter/test/{n}.exs" for n in range(30)]
    (group,) = grouped(lines)
    assert isinstance(group, Group) and group.beginning == "/home/me/projects/spotter/"


def test_no_name_is_cut_in_two() -> None:
    lines = [f"some_long_module_name_with_number_{number}" for number in range(9)]
    assert grouped(lines) == [lines]


def test_few_lines_and_short_beginnings_stay() -> None:
    assert grouped([]) == []
    assert grouped(["a/b/c/d/e/f/1", "a/b/c/d/e/f/2"]) == [["a/b/c/d/e/f/1", "a/b/c/d/e/f/2"]]
    assert grouped(["a: 1", "a: 2", "a: 3", "a: 4"]) == [["a: 1", "a: 2", "a: 3", "a: 4"]]
