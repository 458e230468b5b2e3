"""Reading settings: file and environment together, and what people are told about their mistakes."""

import json
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from link.settings.document import parse
from link.settings.fields import settings_fields
from link.settings.load import load
from link.settings.problems import SettingsError


def write(folder: Path, text: str, name: str = "settings.yaml") -> Path:
    (folder / name).write_text(text, encoding="utf-8")
    return folder


def problems(folder: Path, environ: dict[str, str] | None = None) -> tuple[str, ...]:
    with pytest.raises(SettingsError) as caught:
        load(folder, environ or {})
    return caught.value.problems


def test_without_a_file_everything_has_its_default(tmp_path):
    loaded = load(tmp_path / "not-there", {})
    assert loaded.settings.hub.port == 8000
    assert loaded.source("hub.port") == "default"


def test_the_environment_wins_over_the_file_and_the_file_over_defaults(tmp_path):
    write(tmp_path, "hub:\n  port: 9000\n  host: localhost\n")
    loaded = load(tmp_path, {"ALISA_HUB__PORT": "9001"})
    assert (loaded.settings.hub.host, loaded.settings.hub.port) == ("localhost", 9001)
    assert loaded.source("hub.host") == "file"
    assert loaded.source("hub.port") == "environment"
    assert loaded.variables == {"hub.port": "ALISA_HUB__PORT"}


def test_json_is_read_when_it_is_there_instead(tmp_path):
    write(tmp_path, '{\n\t"llm": {"temperature": 0.2}\n}', "settings.json")
    assert load(tmp_path, {}).settings.llm.temperature == 0.2


def test_structured_variables_are_json(tmp_path):
    grammar = 'root ::= "ja"'
    environ = {
        "ALISA_LLM__EXTRA_BODY": json.dumps({"grammar": grammar}),
        "ALISA_HUB__ALLOWED_HOSTS": '["alisa.lan"]',
        "ALISA_LLM__FALLBACK": "[]",
        "ALISA_LLM__GPU_LAYERS": "20",
    }
    settings = load(tmp_path, environ).settings
    assert settings.llm.extra_body == {"grammar": grammar}
    assert settings.hub.allowed_hosts == ["alisa.lan"]
    assert settings.llm.fallback == []
    assert settings.llm.gpu_layers == 20


def test_variables_that_are_no_settings_and_empty_ones_are_left_alone(tmp_path):
    environ = {"ALISA_DATA_DIR": "x", "ALISA_MODELS_DIR": "y", "ALISA_SOMETHING": "1", "ALISA_HUB__PORT": " "}
    assert load(tmp_path, environ).settings.hub.port == 8000


def test_keys_whose_values_are_commented_out_count_as_not_given(tmp_path):
    write(tmp_path, "llm:\n  # temperature: 1\nhub:\n  port:\n")
    assert load(tmp_path, {}).settings.hub.port == 8000


@pytest.mark.parametrize("text", ["", "# nothing yet\n", "---\n", "\ufeffhub:\n  port: 8000\n"])
def test_empty_files_and_byte_order_marks_are_fine(tmp_path, text):
    assert load(write(tmp_path, text), {}).settings.hub.port == 8000


PORT = "`hub.port` must be a whole number from 1 to 65535"
PROVIDER = "`llm.provider` must be one of `auto`, `llamacpp`, `openai`, `starter`"
HUB_HAS = "`hub` has host, port, allowed_hosts, allowed_origins"


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("hub:\n  prot: 9000\n", 2, "`hub.prot` is not a setting; did you mean `hub.port`?"),
        ("hob:\n  port: 1\n", 1, "`hob` is not a setting; did you mean `hub`?"),
        ("port: 9000\n", 1, "`port` is not a setting; did you mean `hub.port`?"),
        ("hub:\n  nothing_like_it: 1\n", 2, f"`hub.nothing_like_it` is not a setting. {HUB_HAS}."),
        ("hub:\n  port: 99999\n", 2, f"{PORT}, not 99999."),
        ("hub:\n\n  port: eighty\n", 3, f"{PORT}, not `eighty`."),
        ("llm:\n  provider: openapi\n", 2, f"{PROVIDER}, not `openapi`; did you mean `openai`?"),
        ("llm:\n  gpu_layers: all\n", 2, "`llm.gpu_layers` must be `auto` or a whole number, not `all`."),
        ("llm:\n  detect: maybe\n", 2, "`llm.detect` must be `true` or `false`, not `maybe`."),
        ("llm:\n  top_k: 1.5\n", 2, "`llm.top_k` must be a whole number at least 0, not 1.5."),
        ("llm:\n  model: 7\n", 2, "`llm.model` must be text: put 7 in quotes."),
        (
            "llm:\n  fallback: [start]\n",
            2,
            "`llm.fallback` must be a list, each `starter`, not `start`; did you mean `starter`?",
        ),
        ("hub: 5\n", 1, "`hub` must be a section with settings in it."),
        ("hub:\n  port: 1\n  port: 2\n", 3, "`hub.port` was already given in line 2; keep one of the two."),
    ],
)
def test_mistakes_in_the_file_are_one_sentence_with_their_line(tmp_path, text, line, said):
    assert problems(write(tmp_path, text)) == (f"settings.yaml, line {line}: {said}",)


