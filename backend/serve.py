"""Runs the hub under uvicorn: checks first, one clear sentence for what people can mend, a clean end within 2 s."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from backend.limits import MAX_BYTES
from link import paths
from link.exit_codes import NOT_AVAILABLE, WRONG_SETTINGS
from link.settings.problems import SettingsError
from link.settings.store import SettingsStore
from link.tokens import TokenError, create_tokens

if TYPE_CHECKING:
    import uvicorn


def serve(*, console: bool) -> int:
    """Run the hub until it is told to stop; returns the exit code. console: log to stderr for people."""
    data = paths.data_dir()
    try:
        create_tokens(data)  # first, because it is what notices a data folder that cannot be used
        settings = SettingsStore(data).current
        listening = _listen(settings.hub.host, settings.hub.port)
    except SettingsError as error:
        return _fail(str(error), WRONG_SETTINGS)
    except TokenError as error:
        return _fail(str(error))
    except OSError as error:
        return _fail(_why_not(error, settings.hub.host, settings.hub.port))
    from backend.app.ports import StoreError

    server = _server(console=console)
    try:
        with listening, asyncio.Runner(loop_factory=server.config.get_loop_factory()) as runner:
            runner.run(_run(server, listening, data, console=console))
    except StoreError as error:
        return _fail(error.text)
    except KeyboardInterrupt:  # Ctrl-C before the server was up
        return 130
    return 0


def _server(*, console: bool) -> uvicorn.Server:
    import uvicorn

    class Server(uvicorn.Server):
        """uvicorn, but it leaves the end of the process to us, so that everything is closed in order."""

        @contextlib.contextmanager
        def capture_signals(self) -> Iterator[None]:
            signals = [signal.SIGINT, signal.SIGTERM]
            if sys.platform == "win32":
                signals.append(signal.SIGBREAK)
            before = {number: signal.signal(number, self.handle_exit) for number in signals}
            try:
                yield
            finally:
                for number, handler in before.items():
                    signal.signal(number, handler)

        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            if self.started and console and sockets:
                host, port = sockets[0].getsockname()[:2]
                sys.stderr.write(f"The hub is ready at http://{host}:{port} (Ctrl-C ends it).\n")

    return Server(
        uvicorn.Config(
            "backend.app.main:app",
            lifespan="off",  # the hub is opened and closed around the server, in _run
            log_config=None,
            log_level=None,
            access_log=False,  # its lines would hold tokens
            ws_max_size=MAX_BYTES,
            ws_per_message_deflate=False,  # on loopback it costs more than it saves
            timeout_graceful_shutdown=1,
            server_header=False,
        )
    )


async def _run(server: uvicorn.Server, listening: socket.socket, data: Path, *, console: bool) -> None:
    from backend.app.main import Door, build, create_app

    door = Door()
    app = create_app(door)
    async with AsyncExitStack() as stack:
        await build(app, door, data, stack, console=console)
        server.config.app = app
        await server.serve(sockets=[listening])


def _listen(host: str, port: int) -> socket.socket:
    """A bound socket, so that a busy port is known before anything else is started. Raises OSError."""
    family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    listening = socket.socket(family, kind, protocol)
    try:
        if sys.platform == "win32":  # there SO_REUSEADDR would let two programs share the port
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
        else:
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
        listening.listen(128)
    except OSError:
        listening.close()
        raise
    return listening


def _why_not(error: OSError, host: str, port: int) -> str:
    if error.errno == errno.EADDRINUSE:
        from link.hub_probe import holder, other_port

        who = holder(port)
        return (
            f"Port {port} is in use{f' by {who}' if who else ''}. End that program, or choose another port: "
            f"set ALISA_HUB__PORT={other_port(port)}, or hub.port in settings.yaml."
        )
    if error.errno == errno.EACCES:
        return f"This user may not listen on port {port}. Choose one above 1023 (ALISA_HUB__PORT)."
    return f"The hub cannot listen on {host} ({error.strerror}). Check hub.host in the settings."


def _fail(text: str, code: int = NOT_AVAILABLE) -> int:
    sys.stderr.write(f"The hub cannot start. {text}\n")
    return code
