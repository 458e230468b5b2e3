"""`--say`: one message, its reply alone on standard output, and an exit code that can be relied on."""

from __future__ import annotations

import json
from typing import TextIO

from link.client import HubClient
from voice.chat.asking import Asking


async def say(client: HubClient, text: str, *, patience: float, as_json: bool, out: TextIO, err: TextIO) -> int:
    """Send `text` and print the answer as it comes; returns the exit code: 0, or 1 with the reason on `err`.

    as_json: print one object instead, with `ok` and either `text`, `emotion` and `turn`, or `error`.
    """
    pieces: list[str] = []

    def write(piece: str) -> None:
        pieces.append(piece)
        if not as_json:
            out.write(piece)
            out.flush()

    async with Asking(client, write, patience) as asking:
        fault = await asking.reach()
        exchange = None if fault else await asking.ask(text)
    reply = "".join(pieces)
    if exchange is not None:
        fault = exchange.reason if exchange.state == "failed" else ""
    if as_json and exchange is not None and not fault:
        answer = {"ok": True, "text": reply, "emotion": exchange.emotion, "turn": exchange.turn}
        out.write(json.dumps(answer, ensure_ascii=False))
    elif as_json:
        out.write(json.dumps({"ok": False, "error": fault}, ensure_ascii=False))
    if reply or as_json:
        out.write("\n")
        out.flush()
    if fault:
        err.write(f"{fault}\n")
    return 1 if fault else 0
