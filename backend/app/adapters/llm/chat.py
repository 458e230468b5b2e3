"""One streamed answer of a chat-completions server: the exchange, its time limits and its end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

from backend.app.adapters.llm.http import Exchange, exchange, read_all
from backend.app.ports import Chunk, LLMError
from backend.app.pure import llm_faults
from backend.app.pure.chat_stream import ChatStream
from backend.app.pure.endpoint import Endpoint

CHAT = "/v1/chat/completions"

_ENDING = 1.0  # seconds to wait for usage and `[DONE]` when the text is complete
_REFUSAL = 5.0  # seconds to wait for the rest of a refusal's body


async def stream_chat(
    endpoint: Endpoint, body: bytes, *, first: float, stall: float
) -> AsyncGenerator[list[Chunk], None]:
    """The chunks of the answer to `body`, one non-empty list for each network read.

    first: seconds until the first chunk; stall: seconds between two. Comments and empty chunks do not count.
    Closing the generator hangs up at once. Raises LLMError, after the chunks that came before the fault.
    """
    now = asyncio.get_running_loop().time
    deadline = now() + first
    answer = await exchange(endpoint, "POST", CHAT, body)
    begun = False
    try:
        await answer.head(deadline - now())
        if answer.status != 200:
            raise await _refusal(answer)
        stream = ChatStream()
        if "json" in answer.headers.get("content-type", ""):
            yield stream.whole(await read_all(answer, deadline - now()))
        while not stream.done:
            try:
                data = await answer.read(_ENDING if stream.finishing else deadline - now())
            except LLMError:
                if not stream.finishing:
                    raise
                data = b""
            chunks = stream.feed(data) if data else stream.end()
            if chunks:
                begun = True
                yield chunks
                deadline = now() + stall  # counted from here: the reader may take its time
    except LLMError as error:
        if error.kind == "stalled":
            what = "stopped in the middle of its answer" if begun else "did not begin to answer in time"
            raise LLMError("stalled", f"The model {what}.") from error
        raise
    finally:
        answer.close()
    if stream.error is not None:
        raise stream.error


async def _refusal(answer: Exchange) -> LLMError:
    try:
        body = await read_all(answer, _REFUSAL)
    except LLMError:  # the status alone says enough
        body = b""
    return llm_faults.from_response(answer.status, body)
