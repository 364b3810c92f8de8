"""The changelog is put together from fragments, each used once."""

from pathlib import Path

import pytest

from changelog import fragments, release, section


@pytest.fixture
def root(tmp_path: Path) -> Path:
    news = tmp_path / "news"
    news.mkdir()
    (news / "README.md").write_text("how to\n")
    (news / "keys.fixed.md").write_text("Keys\nare listed again.\n")
    (news / "demo.added.md").write_text("A demo.\n")
    (news / "audit.added.md").write_text("An audit.\n")
    return tmp_path


def test_a_section_has_kinds_in_order_and_a_line_a_change(root: Path) -> None:
    made = section("1.0.0", "2026-11-23", fragments(root / "news"))
    assert made == (
        "## 1.0.0 (2026-11-23)\n\n"
        "### Added\n\n- An audit.\n- A demo.\n\n"
        "### Fixed\n\n- Keys are listed again.\n"
    )


def test_a_release_stands_on_top_and_takes_its_fragments_away(root: Path) -> None:
    (root / "CHANGELOG.md").write_text("# Changelog\n\nWhat changed.\n\n## 0.9.0 (2026-01-01)\n\nOld.\n")
    made = release(root, "1.0.0", "2026-11-23")
    page = (root / "CHANGELOG.md").read_text()
    assert page == f"# Changelog\n\nWhat changed.\n\n{made}\n## 0.9.0 (2026-01-01)\n\nOld.\n"
    assert [path.name for path in (root / "news").iterdir()] == ["README.md"]
    with pytest.raises(ValueError, match="nothing in news/"):
        release(root, "1.1.0", "2026-11-24")


def test_a_version_is_made_once(root: Path) -> None:
    (root / "CHANGELOG.md").write_text("# Changelog\n\n## 1.0.0 (2026-01-01)\n")
    with pytest.raises(ValueError, match=r"has a version 1\.0\.0 already"):
        release(root, "1.0.0", "2026-11-23")


@pytest.mark.parametrize(
    ("name", "words"), [("keys.md", "x"), ("keys.news.md", "x"), ("keys.added.md", " \n")]
)
def test_a_file_that_is_no_fragment_is_named(root: Path, name: str, words: str) -> None:
    (root / "news" / name).write_text(words)
    with pytest.raises(ValueError, match=name.replace(".", r"\.")):
        fragments(root / "news")
