"""Taking over another gateway's configuration, from its file to one that passes our own check."""

from pathlib import Path

from terminal import Terminal

CONFIG = """
model_list:
  - model_name: gpt-5.5
    litellm_params:
      model: openai/gpt-5.5
      api_key: os.environ/OPENAI_API_KEY
      rpm: 100
  - model_name: claude
    litellm_params: {model: anthropic/claude-sonnet-5}
general_settings:
  master_key: sk-1234
"""


def test_data_is_the_file_and_messages_what_it_cannot_say(stopped: Terminal, tmp_path: Path) -> None:
    source, target = tmp_path / "config.yaml", tmp_path / "gateway.toml"
    source.write_text(CONFIG)
    done = stopped.ok("import", "litellm", str(source))
    assert '"gpt-5.5" = ["openai/gpt-5.5"]' in done.out
    assert done.err.splitlines() == [
        "not taken over: general_settings.master_key",
        "not taken over: gpt-5.5: rpm",
    ]
    target.write_text(done.out)
    assert "is good" in stopped.ok("config", "check", str(target)).err


def test_a_file_that_cannot_be_read_is_1(stopped: Terminal, tmp_path: Path) -> None:
    for name, data, says in (
        ("none.yaml", None, "No such file"),
        ("odd.yaml", b"model_list: {", "this is not YAML"),
        ("other.yaml", b"model_list: 7", "this is not a LiteLLM configuration"),
        ("latin.yaml", b"model_list: [] # \xfc", "it is not UTF-8"),
    ):
        if data is not None:
            (tmp_path / name).write_bytes(data)
        done = stopped("import", "litellm", str(tmp_path / name))
        assert (done.code, done.out) == (1, "")
        assert f"{tmp_path / name}: " in done.err and says in done.err
