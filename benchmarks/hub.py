"""How fast the hub is, beside a bare minimum and a naive hub, with the same model server: `python -m benchmarks.hub`.

Hubs are measured in turn, A B C A B C, because these machines' speed drifts; figures are medians over the rounds, and
ratios are taken round by round. The model server is tests/support/fake_llm.py, the clients are benchmarks/ws_reader.py.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import psutil

from benchmarks import store
from benchmarks.ws_reader import connect

ROOT = Path(__file__).resolve().parent.parent
HUBS = ("alisa", "bare", "naive")
CLIENTS = 10


@dataclass
class Running:
    """A hub under measurement."""

    name: str
    port: int
    token: str
    process: subprocess.Popen[bytes]
    cpu_ready: float
    rss_ready: float

    @property
    def path(self) -> str:
        """Where its WebSocket is. Alisa's clients speak v2, as ours do."""
        return "/ws/chat?v=2" if self.name == "alisa" else "/ws/chat"


@dataclass
class Turn:
    """One turn, as the clients saw it. Times in seconds by time.monotonic()."""

    asked: float = 0.0
    first: list[float] = field(default_factory=list)
    ends: list[float] = field(default_factory=list)
    frames: int = 0
    ages: list[float] = field(default_factory=list)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port: int = listening.getsockname()[1]
        return port


@contextmanager
def model_server(tokens: int, rate: float, *, stamp: bool = False, burst: int = 1) -> Iterator[str]:
    """The fake model server in a process of its own; yields its address."""
    command = [sys.executable, "-m", "tests.support.fake_llm", "--port", "0", "--tokens", str(tokens)]
    command += ["--rate", str(rate), "--burst", str(burst), *(["--stamp"] if stamp else [])]
    process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdout is not None
    try:
        yield f"http://127.0.0.1:{int(process.stdout.readline())}"
    finally:
        process.kill()
        process.wait()


@contextmanager
def running(name: str, llm: str, data: Path | None = None) -> Iterator[Running]:
    """A hub in a process of its own, with `llm` behind it. data: its data folder, else a new one."""
    port = _free_port()
    with tempfile.TemporaryDirectory() as temporary:
        folder = data or temporary
        # Compiled modules are kept, as for every user: without them a start would measure the compiler.
        left_out = ("ALISA_", "PYTHONDONTWRITEBYTECODE")
        env = {key: value for key, value in os.environ.items() if not key.startswith(left_out)}
        env |= {"ALISA_DATA_DIR": str(folder), "ALISA_HUB__PORT": str(port), "ALISA_LLM__URL": llm}
        module = {"alisa": ["backend", "--quiet"], "bare": ["benchmarks.bare_hub"], "naive": ["benchmarks.naive_hub"]}
        command = [sys.executable, "-m", *module[name], *([] if name == "alisa" else [str(port), llm])]
        process = subprocess.Popen(command, cwd=ROOT, env=env)
        try:
            cpu, rss = _wait_ready(process, port, health=name == "alisa")
            token_file = Path(folder) / "hub.token"
            token = token_file.read_text().strip() if token_file.exists() else ""
            yield Running(name, port, token, process, cpu, rss)
        finally:
            process.terminate()
            process.wait(10)


