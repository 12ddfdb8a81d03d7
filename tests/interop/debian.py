"""A Debian for a test: made once by debootstrap, from the network, and kept in the cache."""

import os
import subprocess
import tempfile
from pathlib import Path

MIRROR = "http://deb.debian.org/debian"


def kept(name, suite, *options, prepare=lambda root: None):
    """A tar of that suite; `prepare` is shown the directory before it is packed."""
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "svx-ci"
    tar = cache / f"{name}.tar"
    if not tar.exists():
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache) as scrap:
            root = Path(scrap) / "root"
            subprocess.run(["debootstrap", "--variant=minbase", *options, suite, root, MIRROR],
                           check=True, stdout=subprocess.DEVNULL)
            prepare(root)
            subprocess.run(["tar", "-C", root, "-cf", f"{scrap}/tar", "."], check=True)
            os.rename(f"{scrap}/tar", tar)
    return tar
