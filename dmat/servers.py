"""Whether one of our own servers answers, and waiting until it does.

Belongs here: asking an address on this network, past any proxy. Stays out: starting, watching and stopping processes
(`dmat/supervise.py`) and talking to vendors (`dmat/connectors`).
"""

from __future__ import annotations

import subprocess
import time
import urllib.error
import urllib.request

_direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def is_answering(url: str, timeout_seconds: float = 2.0) -> bool:
    """Whether a server answers at `url` with anything but an error of its own (5xx)."""
    try:
        with _direct.open(url, timeout=timeout_seconds) as response:
            return int(response.status) < 500
    except urllib.error.HTTPError as refusal:
        return refusal.code < 500
    except (OSError, ValueError):
        return False


def wait_for_answer(
    url: str, seconds: float = 60.0, process: subprocess.Popen[bytes] | None = None, hint: str = ""
) -> None:
    """Wait until a server answers at `url`.

    Args:
        url: where to ask.
        seconds: how long to go on asking.
        process: what serves it; once it has ended, nobody waits any longer.
        hint: where to look when it did not, e.g. the path of its log.

    Raises:
        TimeoutError: it did not answer in time, or had ended.
    """
    deadline = time.monotonic() + seconds
    while not is_answering(url):
        if process is not None and process.poll() is not None:
            raise TimeoutError(f"the server of {url} ended before it answered{hint and f'; see {hint}'}")
        if time.monotonic() >= deadline:
            raise TimeoutError(f"{url} did not answer in {seconds:g} s{hint and f'; see {hint}'}")
        time.sleep(0.1)
