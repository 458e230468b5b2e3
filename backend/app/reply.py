"""One reply: from the model's chunks to what everybody reads. Emotions are filtered out, reasoning is dropped."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing

from backend.app.llm_chain import Using
from backend.app.ports import ChatRequest, Chunk, Finished, LLMError, ReasoningDelta, TextDelta
from backend.app.pure.emotion import EmotionFilter, Feeling
from backend.app.pure.lexicon import guess_emotion
from backend.app.pure.outbox import MAX_CHARACTERS
from backend.app.replies import Reply
from link.messages import Emotion, EmotionName, HubMessage

LONGEST = MAX_CHARACTERS
"""Characters of a reply. No sane model comes near (llm.max_tokens is at most 32,768). A server that writes for ever is
stopped while a client that returns can still be sent the whole."""

Batches = Callable[[ChatRequest], AsyncGenerator[list[Chunk | Using], None]]


class ReplyStream:
    """Streams one reply. Nothing goes out before `ready` says that the user's message is stored.

    publish, publish_text: to all clients. using: called with who answers, once, before the first text.
    """

    def __init__(
        self,
        reply: Reply,
        *,
        publish: Callable[[HubMessage], None],
        publish_text: Callable[[str], None],
        ready: Callable[[], Awaitable[None]],
        using: Callable[[Using], None],
    ) -> None:
        self._reply = reply
        self._publish = publish
        self._publish_text = publish_text
        self._ready = ready
        self._using = using
        self._filter = EmotionFilter()
        self._length = 0

    async def run(self, batches: Batches, request: ChatRequest, *, guess: bool) -> None:
        """Stream the answer to `request` to its end. Raises LLMError.

        guess: whether a lexicon may guess the emotion of a reply in which the model marked none.
        """
        waiting = True
        async with aclosing(batches(request)) as answer:  # closing it is what makes the server stop
            async for batch in answer:
                if waiting:
                    await self._ready()
                    waiting = False
                self._batch(batch)
        for item in self._filter.finish():
            self._emit(item)
        if guess and self._reply.emotion in (None, "neutral"):
            self._feel(guess_emotion(self._reply.text))

    def _batch(self, batch: Sequence[Chunk | Using]) -> None:
        texts: list[str] = []
        for chunk in batch:
            match chunk:
                case TextDelta(text):
                    texts.append(text)
                case ReasoningDelta() | Finished():
                    continue
                case Using():
                    self._using(chunk)
        if texts:
            for item in self._filter.feed(texts[0] if len(texts) == 1 else "".join(texts)):
                self._emit(item)

    def _emit(self, item: str | Feeling) -> None:
        if isinstance(item, Feeling):
            self._feel(item.name)
            return
        if self._reply.emotion is None:
            self._feel("neutral")  # the model marked nothing: the face of the last reply must not stay
        self._length += len(item)
        if self._length > LONGEST:
            raise LLMError("server", "The model wrote without end and was stopped.")
        self._reply.pieces.append(item)
        self._publish_text(item)

    def _feel(self, name: EmotionName) -> None:
        if name != self._reply.emotion:
            self._reply.emotion = name
            self._publish(Emotion(name))
