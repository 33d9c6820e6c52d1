"""Makes ``.venv`` and installs the pinned packages, once, and again only when the pins change.

``python3.11 retailhub/sandbox/bootstrap.py runtime|dev|pins``. The Makefile calls it before there is anything
else, so the standard library is all it may use. uv does the work where pip can bring it or it is there
already; where not, pip does it, more slowly.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import ssl
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
UV = "uv==0.13.9"
REQUIREMENTS = {"runtime": ("requirements.txt",), "dev": ("requirements.txt", "requirements-dev.txt")}


def main(wanted: str) -> None:
    if sys.version_info[:2] != (3, 11):
        version = ".".join(str(part) for part in sys.version_info[:3])
        raise SystemExit(
            f"RetailHub needs Python 3.11, and {sys.executable} is {version}: run make PYTHON=/path/to/python3.11"
        )
    (ROOT / ".state").mkdir(exist_ok=True)
    with (ROOT / ".state" / "bootstrap.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two makes at once: the second finds everything done
        if wanted == "pins":
            install("dev")
            compile_pins()
        else:
            install(wanted)


def install(wanted: str) -> None:
    """Install what ``wanted`` names, unless the stamp says that just this is installed."""
    stamp = VENV / f"retailhub-{wanted}.stamp"
    fingerprint = _fingerprint(wanted)
    if stamp.exists() and stamp.read_text() == fingerprint and _works("import sys"):
        return
    if stamp.exists() and not stamp.read_text().startswith(f"{VENV}\n"):
        shutil.rmtree(VENV)  # moved or copied: its scripts name the place where it was made
    if not _works("import pip, sys; assert sys.version_info[:2] == (3, 11)"):
        _make_venv()
    files = [part for name in REQUIREMENTS[wanted] for part in ("-r", str(ROOT / name))]
    _say(f"installing the packages of {' and '.join(REQUIREMENTS[wanted])}")
    uv = _uv()
    if uv is None or not _run([*uv, "pip", "install", "--quiet", "--python", str(PYTHON), *files]):
        _say("uv could not do it here, so pip does; this takes some minutes")
        if not _run([str(PYTHON), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *files]):
            raise SystemExit("The packages could not be installed; what pip said stands above.")
    stamp.write_text(fingerprint)


def compile_pins() -> None:
    """Compile the lists of pyproject.toml into the two requirements files: names and pins only."""
    uv = _uv()
    if uv is None:
        raise SystemExit("The pins are compiled by uv, which could not be installed.")
    compile_ = [*uv, "pip", "compile", "--quiet", "--no-header", "--no-annotate", "--python-version", "3.11"]
    for extra in (["-o", "requirements.txt"], ["--group", "dev", "-o", "requirements-dev.txt"]):
        if not _run([*compile_, "pyproject.toml", *extra]):
            raise SystemExit("The pins could not be compiled; what uv said stands above.")


def _make_venv() -> None:
    _say(f"making {VENV}")
    shutil.rmtree(VENV, ignore_errors=True)
    if not _run([sys.executable, "-m", "venv", str(VENV)]):
        raise SystemExit(
            f"{sys.executable} cannot make a virtual environment: install its venv module "
            "(on Debian the package python3.11-venv)."
        )


def _uv() -> list[str] | None:
    """How to call uv: the one in the venv, brought by pip where it is missing, else one on PATH."""
    inside = [str(PYTHON), "-m", "uv"]
    quiet = ["-qq", "--disable-pip-version-check"]
    if _works("import uv") or _run([str(PYTHON), "-m", "pip", "install", *quiet, UV]):
        return inside
    on_path = shutil.which("uv")
    return None if on_path is None else [on_path]


def _run(argv: list[str]) -> bool:
    return subprocess.run(argv, cwd=ROOT, env=uv_environment(), check=False).returncode == 0


def uv_environment() -> dict[str, str]:
    """Ours, with the package index and certificates that pip is set to: uv does not read pip's configuration."""
    environment = {"UV_LINK_MODE": "copy", **os.environ}
    environment.pop("VIRTUAL_ENV", None)
    for name, setting in (("UV_DEFAULT_INDEX", "index-url"), ("SSL_CERT_FILE", "cert")):
        value = _pip_setting(setting)
        if value and name not in environment:
            environment[name] = value
    if ssl.get_default_verify_paths().cafile is not None:
        environment.setdefault("UV_SYSTEM_CERTS", "true")  # as pip does: a company's own authority is known there
    return environment


def _pip_setting(name: str) -> str:
    chosen = os.environ.get("PIP_" + name.upper().replace("-", "_"))
    if chosen or not PYTHON.exists():
        return chosen or ""
    argv = [str(PYTHON), "-m", "pip", "config", "get", f"global.{name}"]
    return subprocess.run(argv, capture_output=True, text=True, check=False).stdout.strip()


def _works(statement: str) -> bool:
    if not PYTHON.exists():
        return False
    return subprocess.run([str(PYTHON), "-c", statement], capture_output=True, check=False).returncode == 0


def _fingerprint(wanted: str) -> str:
    digest = hashlib.sha256()
    for name in REQUIREMENTS[wanted]:
        digest.update((ROOT / name).read_bytes())
    return f"{VENV}\n{digest.hexdigest()}\n"


def _say(what: str) -> None:
    sys.stderr.write(f"retailhub: {what} …\n")


if __name__ == "__main__":
    if len(sys.argv) != 2 or sys.argv[1] not in (*REQUIREMENTS, "pins"):
        raise SystemExit(f"usage: {sys.argv[0]} runtime|dev|pins")
    main(sys.argv[1])
