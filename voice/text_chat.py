"""The terminal chat: `python -m voice.text_chat`. What it can do is in voice/chat/cli.py."""

from __future__ import annotations

from link import own_environment

if __name__ == "__main__":
    own_environment.enter("voice.text_chat")
    from voice.chat.cli import run

    run()