def test_a_file_without_sections_is_refused(tmp_path):
    said = "settings.yaml: sections were expected, such as `hub:` with `port: 8000` below it."
    assert problems(write(tmp_path, "- hub\n")) == (said,)


def test_every_problem_has_its_own_sentence(tmp_path):
    write(tmp_path, "hub:\n  port: 0\nllm:\n  temperature: hot\n  tempo: 1\n")
    assert len(problems(tmp_path, {"ALISA_HUB__PROT": "1", "ALISA_LLM__TOP_K": "many"})) == 5


def test_broken_yaml_names_the_line(tmp_path):
    (said,) = problems(write(tmp_path, "hub:\n  port: [1\nllm: x: y\n"))
    assert said.startswith("settings.yaml, line 3: this is not valid YAML")


def test_broken_json_names_the_line(tmp_path):
    (said,) = problems(write(tmp_path, '{\n "hub": {,}\n}', "settings.json"))
    assert said.startswith("settings.json, line 2: this is not valid JSON")


def test_json_mistakes_have_lines_too(tmp_path):
    (said,) = problems(write(tmp_path, '{"hub":\n\t{\n\t"prot": 1}}', "settings.json"))
    assert said == "settings.json, line 3: `hub.prot` is not a setting; did you mean `hub.port`?"


def test_files_that_would_be_overlooked_are_named(tmp_path):
    write(tmp_path, "", "settings.yml")
    assert problems(tmp_path) == ("settings.yml is not read: rename it to settings.yaml.",)
    (tmp_path / "settings.yml").unlink()
    write(write(tmp_path, "{}", "settings.json"), "")
    assert "keep one" in problems(tmp_path)[0]


def test_a_file_in_another_encoding_is_refused(tmp_path):
    (tmp_path / "settings.yaml").write_bytes("llm:\n  model: gemüse\n".encode("latin-1"))
    assert problems(tmp_path) == ("settings.yaml is not UTF-8 text: save it in that encoding.",)


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("ALISA_HUB__PORT", "x", f"{PORT}, not `x`."),
        ("ALISA_HUB__PROT", "1", "this is not a setting; did you mean ALISA_HUB__PORT?"),
        ("ALISA_HUB_PORT", "1", "this is not a setting; did you mean ALISA_HUB__PORT (two underscores)?"),
        ("ALISA_LLM__EXTRA_BODY", "{", "`llm.extra_body` must be a mapping, written as JSON."),
        ("ALISA_LLM__EXTRA_BODY", "[1]", "`llm.extra_body` must be a mapping."),
        ("ALISA_LLM__EXTRA_BODY__X", "x", "`llm.extra_body` is one value; set ALISA_LLM__EXTRA_BODY as JSON."),
        ("ALISA_QQQ__ZZZ", "x", "there is no such setting; docs/SETTINGS.md lists them all."),
    ],
)
def test_mistakes_in_variables_name_the_variable(tmp_path, variable, value, said):
    assert problems(tmp_path, {variable: value}) == (f"{variable}: {said}",)


def test_secrets_are_never_repeated(tmp_path):
    write(tmp_path, "llm:\n  api_key: [hunter2]\n  api_kye: hunter2\n  extra_body: {}\n")
    said = "\n".join(problems(tmp_path, {"ALISA_LLM__EXTRA_BODY": '["hunter2"]'}))
    assert said.count("llm.") >= 3
    assert "hunter2" not in said


def test_a_secret_does_not_show_in_the_settings(tmp_path):
    settings = load(tmp_path, {"ALISA_LLM__API_KEY": "hunter2"}).settings
    assert "hunter2" not in repr(settings)
    assert settings.llm.api_key.get_secret_value() == "hunter2"


def test_every_field_has_a_description_and_a_variable_that_works(tmp_path):
    for setting in settings_fields().values():
        assert setting.description.endswith("."), setting.name
        default = setting.default
        text = (
            json.dumps(default)
            if setting.structured
            else str(getattr(default, "get_secret_value", lambda d=default: d)())
        )
        loaded = load(tmp_path, {setting.variable: text})
        assert loaded.settings == load(tmp_path, {}).settings


@settings(max_examples=50)
@given(st.text(max_size=100), st.sampled_from(["settings.yaml", "settings.json"]))
def test_no_text_makes_the_parser_raise_anything_else(text, name):
    with suppress(SettingsError):
        parse(text, name)


def test_an_alias_into_itself_ends(tmp_path):
    assert problems(write(tmp_path, "llm: &a\n  extra_body: &b {x: *b}\n  tempo: *a\n"))
