"""The hub: owns the conversation, talks to the language model, keeps the history, and serves the satellites."""
