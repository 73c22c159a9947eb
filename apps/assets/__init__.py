"""Files that browsers load: the style sheet, the component's script and, after a build, the typeface.

Belongs here: static files and the script that fetches those of npm. Stays out: anything secret, for these files
are served to everyone, signed in or not.
"""

from __future__ import annotations

from pathlib import Path

FOLDER = Path(__file__).resolve().parent
BUILD = FOLDER / "build"
"""Where `build.py` puts its output; not in git, and the screens do without it (a system typeface then)."""
