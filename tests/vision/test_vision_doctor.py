"""The doctor of vision: cameras as files, Tesseract as a program on the PATH."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from vision.doctor import check_camera, check_ocr

LINUX = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="other system: /dev/video*")
POSIX = pytest.mark.skipif(sys.platform == "win32", reason="other system: a shell script stands in for Tesseract")


@LINUX
def test_cameras_are_listed_by_name(tmp_path: Path) -> None:
    devices, names = tmp_path / "dev", tmp_path / "sys"
    devices.mkdir()
    for device in ("video0", "video1", "video-loop"):
        (devices / device).touch()
    (names / "video0").mkdir(parents=True)
    (names / "video0" / "name").write_text("Webcam C270\n")
    check = check_camera(devices, names)
    assert (check.level, check.found) == ("ok", "/dev/video0 (Webcam C270), /dev/video1 (unnamed)")


@LINUX
def test_no_camera_is_a_warning(tmp_path: Path) -> None:
    assert check_camera(tmp_path, tmp_path).level == "warn"


@POSIX
@pytest.mark.parametrize(
    ("languages", "level", "found"),
    [
        ("eng\nosd\ndeu", "ok", "tesseract 5.3.0, languages: eng, deu"),
        ("osd", "warn", "tesseract 5.3.0 without a language"),
    ],
)
def test_tesseract_tells_version_and_languages(
    languages: str, level: str, found: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "tesseract"
    listed = "\\n".join(["List of available languages (2):", *languages.split()])
    program.write_text(
        "#!/bin/sh\n"
        "if [ $1 = --version ]; then printf 'tesseract 5.3.0\\n leptonica-1.82.0\\n' >&2\n"
        f"else printf '{listed}\\n'; fi\n"
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    check = check_ocr()
    assert (check.level, check.found) == (level, found)


def test_no_tesseract_is_a_warning_with_a_remedy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    check = check_ocr()
    assert check.level == "warn"
    assert "nstall" in check.remedy
