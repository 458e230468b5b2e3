"""docs/PROTOCOL.md says what the code does."""

from __future__ import annotations

import re

from link.codec import Malformed, decode_client, decode_hub
from link.messages import FRAMES, Say, Text
from link.paths import PROJECT
from link.protocol_docs import EXAMPLES, protocol_markdown
from link.roles import Role


def section(page: str, title: str) -> str:
    return page.split(f"### `{title}`\n")[1].split("\n### ")[0]


def test_the_committed_page_is_the_generated_one() -> None:
    assert (PROJECT / "docs" / "PROTOCOL.md").read_text("utf-8") == protocol_markdown()


def test_every_frame_has_one_example_that_the_codec_reads_back() -> None:
    page = protocol_markdown()
    assert [type(example) for example in EXAMPLES] == [spec.message for spec in FRAMES]
    for spec, example in zip(FRAMES, EXAMPLES, strict=True):
        title = f"[{spec.tag}]" if spec.tag else {Say: '{"message": …}', Text: "text"}[spec.message]
        frame = re.search(r"```text\n(.*)\n```", section(page, title))
        assert frame is not None
        read = [decode(frame[1]) for decode, speaks in ((decode_client, spec.roles), (decode_hub, spec.hub)) if speaks]
        assert read
        assert all(one == example and not isinstance(one, Malformed) for one in read)


def test_types_and_limits_are_in_words() -> None:
    page = protocol_markdown()
    assert "| `envelope` | list, at most 7,200 entries, each number from 0 to 1 | empty |" in page
    assert "| `context` | text, at most 16,384 characters | required |" in page
    assert "| `heard` | text, at most 100,000 characters or `null` | `null` |" in page
    assert "| `resumed` | whole number, at least 0 | `0` |" in page


def test_each_role_sees_what_it_may_send() -> None:
    page = protocol_markdown()
    rows = {role: next(line for line in page.splitlines() if line.startswith(f"| {role.value} |")) for role in Role}
    assert "`[CONFIRM]`" in rows[Role.USER]
    assert rows[Role.VISION] == "| vision | `[VISION_FACE]`, `[VISION_DESKTOP]`, `[HELLO]` |"
    assert "`[VIEWER]`" not in rows[Role.USER]


def test_links_lead_somewhere() -> None:
    page = protocol_markdown()
    anchors = set(re.findall(r'<a id="(\w+)">', page))
    assert set(re.findall(r"\]\(#(\w+)\)", page)) == anchors
    assert len(anchors) == len(FRAMES)