def _wait_ready(process: subprocess.Popen[bytes], port: int, *, health: bool) -> tuple[float, float]:
    """CPU seconds used until it answered, and resident MB then."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            if health:
                httpx.get(f"http://127.0.0.1:{port}/", trust_env=False, timeout=30).raise_for_status()
            else:
                socket.create_connection(("127.0.0.1", port), 1).close()
            used = psutil.Process(process.pid)
            times = used.cpu_times()
            return times.user + times.system, used.memory_info().rss / 1e6
        except (OSError, httpx.HTTPError):
            if process.poll() is not None:
                break
            time.sleep(0.02)
    raise RuntimeError("the hub did not start")


async def turn(hub: Running, clients: int, *, stamped: bool = False) -> Turn:
    """One message from one client; all of them read until `[END]`."""
    seen = Turn()
    done = asyncio.Event()
    started = [False] * clients

    def reader(index: int, data: bytes) -> None:
        now = time.monotonic_ns()
        if data == b"[END]":
            seen.ends.append(now / 1e9)
            if len(seen.ends) == clients:
                done.set()
        elif not data.startswith(b"["):
            seen.frames += 1
            if not started[index]:
                started[index] = True
                seen.first.append(now / 1e9)
            if stamped:
                seen.ages += [(now - int(stamp)) / 1e9 for stamp in data.split()]

    readers = [
        await connect(hub.port, hub.path, hub.token, lambda data, n=n: reader(n, data))  # type: ignore[misc]
        for n in range(clients)
    ]
    await asyncio.sleep(0.05)
    seen.asked = time.monotonic()
    readers[0].send(json.dumps({"message": "hello"}))
    await asyncio.wait_for(done.wait(), 120)
    for one in readers:
        one.close()
    await asyncio.sleep(0.05)
    return seen


def ask_directly(llm: str) -> float:
    """Seconds from asking the model server itself to its first token, read in the cheapest way."""
    body = json.dumps({"messages": [{"role": "user", "content": "hello"}], "stream": True}).encode()
    host, port = llm.removeprefix("http://").split(":")
    head = f"POST /v1/chat/completions HTTP/1.1\r\nHost: {host}\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    asked = time.monotonic()
    with socket.create_connection((host, int(port)), 10) as direct:
        direct.sendall(head + body)
        data = b""
        while b"word0" not in data:
            data += direct.recv(65536)
        return time.monotonic() - asked


def saturated(rounds: int, tokens: int) -> dict[str, list[float]]:
    """Tokens a second to each of 10 clients, with a model that is faster than any hub."""
    rates: dict[str, list[float]] = {name: [] for name in HUBS}
    with model_server(tokens, 0, burst=8) as llm, ExitStack() as stack:
        hubs = [stack.enter_context(running(name, llm)) for name in HUBS]
        for hub in hubs * (rounds + 1):
            seen = asyncio.run(turn(hub, CLIENTS))
            rates[hub.name].append(tokens / (max(seen.ends) - seen.asked))
    return {name: values[1:] for name, values in rates.items()}  # the first round warms up


def at_reading_speed(rounds: int) -> dict[str, tuple[list[float], float]]:
    """Token ages at 50 tokens a second and 10 clients, and frames per token and client."""
    tokens = 100
    ages: dict[str, list[float]] = {name: [] for name in HUBS}
    frames: dict[str, list[float]] = {name: [] for name in HUBS}
    with model_server(tokens, 50, stamp=True) as llm, ExitStack() as stack:
        hubs = [stack.enter_context(running(name, llm)) for name in HUBS]
        for hub in hubs * rounds:
            seen = asyncio.run(turn(hub, CLIENTS, stamped=True))
            ages[hub.name] += seen.ages
            frames[hub.name].append(seen.frames / tokens / CLIENTS)
    return {name: (ages[name], statistics.mean(frames[name])) for name in HUBS}


def first_token(rounds: int) -> dict[str, list[float]]:
    """Seconds to the first token over asking the model server directly, one client, asked alternately."""
    over: dict[str, list[float]] = {name: [] for name in HUBS}
    with model_server(3, 0) as llm, ExitStack() as stack:
        hubs = [stack.enter_context(running(name, llm)) for name in HUBS]
        for hub in hubs * rounds:
            direct = ask_directly(llm)
            seen = asyncio.run(turn(hub, 1))
            over[hub.name].append(seen.first[0] - seen.asked - direct)
    return over


def start(rounds: int) -> dict[str, list[Running]]:
    """Our hub just started: in new data folders, where it makes the database, and in one that it knows."""
    started: dict[str, list[Running]] = {"first": [], "later": []}
    with model_server(3, 0) as llm, tempfile.TemporaryDirectory() as known:
        for number in range(rounds + 1):
            for which, folder in (("first", None), ("later", Path(known))):
                with running("alisa", llm, folder) as hub:
                    if number:  # the first round compiles modules and makes the known folder
                        started[which].append(hub)
    return started


def _percentile(values: list[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


def main() -> None:
    """Measure and print one table."""
    options = argparse.ArgumentParser(prog="python -m benchmarks.hub", description=__doc__)
    options.add_argument("--rounds", type=int, default=5, help="rounds of each measurement (default 5)")
    options.add_argument("--tokens", type=int, default=20_000, help="tokens of a saturated turn (default 20,000)")
    options.add_argument(
        "--messages", type=int, default=1_000_000, help="stored messages for the history's part; 0: leave it out"
    )
    asked = options.parse_args()

    rates = saturated(asked.rounds, asked.tokens)
    print(f"Saturated, {CLIENTS} clients, {asked.tokens:,} tokens, {asked.rounds} rounds")
    for name in HUBS:
        print(f"  {name:6} {statistics.median(rates[name]):10,.0f} tokens/s to each client")
    for name in HUBS[1:]:
        ratio = statistics.median(a / b for a, b in zip(rates["alisa"], rates[name], strict=True))
        print(f"  alisa / {name}: {ratio:.2f}" + (" (aim: at least 2)" if name == "bare" else ""))

    ages = at_reading_speed(max(2, asked.rounds // 2))
    print(f"\n50 tokens/s, {CLIENTS} clients: age of a token when a client has it")
    for name in HUBS:
        values, frames = ages[name]
        p50, p99 = _percentile(values, 0.5) * 1e3, _percentile(values, 0.99) * 1e3
        print(f"  {name:6} p50 {p50:6.2f} ms   p99 {p99:6.2f} ms   {frames:.2f} frames a token")
    more = (_percentile(ages["alisa"][0], 0.5) - _percentile(ages["bare"][0], 0.5)) * 1e3
    print(f"  alisa - bare, p50: {more:+.2f} ms (aim: at most +1)")

    over = first_token(asked.rounds * 6)
    print("\nFirst token, over asking the model server directly")
    for name in HUBS:
        p50, p99 = _percentile(over[name], 0.5) * 1e3, _percentile(over[name], 0.99) * 1e3
        print(
            f"  {name:6} p50 {p50:6.2f} ms   p99 {p99:6.2f} ms" + ("   (aim: p50 at most 5)" if name == "alisa" else "")
        )

    print("\nStart of the hub (aims: at most 1.5 s CPU until it answers, 120 MB resident)")
    for which, hubs in start(asked.rounds).items():
        cpu = statistics.median(hub.cpu_ready for hub in hubs)
        rss = statistics.median(hub.rss_ready for hub in hubs)
        print(f"  {which} start of a data folder: {cpu:.2f} s CPU, {rss:.0f} MB")

    if asked.messages:
        print("\nHistory (aims: reload at most 10 ms, insert p99 at most 5 ms)")
        store.run(asked.messages, asked.rounds)


if __name__ == "__main__":
    main()
