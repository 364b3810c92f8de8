"""What a program of our own gets of the environment."""

from llm_gateway.environment import keyless


def test_what_it_needs_to_run_is_passed_and_no_key() -> None:
    environ = {
        "PATH": "/bin",
        "HOME": "/home/ada",
        "OPENAI_API_KEY": "sk-1",
        "LLM_GATEWAY_MASTER_KEY_FILE": "f",
    }
    assert keyless(environ) == {"PATH": "/bin", "HOME": "/home/ada"}
    assert keyless({}) == {}
