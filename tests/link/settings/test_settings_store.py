"""The live store: updates are validated, saved whole, reloaded, and never lose what the user wrote."""

import asyncio
import json
import os
import stat
import threading
from pathlib import Path

import pytest

from link.settings.fields import MASK
from link.settings.problems import SettingsError
from link.settings.store import SettingsStore


def store_of(folder: Path, text: str | None = None, environ: dict[str, str] | None = None) -> SettingsStore:
    if text is not None:
        (folder / "settings.yaml").write_text(text, encoding="utf-8")
    return SettingsStore(folder, environ or {})


def saved(folder: Path) -> str:
    return (folder / "settings.yaml").read_text(encoding="utf-8")


def touch_later(file: Path) -> None:
    """Give the file another modification time, whatever the file system's resolution."""
    later = file.stat().st_mtime + 5
    os.utime(file, (later, later))


def test_update_saves_reports_and_survives_a_restart(tmp_path):
    folder = tmp_path / "data"
    result = SettingsStore(folder, {}).update({"llm": {"temperature": 0.5, "model": "yes.gguf"}})
    assert result.changed == ("llm.model", "llm.temperature")
    assert result.restart_needed == ("llm.model",)
    again = SettingsStore(folder, {})
    assert (again.current.llm.temperature, again.current.llm.model) == (0.5, "yes.gguf")


def test_comments_order_and_other_keys_of_a_hand_edited_file_survive(tmp_path):
    text = "# mine\nllm:\n  # warmer\n  temperature: 0.9  # was 0.7\n\nhub:\n  port: 9000\n"
    store_of(tmp_path, text).update({"llm": {"temperature": 0.4}})
    assert saved(tmp_path) == text.replace("0.9", "0.4")


def test_a_file_of_comments_keeps_them(tmp_path):
    store_of(tmp_path, "# my notes").update({"hub": {"port": 9000}})
    assert saved(tmp_path) == "# my notes\nhub:\n  port: 9000\n"


@pytest.mark.parametrize("value", ["yes", "1e3", "null", "007", "a: b", "#x", "", "two\nlines", "ä\u2028", "'\"\\"])
def test_any_text_comes_back_as_it_was(tmp_path, value):
    store_of(tmp_path).update({"llm": {"model": value, "extra_body": {"grammar": value, "list": [value, 1, None]}}})
    llm = store_of(tmp_path).current.llm
    assert llm.model == value
    assert llm.extra_body == {"grammar": value, "list": [value, 1, None]}


def test_null_takes_a_setting_back_to_its_default(tmp_path):
    store = store_of(tmp_path, "hub:\n  port: 9000\n  host: localhost\n")
    assert store.update({"hub": {"port": None}}).changed == ("hub.port",)
    assert store.current.hub.port == 8000
    assert saved(tmp_path) == "hub:\n  host: localhost\n"


def test_a_json_file_stays_json(tmp_path):
    (tmp_path / "settings.json").write_text('{"hub": {"port": 9000}}')
    SettingsStore(tmp_path, {}).update({"llm": {"top_k": 7}})
    assert json.loads((tmp_path / "settings.json").read_text()) == {"hub": {"port": 9000}, "llm": {"top_k": 7}}
    assert not (tmp_path / "settings.yaml").exists()


@pytest.mark.parametrize(
    ("patch", "said"),
    [
        ({"hub": {"port": 0}}, "`hub.port` must be a whole number from 1 to 65535, not 0."),
        ({"hub": {"prot": 1}}, "`hub.prot` is not a setting; did you mean `hub.port`?"),
        ({"hub": 1}, "`hub` must be a section with settings in it."),
    ],
)
def test_a_wrong_patch_changes_nothing(tmp_path, patch, said):
    store = store_of(tmp_path, "llm:\n  top_k: 3\n")
    with pytest.raises(SettingsError) as caught:
        store.update({"llm": {"top_k": 9}, **patch})
    assert caught.value.problems == (said,)
    assert saved(tmp_path) == "llm:\n  top_k: 3\n"
    assert store.current.llm.top_k == 3


