"""A folder with a system of its own, of Debian's unstable suite: its Pythons want a newer C library than ours."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from subprocess import CompletedProcess

ROOT = Path(__file__).parents[1]
SOURCES = "/clone"
MIRROR = "http://deb.debian.org/debian"
CERTIFICATES = "etc/ssl/certs/ca-certificates.crt"
"""The machine's, which may know a proxy's as well."""
MOUNTS = {"/proc": ("--bind", "/proc"), "/dev/shm": ("-t", "tmpfs", "tmpfs")}
"""What processes ask the kernel by, for the time of a run."""


class Failed(Exception):
    """The folder cannot be made; the message says why."""


class Sandbox:
    """The folder `place`, with `pythons` in it, such as "3.15". It stays for the next time: it takes 350 MB."""

    def __init__(self, place: Path, pythons: Sequence[str]) -> None:
        self._place = place.absolute()
        self._pythons = pythons

    @contextmanager
    def opened(self) -> Iterator[None]:
        """Ready to run in, with the sources of this repository as they are now at `SOURCES`."""
        if not all((self._place / "usr" / "bin" / f"python{python}").exists() for python in self._pythons):
            self._make()
        for file in (CERTIFICATES, "etc/resolv.conf"):
            shutil.copyfile(f"/{file}", self._place / file)
        import uv

        shutil.copy(uv.find_uv_bin(), self._place / "usr" / "bin" / "uv")
        self._copy_sources()
        with ExitStack() as stack:
            for folder, what in MOUNTS.items():
                stack.enter_context(_mounted(what, self._place / folder.lstrip("/")))
            yield

    def run(self, *command: str, environ: Mapping[str, str] = {}, timeout: float = 600) -> CompletedProcess[str]:
        """Runs a command in it, from the folder of the sources; its output is text."""
        own = {"HOME": "/root", "PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "SSL_CERT_FILE": f"/{CERTIFICATES}"}
        variables = [f"{key}={value}" for key, value in {**own, **environ}.items()]
        words = ["chroot", str(self._place), "env", "-i", "-C", SOURCES, *variables, *command]
        return subprocess.run(words, capture_output=True, text=True, errors="replace", timeout=timeout, check=False)

    def read(self, path: str) -> bytes:
        """A file in it, by its absolute path there."""
        return (self._place / path.lstrip("/")).read_bytes()

    def _make(self) -> None:
        if shutil.which("debootstrap") is None:
            raise Failed("as root on Debian: apt-get install debootstrap")
        shutil.rmtree(self._place, ignore_errors=True)
        self._place.mkdir(parents=True)
        packages = [f"{name}{end}" for name in (f"python{python}" for python in self._pythons) for end in ("", "-venv")]
        included = ",".join((*packages, "ca-certificates"))
        command = ("debootstrap", "--variant=minbase", "--no-check-gpg", f"--include={included}", "sid")
        done = subprocess.run([*command, str(self._place), MIRROR], capture_output=True, text=True, check=False)
        if done.returncode:
            raise Failed(f"{' '.join(command)} failed:\n{done.stdout[-2000:]}{done.stderr}")

    def _copy_sources(self) -> None:
        clone = self._place / SOURCES.lstrip("/")
        shutil.rmtree(clone, ignore_errors=True)
        listed = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
        names = subprocess.run(listed, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\0")
        for name in filter(None, names):
            if (ROOT / name).is_file():
                (clone / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(ROOT / name, clone / name)


@contextmanager
def _mounted(what: Sequence[str], target: Path) -> Iterator[None]:
    target.mkdir(exist_ok=True)
    # A run that was killed has left it.
    if subprocess.run(["mountpoint", "--quiet", target], check=False).returncode:
        subprocess.run(["mount", *what, target], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", target], check=True)
