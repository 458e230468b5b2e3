"""Downloads from a real server that drops, stalls, changes its file and lies about it."""

import asyncio
import errno
import hashlib
import json
import multiprocessing
from pathlib import Path

import pytest

from link import download as module
from link.download import Downloaded, DownloadError, Limits, Progress, Wanted, download
from tests.support.range_server import RangeServer

QUICK = Limits(stall=5, tries=3, base=0.001, ceiling=0.002, spare=0)
PLENTY = 10**15


@pytest.fixture
def server():
    with RangeServer() as server:
        yield server


@pytest.fixture
def target(tmp_path):
    return tmp_path / "models" / "model.gguf"


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


async def fetch(
    server: RangeServer, target: Path, limits: Limits = QUICK, path: str = "/model.gguf", **wanted
) -> Downloaded:
    return await download(Wanted(server.url(path), target, **wanted), limits=limits, free_space=lambda folder: PLENTY)


async def refused(
    server: RangeServer, target: Path, limits: Limits = QUICK, path: str = "/model.gguf", **wanted
) -> str:
    with pytest.raises(DownloadError) as caught:
        await fetch(server, target, limits, path, **wanted)
    assert not target.exists()
    return caught.value.text


def leftovers(target: Path) -> list[str]:
    return sorted(file.name for file in target.parent.iterdir())


async def test_a_file_arrives_whole_and_leaves_nothing_behind(server, target):
    result = await fetch(server, target, size=len(server.content), sha256=digest(server.content), magic=b"GGUF")
    assert target.read_bytes() == server.content
    assert result == Downloaded(target, len(server.content), digest(server.content), verified=True)
    assert leftovers(target) == ["model.gguf"]


async def test_without_a_known_checksum_it_is_not_called_verified(server, target):
    assert (await fetch(server, target)).verified is False


async def test_progress_tells_bytes_and_total(server, target):
    seen: list[Progress] = []
    await download(Wanted(server.url(), target), limits=QUICK, progress=seen.append, free_space=lambda folder: PLENTY)
    done = [progress.done for progress in seen]
    assert done == sorted(done)
    assert seen[-1] == Progress("checking", len(server.content), len(server.content))
    assert {progress.total for progress in seen} == {len(server.content)}


async def test_drops_are_resumed_where_they_happened(server, target):
    server.drops = [10_000, 20_000, 30_000, 1_000, 500]  # more drops than tries, but each brought something
    await fetch(server, target, sha256=digest(server.content))
    assert target.read_bytes() == server.content
    assert server.asked_ranges()[:3] == [None, "bytes=10000-", "bytes=30000-"]
    assert server.requests[1][1]["if-range"] == '"v1"'


async def test_drops_that_bring_nothing_end_it_and_the_next_call_resumes(server, target):
    server.drops = [50_000, 0, 0, 0]
    assert await refused(server, target) == "The connection broke off; run it again later to resume."
    assert leftovers(target) == ["model.gguf.lock", "model.gguf.part", "model.gguf.part.json"]
    result = await fetch(server, target)
    assert target.read_bytes() == server.content
    assert result.size == len(server.content)
    assert server.asked_ranges()[-1] == "bytes=50000-"
    assert leftovers(target) == ["model.gguf"]


async def test_a_server_that_ignores_ranges_starts_over(server, target):
    server.ranges = False
    server.drops = [50_000]
    await fetch(server, target)
    assert target.read_bytes() == server.content


async def test_a_file_that_changed_meanwhile_is_fetched_anew(server, target):
    server.drops = [50_000, 0, 0, 0]
    await refused(server, target)
    server.content, server.etag = b"GGUF" + b"new" * 50_000, '"v2"'
    await fetch(server, target)
    assert target.read_bytes() == server.content


async def test_without_validators_an_old_part_is_only_used_when_a_checksum_will_tell(server, target):
    server.etag = ""
    server.drops = [50_000, 0, 0, 0]
    await refused(server, target)
    await fetch(server, target)
    assert server.asked_ranges()[-1] is None
    target.unlink()
    server.drops = [50_000, 0, 0, 0]
    await refused(server, target, sha256=digest(server.content))
    await fetch(server, target, sha256=digest(server.content))
    assert server.asked_ranges()[-1] == "bytes=50000-"
    assert target.read_bytes() == server.content