def test_what_a_variable_sets_cannot_be_patched_nor_gets_into_the_file(tmp_path):
    store = store_of(tmp_path, environ={"ALISA_HUB__PORT": "9001"})
    with pytest.raises(SettingsError, match=r"`hub\.port` is set by the environment variable ALISA_HUB__PORT"):
        store.update({"hub": {"port": 9002}})
    store.update({"hub": {"host": "localhost"}})
    assert "9001" not in saved(tmp_path)
    assert store.current.hub.port == 9001


def test_an_update_keeps_what_was_edited_by_hand_meanwhile(tmp_path):
    store = store_of(tmp_path, "hub:\n  port: 9000\n")
    store_of(tmp_path, "hub:\n  port: 9000\nllm:\n  top_k: 5\n")
    assert store.update({"llm": {"top_p": 0.5}}).changed == ("llm.top_p", "llm.top_k")
    assert SettingsStore(tmp_path, {}).current.llm.top_k == 5


def test_an_update_of_a_broken_file_is_refused(tmp_path):
    store = store_of(tmp_path, "hub:\n  port: 9000\n")
    (tmp_path / "settings.yaml").write_text("hub: [")
    with pytest.raises(SettingsError, match="not valid YAML"):
        store.update({"llm": {"top_k": 5}})
    assert saved(tmp_path) == "hub: ["


def test_a_masked_secret_sent_back_is_left_alone(tmp_path):
    store = store_of(tmp_path, "llm:\n  api_key: hunter2\n")
    view = store.public()
    assert view["values"]["llm"]["api_key"] == MASK
    assert "hunter2" not in json.dumps(view)
    assert store.update(view["values"]).changed == ()
    assert store.current.llm.api_key.get_secret_value() == "hunter2"
    store.update({"llm": {"api_key": "swordfish"}})
    assert SettingsStore(tmp_path, {}).current.llm.api_key.get_secret_value() == "swordfish"


def test_the_public_view_tells_sources_and_restarts(tmp_path):
    store = store_of(tmp_path, "llm:\n  top_k: 3\n", {"ALISA_HUB__PORT": "9001"})
    store.update({"llm": {"context": 8192}})
    view = store.public()
    assert view["values"]["llm"]["top_k"] == 3
    assert view["sources"]["llm.top_k"] == "file"
    assert view["sources"]["hub.port"] == "environment"
    assert view["sources"]["logs.level"] == "default"
    assert view["variables"] == {"hub.port": "ALISA_HUB__PORT"}
    assert view["pending_restart"] == ["llm.context"]
    assert "hub.port" in view["restart"]
    assert "llm.top_k" not in view["restart"]


def test_the_schema_covers_every_section():
    schema = SettingsStore.json_schema()
    assert {"hub", "llm", "conversation", "logs"} <= set(schema["properties"])
    assert schema["$defs"]["HubSettings"]["properties"]["port"]["restart"] is True


@pytest.mark.skipif(os.name == "nt", reason="POSIX modes")
def test_the_file_is_the_owners_alone_but_a_wider_mode_is_respected(tmp_path):
    store_of(tmp_path).update({"llm": {"top_k": 5}})
    file = tmp_path / "settings.yaml"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    file.chmod(0o640)
    store_of(tmp_path).update({"llm": {"top_k": 6}})
    assert stat.S_IMODE(file.stat().st_mode) == 0o640


@pytest.mark.skipif(os.name == "nt", reason="symbolic links")
def test_a_link_to_the_file_stays_a_link(tmp_path):
    (tmp_path / "dotfiles").mkdir()
    real = tmp_path / "dotfiles" / "alisa.yaml"
    real.write_text("hub:\n  port: 9000\n")
    (tmp_path / "settings.yaml").symlink_to(real)
    SettingsStore(tmp_path, {}).update({"hub": {"port": 9001}})
    assert (tmp_path / "settings.yaml").is_symlink()
    assert real.read_text() == "hub:\n  port: 9001\n"


