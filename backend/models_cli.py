"""`python -m backend models`: which language models there are, fetching one, choosing one."""

from __future__ import annotations

import argparse
import asyncio
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urlsplit

from link.catalogue import GGUF_MAGIC, GIB, Catalogue, Model, Recommendation, is_gguf, load_catalogue, recommend
from link.download import DownloadError, Wanted, download
from link.hardware import Hardware, detect, free_disk
from link.paths import data_dir, models_dir
from link.progress_bar import ProgressBar, size_text
from link.settings.problems import SettingsError
from link.settings.store import SettingsStore

INTERRUPTED = 130  # as shells report a program ended by Ctrl-C


class ModelsError(Exception):
    """A command that cannot be carried out; the text is a sentence for people."""


def run(argv: Sequence[str]) -> int:
    """Carry out `models list|pull|use ...`; returns the exit code: 0, 1 with a sentence on stderr, 130 after Ctrl-C."""
    options = _parser().parse_args(argv)
    try:
        match options.command:
            case "pull":
                return _pull(options)
            case "use":
                return _use(options.model)
            case _:
                return _list()
    except (ModelsError, DownloadError) as error:
        print(str(error), file=sys.stderr)
    except SettingsError as error:
        print("The settings need mending first:", *error.problems, sep="\n", file=sys.stderr)
    except OSError as error:
        print(f"A file cannot be read or written ({error.strerror or type(error).__name__}).", file=sys.stderr)
    return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m backend models", description="List, fetch and choose language models."
    )
    commands = parser.add_subparsers(dest="command", metavar="list|pull|use")
    commands.add_parser("list", help="show the catalogue, the files in models/, and what suits this machine")
    pull = commands.add_parser("pull", help="download a model into models/")
    pull.add_argument("id", nargs="?", help="id from the list; without it, the recommended one")
    pull.add_argument("--url", help="download any GGUF file from this address (https)")
    pull.add_argument("--sha256", help="checksum that the file must have, 64 hex digits")
    use = commands.add_parser("use", help="choose the model that she thinks with")
    use.add_argument("model", help="id from the list, or a GGUF file: its name in models/ or a path")
    return parser


# -------------------------------------------------------------------------------------------------------- list


def _list() -> int:
    catalogue, hardware = load_catalogue(), detect()
    try:
        settings = SettingsStore(data_dir()).current
        chosen = settings.llm.model
    except SettingsError as error:
        print("The settings need mending:", *error.problems, sep="\n", file=sys.stderr)
        chosen = ""
    advice = _advice(catalogue, hardware)
    print(f"Models folder: {models_dir()}")
    print(f"This machine: {_hardware_text(hardware)}\n")
    rows: list[tuple[str, ...]] = [("ID", "SIZE", "GRAPHICS", "STATE", "LICENCE", "NOTES")]
    rows += [_catalogue_row(model, chosen, model is advice.model) for model in catalogue.language]
    known = {model.file for model in catalogue.language}
    rows += [_file_row(file, chosen) for file in _local_files() if file.name not in known]
    print(_table(rows, shutil.get_terminal_size().columns))
    if advice.model is None:
        print(f"\nNone of them can be recommended: {advice.reason}.")
    else:
        print(f"\nRecommended: {advice.model.id}, because {advice.reason}.")
        if not (models_dir() / advice.model.file).exists():
            print("Get it with: python -m backend models pull")
    print(
        f"In use: {chosen}"
        if chosen
        else "In use: none chosen, so the only file in the models folder, if there is one."
    )
    return 0


def _advice(catalogue: Catalogue, hardware: Hardware) -> Recommendation:
    return recommend(
        catalogue.language,
        ram=hardware.ram,
        cores=hardware.cores,
        vram=hardware.vram,
        free_disk=free_disk(models_dir()),
    )


def _hardware_text(hardware: Hardware) -> str:
    memory = f"{hardware.ram / GIB:.1f} GiB of memory" if hardware.ram else "an unknown amount of memory"
    card = f"{hardware.gpu} with {hardware.vram / GIB:.1f} GiB" if hardware.vram else "no graphics card found"
    room = size_text(free_disk(models_dir()))
    return f"{hardware.cores} cores, {memory}, {card}, {room} free on the disk"


def _catalogue_row(model: Model, chosen: str, recommended: bool) -> tuple[str, ...]:
    state = _state(models_dir() / model.file, chosen)
    if recommended:
        state = f"{state}, recommended" if state else "recommended"
    return (model.id, size_text(model.size), f"{model.vram:g} GiB", state, model.licence, model.notes)


def _file_row(file: Path, chosen: str) -> tuple[str, ...]:
    return (file.name, size_text(file.stat().st_size), "", _state(file, chosen), "", "Your own file.")


def _state(file: Path, chosen: str) -> str:
    if file.exists():
        return "in use" if chosen and (models_dir() / chosen).resolve() == file.resolve() else "downloaded"
    part = file.with_name(file.name + ".part")
    return f"{size_text(part.stat().st_size)} downloaded" if part.exists() else ""


