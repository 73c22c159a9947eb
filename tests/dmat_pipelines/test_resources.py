"""Under test: a run is given the settings as they are now, although they are not read each time."""

from __future__ import annotations

from dmat_pipelines.resources import WorkspaceResource


def test_settings_are_read_once_while_nothing_changes(tmp_path):
    workspace = WorkspaceResource(home=str(tmp_path))
    assert workspace.settings() is workspace.settings()
    assert workspace.settings().home == tmp_path


def test_a_vendor_that_is_connected_later_is_seen(tmp_path):
    workspace = WorkspaceResource(home=str(tmp_path))
    assert not workspace.settings().is_connected("shopify")
    (tmp_path / "simulation").mkdir()
    (tmp_path / "simulation" / "connection.env").write_text("DMAT_SHOPIFY_URL=http://shop.example\n")
    assert workspace.settings().is_connected("shopify")


def test_a_changed_environment_is_seen(tmp_path, monkeypatch):
    workspace = WorkspaceResource(home=str(tmp_path))
    workspace.settings()
    monkeypatch.setenv("DMAT_API_PORT", "12345")
    assert workspace.settings().api_port == 12345


def test_two_workspaces_are_kept_apart(tmp_path):
    one, other = WorkspaceResource(home=str(tmp_path / "one")), WorkspaceResource(home=str(tmp_path / "other"))
    assert (one.settings().home, other.settings().home) == (tmp_path / "one", tmp_path / "other")
