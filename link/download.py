"""Downloads of large files: resumed, checked, and never half in place."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import hashlib
import random
import shutil
import threading
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NoReturn
from urllib.parse import urlsplit

from link.backoff import Backoff
from link.part_file import PartFile, exclusively
from link.ranges import Body, Complete, Refused, StartOver, Validator, check_address, is_loopback, judge, range_headers

if TYPE_CHECKING:
    import httpx

SPACE_CHECK_BYTES = 64 * 1024 * 1024


class DownloadError(Exception):
    """A download that failed. `text` is one sentence for people; what was received is kept unless it says otherwise."""

    def __init__(self, text: str) -> None:
        self.text = text if text.endswith(".") else text + "."
        super().__init__(self.text)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to fetch. size (bytes) and sha256 (hex) are checked where given; magic: bytes the file begins with."""

    url: str
    target: Path
    size: int | None = None
    sha256: str | None = None
    magic: bytes = b""


@dataclass(frozen=True, slots=True)
class Limits:
    """connect, stall, total: seconds (total None: unlimited). tries: in a row without a single new byte.
    redirects: at most. spare: bytes that must stay free on the disk. base, ceiling: backoff in seconds."""

    connect: float = 15
    stall: float = 30
    total: float | None = None
    tries: int = 5
    redirects: int = 5
    spare: int = 256 * 1024 * 1024
    base: float = 1
    ceiling: float = 30


@dataclass(frozen=True, slots=True)
class Progress:
    """done, total: bytes of the whole file; resumed: those of them that were there before. detail: why we wait."""

    phase: Literal["downloading", "waiting", "checking"]
    done: int
    total: int | None
    resumed: int = 0
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Downloaded:
    """sha256: of the file as it lies on the disk. verified: it was compared with a known one.
    already: it was there before."""

    path: Path
    size: int
    sha256: str
    verified: bool
    already: bool = False


async def download(
    wanted: Wanted,
    *,
    progress: Callable[[Progress], None] = lambda _: None,
    limits: Limits = Limits(),
    free_space: Callable[[Path], int] = lambda folder: shutil.disk_usage(folder).free,
    rng: random.Random | None = None,
) -> Downloaded:
    """Fetch a file to `wanted.target`, by way of `<target>.part`, which a later call resumes.

    Only HTTPS is fetched, plain HTTP from this machine excepted. The target appears in one step once size, magic
    and checksum are right. Cancelling the task stops at once and keeps the part. Raises DownloadError.
    """
    if complaint := check_address(wanted.url):
        raise DownloadError(complaint)
    try:
        wanted.target.parent.mkdir(parents=True, exist_ok=True)
        if wanted.target.exists():
            return await _already_there(wanted)
        with exclusively(wanted.target) as ours:
            if not ours:
                raise DownloadError("Another program is downloading this file right now")
            if wanted.target.exists():  # another process finished it just now
                return await _already_there(wanted)
            return await _Run(wanted, progress, limits, free_space, rng or random.Random()).finish()
    except TimeoutError:
        raise DownloadError("The download took longer than allowed; run it again to resume") from None
    except OSError as error:
        raise DownloadError(_disk_trouble(error)) from None


class _InterruptedError(Exception):
    """The transfer broke off in a way that another try may mend."""

    def __init__(self, text: str, after: float | None = None) -> None:
        super().__init__(text)
        self.text, self.after = text, after