def test_updates_from_many_threads_and_stores_all_arrive(tmp_path):
    patches = [{"llm": {"top_k": 1}}, {"llm": {"seed": 5}}, {"hub": {"port": 9000}}, {"conversation": {"turns": 3}}]
    threads = [threading.Thread(target=store_of(tmp_path).update, args=(patch,)) for patch in patches]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    now = SettingsStore(tmp_path, {}).current
    assert (now.llm.top_k, now.llm.seed, now.hub.port, now.conversation.turns) == (1, 5, 9000, 3)
    assert not [file for file in tmp_path.iterdir() if file.suffix == ".tmp" or "settings.yaml." in file.name]


# ------------------------------------------------------------------------------------------------- hot reload


def test_an_edit_is_noticed_and_subscribers_are_told_once(tmp_path):
    store = store_of(tmp_path, "llm:\n  top_k: 3\n")
    heard = []
    end = store.subscribe(lambda old, new, changed: heard.append((old.llm.top_k, new.llm.top_k, changed)))
    assert store.poll() is False
    store_of(tmp_path, "llm:\n  top_k: 44\n")
    assert store.poll() is True
    assert store.poll() is False
    assert heard == [(3, 44, frozenset({"llm.top_k"}))]
    end()
    store_of(tmp_path, "llm:\n  top_k: 555\n")
    assert store.poll() is True
    assert len(heard) == 1


def test_a_broken_edit_keeps_the_settings_and_says_so_until_it_is_mended(tmp_path, caplog):
    store = store_of(tmp_path, "llm:\n  top_k: 3\n")
    file = tmp_path / "settings.yaml"
    file.write_text("llm:\n  top_k: three\n")
    assert store.poll() is False
    assert store.current.llm.top_k == 3
    assert store.problems == ("settings.yaml, line 2: `llm.top_k` must be a whole number at least 0, not `three`.",)
    assert store.public()["problems"] == list(store.problems)
    assert [record.message for record in caplog.records] == ["settings not reloaded"]
    file.write_text("llm:\n  top_k: 4\n")
    touch_later(file)
    assert store.poll() is True
    assert store.problems == ()


def test_a_deleted_file_means_defaults(tmp_path):
    store = store_of(tmp_path, "llm:\n  top_k: 3\n")
    (tmp_path / "settings.yaml").unlink()
    assert store.poll() is True
    assert store.current.llm.top_k == 40


def test_one_subscribers_fault_does_not_reach_the_others(tmp_path, caplog):
    store = store_of(tmp_path)
    heard = []
    store.subscribe(lambda old, new, changed: 1 / 0)
    store.subscribe(lambda old, new, changed: heard.append(changed))
    store.update({"llm": {"top_k": 5}})
    assert heard == [frozenset({"llm.top_k"})]
    assert "a subscriber of the settings failed" in caplog.text


def test_a_broken_file_stops_the_start(tmp_path):
    with pytest.raises(SettingsError, match="line 1"):
        store_of(tmp_path, "hob: {}\n")


async def test_watching_and_updating_in_an_event_loop(tmp_path):
    store = store_of(tmp_path)
    changes: asyncio.Queue[frozenset[str]] = asyncio.Queue()
    loop_thread = threading.get_ident()

    def heard(old, new, changed):
        assert threading.get_ident() == loop_thread
        changes.put_nowait(changed)

    store.subscribe(heard)
    watcher = asyncio.create_task(store.watch(every=0.01))
    try:
        assert (await store.update_async({"llm": {"top_k": 5}})).changed == ("llm.top_k",)
        assert await asyncio.wait_for(changes.get(), 10) == {"llm.top_k"}
        store_of(tmp_path, "hub:\n  port: 9000\n")
        assert await asyncio.wait_for(changes.get(), 10) == {"llm.top_k", "hub.port"}
    finally:
        watcher.cancel()