def _local_files() -> list[Path]:
    return sorted(models_dir().glob("*.gguf")) if models_dir().is_dir() else []


def _table(rows: Sequence[tuple[str, ...]], width: int) -> str:
    """Columns side by side; the last ones are left out where they would not fit into `width` characters."""
    columns = list(zip(*rows, strict=True))
    widths = [max(map(len, column)) for column in columns]
    while len(widths) > 4 and sum(widths) + 2 * (len(widths) - 1) > width:
        widths.pop()
    lines = ("  ".join(cell.ljust(wide) for cell, wide in zip(row, widths, strict=False)) for row in rows)
    return "\n".join(line.rstrip() for line in lines)


# -------------------------------------------------------------------------------------------------------- pull


def _pull(options: argparse.Namespace) -> int:
    store = SettingsStore(data_dir())  # asked first: a mistake in the settings is better known before the download
    wanted, name = _from_address(options) if options.url else _from_catalogue(options)
    print(f"Downloading {name} to {wanted.target}")
    bar = ProgressBar(sys.stderr)
    try:
        done = asyncio.run(download(wanted, progress=bar))
    except KeyboardInterrupt:
        bar.close()
        print("Stopped. Run the same command again to go on where it stopped.", file=sys.stderr)
        return INTERRUPTED
    finally:
        bar.close()
    print("The file was already there." if done.already else f"Downloaded {size_text(done.size)}.")
    if not done.verified:
        print(f"No checksum is known for this file, so only its size was checked; its sha256 is {done.sha256}.")
    if chosen := store.current.llm.model:
        print(f"The model in use stays {chosen}; change it with: python -m backend models use {done.path.name}")
        return 0
    return _choose(store, done.path)


def _from_catalogue(options: argparse.Namespace) -> tuple[Wanted, str]:
    catalogue = load_catalogue()
    if options.id is None:
        advice = _advice(catalogue, detect())
        if advice.model is None:
            raise ModelsError(f"No model can be recommended: {advice.reason}.")
        model: Model = advice.model
        print(f"{model.title} suits this machine: {advice.reason}.")
    else:
        model = _known(catalogue, options.id)
    print(f"Licence: {model.licence}")
    sha256 = options.sha256 or model.sha256
    return _wanted(model.url, model.file, sha256, model.size), model.title


def _from_address(options: argparse.Namespace) -> tuple[Wanted, str]:
    if options.id is not None:
        raise ModelsError("Give either an id or --url, not both.")
    name = PurePosixPath(unquote(urlsplit(options.url).path)).name
    if not name.lower().endswith(".gguf") or "\\" in name or ":" in name or name.startswith("."):
        raise ModelsError("The address must end with the name of a .gguf file.")
    return _wanted(options.url, name, options.sha256, None), name


def _wanted(url: str, name: str, sha256: str | None, size: int | None) -> Wanted:
    if sha256 is not None and (len(sha256) != 64 or set(sha256.lower()) - set("0123456789abcdef")):
        raise ModelsError("The checksum after --sha256 must have 64 hexadecimal digits.")
    return Wanted(url, models_dir() / name, size, sha256, GGUF_MAGIC)


def _known(catalogue: Catalogue, name: str) -> Model:
    model = catalogue.find(name)
    if model is None:
        from difflib import get_close_matches

        ids = [model.id for model in catalogue.language]
        close = get_close_matches(name.lower(), ids, n=1, cutoff=0.5)
        hint = f"did you mean {close[0]}?" if close else f"there are {', '.join(ids)}."
        raise ModelsError(f"There is no model {name} in the catalogue; {hint}")
    return model


# --------------------------------------------------------------------------------------------------------- use


def _use(name: str) -> int:
    store = SettingsStore(data_dir())
    model = load_catalogue().find(name)
    if model is not None:
        file = models_dir() / model.file
        if not file.is_file():
            raise ModelsError(f"{model.title} is not downloaded yet: python -m backend models pull {model.id}")
        return _choose(store, file)
    inside, anywhere = models_dir() / name, Path(name).expanduser()
    file = next((path for path in (inside, anywhere) if path.is_file()), inside)
    if not file.is_file():
        local = ", ".join(path.name for path in _local_files()) or "no .gguf file"
        raise ModelsError(f"There is no file {name}; in the models folder there is {local}.")
    return _choose(store, file)


def _choose(store: SettingsStore, file: Path) -> int:
    if not is_gguf(file):
        raise ModelsError(f"{file.name} is not a model in GGUF format; download it again or choose another.")
    file = file.resolve()
    inside = file.is_relative_to(models_dir().resolve())
    name = file.relative_to(models_dir().resolve()).as_posix() if inside else str(file)
    changed = store.update({"llm": {"model": name}}).changed
    print(f"The model in use is now {name}." if changed else f"The model in use is {name}, as it was.")
    llm = store.current.llm
    if llm.url:
        print("llm.url is set, so the server at that address answers with the model it has loaded.")
    elif llm.provider in ("starter", "openai"):
        print(f"llm.provider is {llm.provider}, which does not use it; set it to auto.")
    if changed:
        print("If the hub is running, restart it to take effect.")
    return 0
