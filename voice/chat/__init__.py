"""The terminal chat: what is shown, and the three ways to show it (interactive, plain, one message)."""
