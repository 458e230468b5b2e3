"""Runs one llama.cpp server for the hub, and never outlives it: `python -m backend.llama_child`.

The first line of standard input is a `ServerSpec` as JSON (so that the key shows in no process list); after it the
input stays open for as long as the hub lives. Its end, even by kill -9, ends the server. Standard output carries one
JSON line, `{"pid": …}`, when the server is a process of its own; everything the server says goes to standard error.

A process of its own, because a crash or a hang in the server must not be the hub's. Imports nothing heavy at the top.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import BinaryIO, Literal, NoReturn

GRACE = 1.0
"""Seconds for the server to end by itself before it is killed: in mid-stream it may hang, and nothing is lost."""

HOST = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class ServerSpec:
    """What to run. program: path of a `llama-server`, or empty for the xllamacpp package. n_ctx, threads: as in
    llama.cpp. parallel: slots, which share the context. cache_mb: limit of the prompt cache in MiB."""

    model: str
    port: int
    key: str
    program: str = ""
    n_ctx: int = 4096
    gpu_layers: int | Literal["auto"] = "auto"
    threads: int = 1
    parallel: int = 2
    cache_mb: int = 512

    def to_line(self) -> bytes:
        return json.dumps(asdict(self)).encode() + b"\n"


def arguments(spec: ServerSpec, help_text: str) -> list[str]:
    """The command line of a `llama-server` whose `--help` says `help_text`: an option it does not know ends it."""
    command = [spec.program, "--model", spec.model, "--host", HOST, "--port", str(spec.port)]
    # Without a unified cache the context would be divided among the slots, so there is only one then.
    parallel = spec.parallel if _explains(help_text, "--kv-unified") else 1
    command += ["--ctx-size", str(spec.n_ctx), "--parallel", str(parallel), "--threads", str(spec.threads)]
    if spec.gpu_layers != "auto":
        command += ["--n-gpu-layers", str(spec.gpu_layers)]
    elif not _explains(help_text, "--n-gpu-layers", "auto"):
        command += ["--n-gpu-layers", "99"]  # versions without automatic choice take as many as there are
    wanted = [
        ["--kv-unified"],
        ["--cache-ram", str(spec.cache_mb)],
        ["--jinja"],
        ["--cors-origins", "localhost"],
        ["--no-webui"],
    ]
    for option in wanted:
        if _explains(help_text, option[0]):
            command += option
    return command


def _explains(help_text: str, option: str, word: str = "") -> bool:
    """Whether the help has `option`, and `word` near it."""
    words = help_text.replace(",", " ").split()
    if option not in words:
        return False
    at = words.index(option)
    return any(word in near for near in words[at : at + 40])


def main() -> int:
    line = sys.stdin.buffer.readline()
    if not line:
        return 0
    spec = ServerSpec(**json.loads(line))
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the hub's to hear; it closes our input
    report = _own_stdout()
    return _run_program(spec, report) if spec.program else _run_package(spec)


def _own_stdout() -> BinaryIO:
    """Keep standard output for ourselves: what libraries print goes to standard error."""
    report = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    return report


def _when_hub_is_gone(end: Callable[[], object]) -> None:
    """Call `end` in a thread once standard input is at its end."""

    def watch() -> None:
        while os.read(0, 4096):
            pass
        end()

    threading.Thread(target=watch, daemon=True, name="hub-watch").start()


# ------------------------------------------------------------------------------------------- a program of its own


def _run_program(spec: ServerSpec, report: BinaryIO) -> int:
    asked = subprocess.run(
        [spec.program, "--help"], stdin=subprocess.DEVNULL, capture_output=True, timeout=30, check=False
    )
    help_text = (asked.stdout + asked.stderr).decode("utf-8", "replace")
    server = subprocess.Popen(
        arguments(spec, help_text),
        stdin=subprocess.DEVNULL,
        env={**os.environ, "LLAMA_API_KEY": spec.key},
        preexec_fn=_die_with_parent if sys.platform == "linux" else None,
    )
    report.write(json.dumps({"pid": server.pid}).encode() + b"\n")
    report.flush()

    def end(*_: object) -> NoReturn:
        server.terminate()
        try:
            server.wait(GRACE)
        except subprocess.TimeoutExpired:
            server.kill()
        os._exit(0)

    signal.signal(signal.SIGTERM, end)
    _when_hub_is_gone(end)
    return server.wait()


def _die_with_parent() -> None:
    """Have the kernel kill the server when we are killed ourselves (Linux: prctl(PR_SET_PDEATHSIG, SIGKILL))."""
    import ctypes

    ctypes.CDLL(None).prctl(1, signal.SIGKILL)


# ----------------------------------------------------------------------------------------------- the package


def _run_package(spec: ServerSpec) -> int:
    # No clean-up could be of use to anyone, and the server's own may hang in mid-stream.
    _when_hub_is_gone(lambda: os._exit(0))
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path = spec.model
    params.model_alias = {os.path.basename(spec.model)}
    params.hostnames = [HOST]
    params.port = spec.port
    params.api_keys = [spec.key]
    params.cors_origins = "localhost"
    params.ui = False
    params.n_ctx = spec.n_ctx
    params.n_parallel = spec.parallel
    params.kv_unified = True
    params.use_jinja = True
    params.cache_ram_mib = spec.cache_mb
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = spec.threads
    if spec.gpu_layers != "auto":
        params.n_gpu_layers = spec.gpu_layers
    try:
        server = xllamacpp.Server(params)
    except RuntimeError as error:  # the reason is what the server has said before
        sys.stderr.write(f"{error}\n")
        return 1
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    threading.Event().wait()
    del server
    return 0


if __name__ == "__main__":
    sys.exit(main())
