"""`python -m llm_gateway` is the command `llm-gateway`."""

from llm_gateway.cli.entry import main

if __name__ == "__main__":
    main()
