"""Generated documents: they match the code, and drift is noticed."""

from link.docs_cli import DOCUMENTS, drifted, main
from link.paths import PROJECT
from link.settings.docs import settings_markdown
from link.settings.fields import settings_fields


def test_the_repository_has_no_drift():
    assert drifted(PROJECT) == []


def test_check_fails_on_drift_and_writing_mends_it(tmp_path, capsys):
    assert main(["--check"], root=tmp_path) == 1
    assert "docs/SETTINGS.md is out of date" in capsys.readouterr().err
    assert main([], root=tmp_path) == 0
    assert main(["--check"], root=tmp_path) == 0
    file = tmp_path / DOCUMENTS[0].path
    file.write_text(file.read_text(encoding="utf-8") + "edited\n", encoding="utf-8")
    assert main(["--check"], root=tmp_path) == 1


def test_every_setting_is_on_the_page():
    page = settings_markdown()
    for setting in settings_fields().values():
        assert f"`{setting.name}`" in page
        assert f"`{setting.variable}`" in page
