"""Screens of templates: the list, the editor with previews and checks, versions."""