async def test_a_part_that_is_complete_is_recognised(server, target):
    target.parent.mkdir()
    (target.parent / "model.gguf.part").write_bytes(server.content)
    (target.parent / "model.gguf.part.json").write_text(
        json.dumps({"etag": '"v1"', "last_modified": "", "size": len(server.content)})
    )
    await fetch(server, target)
    assert target.read_bytes() == server.content
    assert server.asked_ranges() == [f"bytes={len(server.content)}-"]


async def test_a_part_longer_than_the_file_is_thrown_away(server, target):
    target.parent.mkdir()
    (target.parent / "model.gguf.part").write_bytes(server.content + b"more")
    (target.parent / "model.gguf.part.json").write_text('{"etag": "\\"v1\\"", "last_modified": "", "size": null}')
    await fetch(server, target)
    assert target.read_bytes() == server.content


async def test_a_wrong_checksum_throws_the_file_away(server, target):
    assert await refused(server, target, sha256="0" * 64) == (
        "The file does not have the expected checksum, so it was thrown away."
    )
    assert leftovers(target) == ["model.gguf.lock"]


async def test_a_file_of_another_size_is_not_even_begun(server, target):
    assert "different file" in await refused(server, target, size=5)
    assert leftovers(target) == ["model.gguf.lock"]


async def test_a_page_instead_of_a_model_is_noticed_at_its_first_bytes(server, target):
    server.content = b"<html>please log in</html>" + b" " * 1_000_000
    assert await refused(server, target, magic=b"GGUF") == (
        "What the server sends is not a file of the expected kind, so it was thrown away."
    )
    assert leftovers(target) == ["model.gguf.lock"]


async def test_a_body_that_goes_on_and_on_is_stopped(server, target):
    server.announce = False
    server.surplus = b"x" * 1_000_000
    assert "more than it announced" in await refused(server, target, size=len(server.content))
    assert leftovers(target) == ["model.gguf.lock"]


async def test_an_unannounced_size_is_fine(server, target):
    server.announce = False
    await fetch(server, target, sha256=digest(server.content))
    assert target.read_bytes() == server.content


async def test_busy_servers_are_asked_again(server, target):
    server.statuses = [503, 429]
    server.extra_headers = {"Retry-After": "600"}  # bounded by the ceiling
    await fetch(server, target)
    assert len(server.requests) == 3


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (404, "The file is not at this address (any more)."),
        (403, "The server does not give out this file without an account."),
        (500, "The server answered with status 500; run it again later to resume."),
    ],
)
async def test_refusals_are_clear(server, target, status, said):
    server.statuses = [status] * 3
    assert await refused(server, target) == said
    assert len(server.requests) == (3 if status == 500 else 1)


async def test_a_silent_server_is_left_and_asked_again(server, target):
    server.stalls = [30_000]
    await fetch(server, target, Limits(stall=0.1, tries=3, base=0.001, ceiling=0.002, spare=0))
    assert server.asked_ranges() == [None, "bytes=30000-"]
    assert target.read_bytes() == server.content


async def test_the_whole_may_not_take_longer_than_allowed(server, target):
    server.stalls = [30_000]
    said = await refused(server, target, Limits(stall=30, total=0.2, spare=0))
    assert said == "The download took longer than allowed; run it again to resume."


async def test_a_server_that_is_not_there(target):
    with RangeServer() as server:
        url = server.url()
    with pytest.raises(DownloadError, match="cannot be reached"):
        await download(Wanted(url, target), limits=QUICK, free_space=lambda folder: PLENTY)


async def test_cancelling_stops_at_once_and_keeps_the_part(server, target):
    server.stalls = [30_000]
    arrived = asyncio.Event()
    job = asyncio.create_task(
        download(
            Wanted(server.url(), target),
            limits=QUICK,
            progress=lambda progress: arrived.set() if progress.done >= 30_000 else None,
            free_space=lambda folder: PLENTY,
        )
    )
    await asyncio.wait_for(arrived.wait(), 10)
    job.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(job, 2)
    assert (target.parent / "model.gguf.part").stat().st_size == 30_000
    await fetch(server, target)
    assert target.read_bytes() == server.content


