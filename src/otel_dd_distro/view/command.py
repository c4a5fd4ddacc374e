"""The command: `view [--host H] [--port N] [--otlp-port N] [--traces N] [--megabytes N] [--terminal]`."""

from __future__ import annotations

import argparse
import importlib.util
import sys
from collections.abc import Callable, Sequence

from .listening import OTLP_PORT, PORT, Taken

_NEEDED = ("starlette", "uvicorn", "google.protobuf", "opentelemetry.proto")


def main(arguments: Sequence[str]) -> int:
    """Run the command until Ctrl-C; the status that the process is to end with: 0, or 1 if it cannot be started."""
    options = _parser().parse_args(arguments)
    missing = [name for name in _NEEDED if not _is_installed(name)]
    if missing:
        print(f"view: {missing[0]} is not installed: pip install 'otel-dd-distro[view]'", file=sys.stderr)
        return 1
    from .serving import serve

    try:
        serve(options)
    except Taken as taken:
        print(f"view: {taken}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print()
    return 0


def _is_installed(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except ModuleNotFoundError:
        return False


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m otel_dd_distro view",
        description="Receives traces as a Datadog Agent and as an OTLP/HTTP endpoint does, and shows them on a page."
        " They are kept in memory alone.",
    )
    parser.add_argument("--host", default="127.0.0.1", help="the address to listen at (%(default)s)")
    ports = _between(0, 65_535)
    parser.add_argument(
        "--port", type=ports, default=PORT, help="of page and Agent (%(default)s; 0 for any)", metavar="N"
    )
    parser.add_argument(
        "--otlp-port",
        type=ports,
        help=f"of OTLP ({OTLP_PORT} if it is free; the other port takes OTLP, too)",
        metavar="N",
    )
    parser.add_argument(
        "--traces", type=_between(1, 100_000), default=1_000, help="how many are kept (%(default)s)", metavar="N"
    )
    parser.add_argument(
        "--megabytes",
        type=_between(1, 65_536),
        default=128,
        help="how much memory they may take, in MiB (%(default)s)",
        metavar="N",
    )
    parser.add_argument("--terminal", action="store_true", help="print the tree of each trace as well")
    return parser


def _between(least: int, most: int) -> Callable[[str], int]:
    def number(text: str) -> int:
        if not text.isascii() or not text.isdigit() or not least <= int(text) <= most:
            raise argparse.ArgumentTypeError(f"{text!r} is not a number from {least} to {most}")
        return int(text)

    return number
