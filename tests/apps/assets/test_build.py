"""Under test: what comes from npm comes from the lock file, names no host, and is not needed."""

from __future__ import annotations

import json

import pytest

from apps.assets import BUILD, FOLDER, build


def test_the_lock_file_names_no_host_and_pins_everything_by_its_hash():
    lock = json.loads((FOLDER / "package-lock.json").read_text())
    packages = {name: entry for name, entry in lock["packages"].items() if name}
    assert packages
    for entry in packages.values():
        assert entry["integrity"].startswith("sha512-")
        assert "resolved" not in entry


def test_the_lock_file_is_that_of_the_package_file():
    wanted = json.loads((FOLDER / "package.json").read_text())
    locked = json.loads((FOLDER / "package-lock.json").read_text())["packages"][""]
    assert locked["dependencies"] == wanted["dependencies"]
    assert locked["devDependencies"] == wanted["devDependencies"]


def test_the_systems_npm_is_preferred_and_a_missing_one_is_said(monkeypatch, capsys):
    monkeypatch.setattr(build.shutil, "which", lambda name: f"/somewhere/{name}")
    assert build.find_npm() == ["/somewhere/npm"]
    monkeypatch.setattr(build.shutil, "which", lambda name: None)
    monkeypatch.setattr(build.importlib.util, "find_spec", lambda name: None)
    assert build.find_npm() == []
    assert build.main([]) == 1
    assert "The screens work without" in capsys.readouterr().err


def test_the_build_is_not_in_git():
    assert "apps/assets/build/" in (FOLDER.parents[1] / ".gitignore").read_text()
    assert BUILD.parent == FOLDER


def test_every_bundle_has_its_source_and_names_libraries_that_the_lock_file_pins():
    locked = json.loads((FOLDER / "package-lock.json").read_text())["packages"]
    for each in build.BUNDLES:
        assert (FOLDER / each.source).exists()
        assert {f"node_modules/{name}" for name in each.of} <= set(locked)


def test_the_licence_of_every_library_in_a_bundle_lies_beside_it(tmp_path):
    if not (FOLDER / "node_modules").exists():
        pytest.skip("npm has not run here")
    copied = {file.name for file in build.copy_licences(tmp_path)}
    assert {"LICENSE.grapesjs", "LICENSE.grapesjs-mjml", "LICENSE.mjml-browser", "LICENSE.fullcalendar-core"} <= copied