async def test_redirects_are_followed_a_few_times(server, target):
    server.redirects = {"/a": "/b", "/b": server.url("/c")}
    await fetch(server, target, path="/a")
    assert target.read_bytes() == server.content
    server.redirects = {"/a": "/a"}
    target.unlink()
    assert await refused(server, target, path="/a") == "The server redirects too often."


@pytest.mark.parametrize(
    "location", ["http://example.org/model.gguf", "ftp://127.0.0.1/x", "http://[broken", "file:///etc/passwd"]
)
async def test_redirects_lead_nowhere_else(server, target, location):
    server.redirects = {"/a": location}
    assert await refused(server, target, path="/a")
    assert len(server.requests) == 1


async def test_plain_http_to_other_machines_is_refused_without_asking(target):
    with pytest.raises(DownloadError, match="must begin with https"):
        await download(Wanted("http://example.org/model.gguf", target))


# ------------------------------------------------------------------------------------------------------- disk


async def test_room_is_checked_before_anything_is_asked(server, target):
    with pytest.raises(DownloadError, match=r"free 5\.0 GB more"):
        await download(Wanted(server.url(), target, size=5 * 10**9), limits=QUICK, free_space=lambda folder: 1000)
    assert server.requests == []


async def test_room_is_checked_again_when_the_size_is_announced(server, target):
    with pytest.raises(DownloadError, match="not enough room"):
        await download(Wanted(server.url(), target), limits=QUICK, free_space=lambda folder: 1000)
    assert len(server.requests) == 1


async def test_room_is_checked_on_the_way(server, target, monkeypatch):
    monkeypatch.setattr(module, "SPACE_CHECK_BYTES", 100_000)
    server.content = b"GGUF" + bytes(5_000_000)
    answers = iter([PLENTY, PLENTY, PLENTY, 100])
    limits = Limits(tries=3, base=0.001, ceiling=0.002, spare=1_000)
    with pytest.raises(DownloadError, match="not enough room"):
        await download(Wanted(server.url(), target), limits=limits, free_space=lambda folder: next(answers))
    assert 100_000 <= (target.parent / "model.gguf.part").stat().st_size < len(server.content)


async def test_a_disk_that_fills_up_is_said_and_the_part_kept(server, target):
    def full(folder: Path) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(DownloadError, match="The disk is full"):
        await download(Wanted(server.url(), target), limits=QUICK, free_space=full)


async def test_a_folder_that_cannot_be_made_is_said(server, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(DownloadError, match="cannot be written"):
        await fetch(server, tmp_path / "file" / "model.gguf")


# ------------------------------------------------------------------------------------------------ the same file


async def test_a_file_that_is_there_is_not_fetched_again(server, target):
    await fetch(server, target)
    result = await fetch(server, target, sha256=digest(server.content))
    assert result.already
    assert result.verified
    assert len(server.requests) == 1


async def test_a_different_file_of_that_name_is_never_overwritten(server, target):
    target.parent.mkdir()
    target.write_bytes(b"precious")
    with pytest.raises(DownloadError, match=r"A different file named model\.gguf is already there"):
        await fetch(server, target, size=len(server.content))
    assert target.read_bytes() == b"precious"


async def test_a_second_downloader_in_this_process_is_refused(server, target):
    server.stalls = [30_000]
    first = asyncio.create_task(fetch(server, target))
    async with asyncio.timeout(10):
        while not server.requests:  # noqa: ASYNC110 - the server lives in a thread
            await asyncio.sleep(0.001)
    with pytest.raises(DownloadError, match="Another program is downloading this file"):
        await fetch(server, target)
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first


def _pull(url: str, target: Path, results: "multiprocessing.Queue[str]") -> None:
    try:
        asyncio.run(download(Wanted(url, target), limits=QUICK, free_space=lambda folder: PLENTY))
        results.put("done")
    except DownloadError as error:
        results.put(error.text)


def test_processes_pulling_the_same_file_do_not_harm_it(server, target):
    server.content = b"GGUF" + b"0123456789abcdef" * 200_000
    context = multiprocessing.get_context("spawn")
    results = context.Queue()
    processes = [context.Process(target=_pull, args=(server.url(), target, results)) for _ in range(3)]
    for process in processes:
        process.start()
    said = [results.get(timeout=30) for _ in processes]
    for process in processes:
        process.join(10)
    assert "done" in said
    assert set(said) <= {"done", "Another program is downloading this file right now."}
    assert target.read_bytes() == server.content
