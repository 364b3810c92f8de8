"""Counting tokens offline. Compressing prompts is to come here, too."""
