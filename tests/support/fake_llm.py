"""A scripted OpenAI-compatible server on a real socket, for tests and benchmarks.

In a test:

    async with FakeLLM(Script(["Hel", "lo"]), Script(status=500)) as fake:
        ...                                   # talk to fake.url; the first chat request gets the first script
        fake.script(Script(stall_after=2))    # append; when the queue is empty, `fake.default` answers
        seen = await fake.wait_request(0)     # body, headers, tokens sent so far
        assert await seen.wait_closed(0.5)    # did the client hang up in the middle of the reply, and in time?
        await fake.stop(); await fake.start() # gone, and back on the same port

As a process (prints its port on the first line; ends when its stdin closes or on SIGTERM):

    python -m tests.support.fake_llm --port 0 --tokens 200 --rate 50 [--stamp] [--first 0.2] [--llamacpp]

Like llama.cpp's own server, it closes its socket after a stream without announcing it.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import functools
import json
import ssl
import sys
import time
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

JSON = dict[str, Any]


@dataclass(frozen=True)
class Script:
    """How one chat request is answered. Times in seconds, positions in tokens already sent.

    tokens: the reply. rate: tokens per second, 0 = as fast as the socket takes them, `burst` tokens per write.
    first: wait before the first token (the response's head has gone out then); head: wait before the head.
    stamp: each token is replaced by the sender's `time.monotonic_ns()` and a space (to measure a token's age).
    reasoning, reasoning_key: sent before the tokens, as `delta[reasoning_key]`.
    finish: finish_reason, None to leave it out; done: whether `[DONE]` is sent; usage: a last chunk with `choices: []`.
    stall_after, cut_after, error_after: say nothing more / drop the connection / send `data: {"error": error}`.
    status, body: an answer other than 200, as JSON.
    bytes_per_write: write the raw stream in pieces of this many bytes (splits UTF-8 and frames anywhere).
    crlf, comments: line ends of CR LF; `: ping` lines between events.
    """

    tokens: Sequence[str] = ("Hello", " there", ",", " friend", ".")
    rate: float = 0.0
    burst: int = 1
    first: float = 0.0
    head: float = 0.0
    stamp: bool = False
    reasoning: Sequence[str] = ()
    reasoning_key: str = "reasoning_content"
    finish: str | None = "stop"
    done: bool = True
    usage: bool = False
    stall_after: int | None = None
    cut_after: int | None = None
    error_after: int | None = None
    error: Any = field(default_factory=lambda: {"message": "the graph failed", "code": 500})
    status: int = 200
    body: JSON | None = None
    bytes_per_write: int = 0
    crlf: bool = False
    comments: bool = False

    @functools.cached_property
    def encoded(self) -> list[tuple[bytes | None, bool]]:
        """The events of the reply, ready to be sent, and whether each is a token; None stands for a stall."""
        return list(_events(self))

    @classmethod
    def overflow(cls, n_prompt_tokens: int = 5000, n_ctx: int = 4096) -> Script:
        """llama.cpp's answer to a prompt that is too long."""
        message = f"request ({n_prompt_tokens} tokens) exceeds the available context size ({n_ctx} tokens)"
        kind = "exceed_context_size_error"
        error = {"code": 400, "message": message, "type": kind, "n_prompt_tokens": n_prompt_tokens, "n_ctx": n_ctx}
        return cls(status=400, body={"error": error})


@dataclass
class Seen:
    """One request that reached the server."""

    method: str
    path: str
    headers: dict[str, str]
    body: JSON
    at: float = field(default_factory=time.monotonic)
    sent: int = 0
    finished: bool = False
    closed: asyncio.Event = field(default_factory=asyncio.Event)

    async def wait_closed(self, within: float) -> bool:
        """Whether the client hung up before the reply was complete, at most `within` seconds from now."""
        try:
            await asyncio.wait_for(self.closed.wait(), within)
        except TimeoutError:
            return False
        return not self.finished