class _Run:
    """One download, from the first request to the finished file."""

    def __init__(
        self,
        wanted: Wanted,
        progress: Callable[[Progress], None],
        limits: Limits,
        free_space: Callable[[Path], int],
        rng: random.Random,
    ) -> None:
        self._wanted, self._progress, self._limits, self._free_space = wanted, progress, limits, free_space
        self._backoff = Backoff(limits.base, 2, limits.ceiling, rng)
        self._part = PartFile(wanted.target)
        self._resumed = 0
        self._total = wanted.size

    async def finish(self) -> Downloaded:
        if not (self._part.validator().condition or self._wanted.sha256):
            self._part.discard()  # nothing would tell whether it still is the same file
        if self._wanted.size is not None and self._part.size > self._wanted.size:
            self._part.discard()
        self._resumed = self._part.size
        if self._wanted.size is None or self._resumed < self._wanted.size:
            self._check_space((self._wanted.size or 0) - self._resumed)
            async with asyncio.timeout(self._limits.total):
                await self._transfer()
        size = self._part.size
        self._progress(Progress("checking", size, size, self._resumed))
        sha256 = await _sha256(self._part.path)
        if self._wanted.sha256 and sha256 != self._wanted.sha256.lower():
            self._throw_away("The file does not have the expected checksum")
        if objection := self._wrong_kind():
            self._throw_away(objection)
        self._part.become(self._wanted.target)
        return Downloaded(self._wanted.target, size, sha256, verified=self._wanted.sha256 is not None)

    async def _transfer(self) -> None:
        import httpx

        limits = self._limits
        timeout = httpx.Timeout(limits.stall, connect=limits.connect)
        # No proxy stands between us and our own machine.
        trust_env = not is_loopback(urlsplit(self._wanted.url).hostname or "")
        failures = 0
        async with httpx.AsyncClient(timeout=timeout, trust_env=trust_env) as client:
            while True:
                before = self._part.size
                try:
                    await self._fetch(client)
                except httpx.TimeoutException:
                    problem = _InterruptedError("The server has fallen silent")
                except httpx.ConnectError as error:
                    if "CERTIFICATE_VERIFY_FAILED" in str(error):
                        raise DownloadError("The server's certificate is not valid; is the clock right?") from None
                    problem = _InterruptedError("The server cannot be reached")
                except httpx.TransportError:
                    problem = _InterruptedError("The connection broke off")
                except _InterruptedError as interrupted:
                    problem = interrupted
                else:
                    return
                if self._part.size > before:
                    failures = 0
                    self._backoff.reset()
                failures += 1
                if failures >= limits.tries:
                    raise DownloadError(f"{problem.text}; run it again later to resume")
                await self._wait(problem)

    async def _wait(self, problem: _InterruptedError) -> None:
        delay = max(self._backoff.next(), min(problem.after or 0, self._limits.ceiling))
        self._progress(Progress("waiting", self._part.size, self._total, self._resumed, problem.text))
        await asyncio.sleep(delay)

    async def _fetch(self, client: httpx.AsyncClient) -> None:
        """One request and its body, appended to the part. Raises _InterruptedError or httpx.TransportError."""
        have, known = self._part.size, self._part.validator()
        async with self._open(client, range_headers(have, known)) as response:
            headers = {name.lower(): value for name, value in response.headers.items()}
            match judge(response.status_code, headers, have, known):
                case Refused(text, retry, after):
                    if not retry:
                        raise DownloadError(text)
                    raise _InterruptedError(text, after)
                case StartOver():
                    self._part.discard()
                    raise _InterruptedError("The file has changed on the server, so it is fetched from the beginning")
                case Complete(total):
                    self._expect(total)
                case Body(start, total):
                    self._expect(total)
                    if start == 0:
                        self._resumed = 0
                        self._part.begin(Validator.of(headers, total))
                    self._check_space((total or 0) - start)
                    await self._receive(response, start)

    @contextlib.asynccontextmanager
    async def _open(self, client: httpx.AsyncClient, headers: dict[str, str]) -> AsyncIterator[httpx.Response]:
        """The answer to a GET, redirects followed by hand: each new address is checked first."""
        import httpx

        url = self._wanted.url
        for _ in range(self._limits.redirects + 1):
            async with client.stream("GET", url, headers=headers, follow_redirects=False) as response:
                if not response.has_redirect_location:
                    yield response
                    return
                try:
                    following = str(response.url.join(response.headers["location"]))
                except httpx.InvalidURL:
                    raise DownloadError("The server redirects to something that is no address") from None
            if complaint := check_address(following, before=url):
                raise DownloadError(complaint)
            url = following
        raise DownloadError("The server redirects too often")

    async def _receive(self, response: httpx.Response, done: int) -> None:
        begins = done == 0
        next_space_check = done + SPACE_CHECK_BYTES
        objection = ""
        with self._part.path.open("ab") as file:
            async for chunk in response.aiter_raw():
                done += len(chunk)
                if self._total is not None and done > self._total:
                    objection = "The server sends more than it announced"
                    break
                file.write(chunk)
                if begins and done >= len(self._wanted.magic):
                    begins = False
                    file.flush()
                    if objection := self._wrong_kind():
                        break
                if done >= next_space_check:
                    next_space_check = done + SPACE_CHECK_BYTES
                    self._check_space(0)
                self._progress(Progress("downloading", done, self._total, self._resumed))
        if objection:  # only now, because Windows does not delete open files
            self._throw_away(objection)
        if self._total is not None and done < self._total:
            raise _InterruptedError("The connection broke off")

    def _expect(self, total: int | None) -> None:
        if self._wanted.size is not None and total is not None and total != self._wanted.size:
            expected = f"{self._wanted.size:,} bytes were expected"
            raise DownloadError(f"The server offers a different file: {total:,} bytes where {expected}")
        self._total = total if total is not None else self._wanted.size

    def _wrong_kind(self) -> str:
        with self._part.path.open("rb") as file:
            head = file.read(len(self._wanted.magic))
        return "" if head == self._wanted.magic else "What the server sends is not a file of the expected kind"

    def _throw_away(self, why: str) -> NoReturn:
        self._part.discard()
        raise DownloadError(f"{why}, so it was thrown away")

    def _check_space(self, needed: int) -> None:
        free = self._free_space(self._wanted.target.parent)
        missing = max(needed, 0) + self._limits.spare - free
        if missing > 0:
            raise DownloadError(f"There is not enough room on the disk: free {missing / 1e9:.1f} GB more")


async def _already_there(wanted: Wanted) -> Downloaded:
    size = wanted.target.stat().st_size
    sha256 = await _sha256(wanted.target)
    differs = wanted.size not in (None, size) or (wanted.sha256 or sha256).lower() != sha256
    if differs:
        raise DownloadError(f"A different file named {wanted.target.name} is already there: move it away first")
    return Downloaded(wanted.target, size, sha256, verified=wanted.sha256 is not None, already=True)


async def _sha256(path: Path) -> str:
    """Read the file in a thread, which ends early when the task is cancelled."""
    stop = threading.Event()

    def read() -> str:
        digest = hashlib.sha256()
        with path.open("rb") as file:
            while not stop.is_set() and (block := file.read(1 << 20)):
                digest.update(block)
        return digest.hexdigest()

    try:
        return await asyncio.to_thread(read)
    finally:
        stop.set()


def _disk_trouble(error: OSError) -> str:
    if error.errno in (errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)):
        return "The disk is full: make room and run it again to resume"
    return f"The file cannot be written ({error.strerror or type(error).__name__})"