class FakeLLM:
    """The server. `requests` holds the chat requests, `others` all the rest.

    llamacpp: also offer /health, /props, /slots, /tokenize (one token per word) and /v1/models as llama.cpp does;
    else only /v1/chat/completions and, when `models` is not empty, /v1/models: 404 everywhere else.
    api_key: refuse requests without it (but /health). health: status code of /health, may be changed at any time.
    """

    def __init__(
        self,
        *scripts: Script,
        default: Script | None = None,
        llamacpp: bool = False,
        models: Sequence[str] = (),
        api_key: str = "",
        n_ctx: int = 4096,
        slots: int = 2,
        port: int = 0,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.tls = tls
        self.default = default or Script()
        self.scripts = deque(scripts)
        self.requests: list[Seen] = []
        self.others: list[Seen] = []
        self.llamacpp, self.models, self.api_key = llamacpp, list(models), api_key
        self.n_ctx, self.slots, self.port = n_ctx, slots, port
        self.health = 200
        self._server: asyncio.Server | None = None
        self._arrived = asyncio.Event()
        self._connections: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> str:
        return f"{'https' if self.tls else 'http'}://127.0.0.1:{self.port}"

    def script(self, *scripts: Script) -> None:
        """Append scripts for the next chat requests."""
        self.scripts.extend(scripts)

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", self.port, limit=1 << 20, ssl=self.tls)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Stop listening and drop every connection, as a killed server would."""
        if self._server is not None:
            self._server.close()
        for task in list(self._connections):
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)
        self._server = None

    async def __aenter__(self) -> FakeLLM:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def wait_request(self, index: int, within: float = 5.0) -> Seen:
        """The chat request number `index` (from 0), once it has come."""
        async with asyncio.timeout(within):
            while len(self.requests) <= index:
                self._arrived.clear()
                await self._arrived.wait()
        return self.requests[index]

    # ------------------------------------------------------------------------------------------- one connection

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.get_running_loop().create_task(self._serve(reader, writer))
        self._connections.add(task)
        task.add_done_callback(self._connections.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while await self._exchange(reader, writer):
                pass
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # the client went away: the request's `closed` tells the test
        finally:
            writer.transport.abort()

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Answer one request; True when the connection may carry another."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        method, path, _ = head[0].split(" ")
        headers = {k.strip().lower(): v.strip() for k, _, v in (line.partition(":") for line in head[1:] if line)}
        raw = await reader.readexactly(int(headers.get("content-length", "0")))
        seen = Seen(method, path, headers, json.loads(raw) if raw else {})
        if self.api_key and path != "/health" and headers.get("authorization") != f"Bearer {self.api_key}":
            _answer(writer, 401, {"error": {"code": 401, "message": "Invalid API Key", "type": "authentication_error"}})
            return True
        if path != "/v1/chat/completions":
            self.others.append(seen)
            _answer(writer, *self._page(path, seen.body))
            await writer.drain()
            return True
        script = self.scripts.popleft() if self.scripts else self.default
        self.requests.append(seen)
        self._arrived.set()
        watch = asyncio.create_task(_watch(reader, seen))
        try:
            return await self._reply(writer, script, seen)
        except ConnectionError:
            seen.closed.set()
            raise
        finally:
            watch.cancel()

    async def _reply(self, writer: asyncio.StreamWriter, script: Script, seen: Seen) -> bool:
        await asyncio.sleep(script.head)
        if script.status != 200:
            seen.finished = True
            _answer(writer, script.status, script.body or {"error": {"code": script.status, "message": "no"}})
            await writer.drain()
            return True
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
        await asyncio.sleep(script.first)
        due = time.monotonic()
        pending: list[bytes] = []
        for event, is_token in script.encoded:
            if script.rate and is_token:
                await asyncio.sleep(max(0.0, due - time.monotonic()))
                due += 1 / script.rate
            if event is None:  # stall
                await _write(writer, pending, script)
                await seen.closed.wait()
                return False
            stamp = script.stamp and is_token
            pending.append(_frame(_delta(content=f"{time.monotonic_ns()} "), script) if stamp else event)
            seen.sent += is_token
            if len(pending) >= script.burst:
                await _write(writer, pending, script)
                if seen.closed.is_set():
                    return False
        if script.cut_after is None:
            seen.finished = True
            pending.append(b"")
        await _write(writer, pending, script)
        return False

    def _page(self, path: str, body: JSON) -> tuple[int, JSON]:
        if path == "/v1/models" and (self.models or self.llamacpp):
            return 200, {"object": "list", "data": [{"id": m, "object": "model"} for m in self.models or ["tiny.gguf"]]}
        if self.llamacpp and path == "/health":
            ok = self.health == 200
            return self.health, {"status": "ok"} if ok else {"error": {"code": 503, "message": "Loading model"}}
        if self.llamacpp and path == "/props":
            settings = {"n_ctx": self.n_ctx}
            path = "/somewhere/models/tiny.gguf"
            return 200, {"default_generation_settings": settings, "total_slots": self.slots, "model_path": path}
        if self.llamacpp and path == "/tokenize":
            return 200, {"tokens": list(range(len(str(body.get("content", "")).split())))}
        return 404, {"error": {"code": 404, "message": "File Not Found", "type": "not_found_error"}}


async def _watch(reader: asyncio.StreamReader, seen: Seen) -> None:
    with contextlib.suppress(ConnectionError):  # a reset is a hang-up too
        await reader.read(1)
    seen.closed.set()


def _answer(writer: asyncio.StreamWriter, status: int, body: JSON) -> None:
    data = json.dumps(body).encode()
    head = f"HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nContent-Length: {len(data)}\r\n\r\n"
    writer.write(head.encode() + data)


def _delta(**delta: Any) -> JSON:
    choice = {"index": 0, "delta": delta, "finish_reason": None}
    return {"id": "chatcmpl-1", "object": "chat.completion.chunk", "model": "fake", "choices": [choice]}


def _frame(data: JSON | str, script: Script) -> bytes:
    end = "\r\n" if script.crlf else "\n"
    text = data if isinstance(data, str) else json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    return f"{': ping' + end + end if script.comments else ''}data: {text}{end}{end}".encode()


def _events(script: Script) -> Iterator[tuple[bytes | None, bool]]:
    yield _frame(_delta(role="assistant", content=None), script), False
    for piece in script.reasoning:
        yield _frame(_delta(**{script.reasoning_key: piece}), script), False
    for sent, token in enumerate([*script.tokens, None]):
        if sent == script.stall_after:
            yield None, False
        if sent == script.cut_after:
            return
        if sent == script.error_after:
            yield _frame({"error": script.error}, script), False
            return
        if token is not None:
            yield _frame(_delta(content=token), script), True
    if script.finish is not None:
        last = _delta()
        last["choices"][0]["finish_reason"] = script.finish
        yield _frame(last, script), False
    if script.usage:
        usage = {"prompt_tokens": 7, "completion_tokens": len(script.tokens)}
        yield _frame({"object": "chat.completion.chunk", "choices": [], "usage": usage}, script), False
    if script.done:
        yield _frame("[DONE]", script), False


async def _write(writer: asyncio.StreamWriter, pending: list[bytes], script: Script) -> None:
    """Send the pending events as HTTP chunks (an empty one ends the body) and forget them."""
    data = b"".join(b"%x\r\n%b\r\n" % (len(event), event) for event in pending)
    pending.clear()
    step = script.bytes_per_write or len(data) or 1
    for start in range(0, len(data), step):
        writer.write(data[start : start + step])
        await writer.drain()
        if script.bytes_per_write:
            await asyncio.sleep(0)


# ------------------------------------------------------------------------------------------------ as a process


async def _run(options: argparse.Namespace) -> None:
    words = (
        [f"{f'word{n}':.<{options.size - 1}} " for n in range(options.tokens)]
        if not options.text
        else options.text.split("|")
    )
    script = Script(words, rate=options.rate, burst=options.burst, first=options.first, stamp=options.stamp, usage=True)
    async with FakeLLM(default=script, llamacpp=options.llamacpp, port=options.port) as fake:
        print(fake.port, flush=True)
        await asyncio.to_thread(sys.stdin.buffer.read)


def main() -> None:
    parser = argparse.ArgumentParser(description="A scripted OpenAI-compatible server on 127.0.0.1.")
    parser.add_argument("--port", type=int, default=0, help="0: any free port, which is printed")
    parser.add_argument("--tokens", type=int, default=100, help="tokens in each reply")
    parser.add_argument("--size", type=int, default=1, help="least characters in each of them")
    parser.add_argument("--text", default="", help="the reply instead, its tokens separated by |")
    parser.add_argument("--rate", type=float, default=0.0, help="tokens per second; 0: as fast as the socket takes")
    parser.add_argument("--burst", type=int, default=1, help="tokens per write")
    parser.add_argument("--first", type=float, default=0.0, help="seconds before the first token")
    parser.add_argument("--stamp", action="store_true", help="each token is the sender's time.monotonic_ns()")
    parser.add_argument("--llamacpp", action="store_true", help="offer llama.cpp's own endpoints too")
    asyncio.run(_run(parser.parse_args()))


if __name__ == "__main__":
    main()
