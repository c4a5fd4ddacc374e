"""Runs libraries' own tests bare and traced: `python -m transparency [--ci] [name ...]`; `nox` calls this.

Makes docs/transparency.md of the latest run of each library, once each was run; with `--page` also before, and the rows
of those that were never run here stay as they are. Ends with status 1 where a test comes
out otherwise for no listed reason.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from tests import servers

from . import libraries, page, reasons
from .libraries import Library
from .page import Result
from .running import Failed, prepare, run

PLACE = Path(os.environ.get("TRANSPARENCY_PLACE", Path(__file__).parents[1] / ".nox" / "transparency" / "tmp"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="those of libraries.toml; all where none is given")
    parser.add_argument("--ci", action="store_true", help="the quick ones")
    parser.add_argument("--page", action="store_true", help="make the page, and run none")
    options = parser.parse_args()
    known = libraries.read()
    if unknown := sorted({*options.names} - {*known}):
        parser.error(f"no library {', '.join(unknown)}; there are {', '.join(known)}")
    chosen = [known[name] for name in options.names] or [
        each for each in known.values() if each.quick or not options.ci
    ]
    listed = reasons.read()
    results = []
    for library in () if options.page else chosen:
        results.append(result_of(library, listed))
        page.keep(results[-1], PLACE)
        print(page.line(results[-1]), flush=True)
        for each in results[-1].unexplained:
            print(f"    {each.test}: bare {each.bare}, traced {each.traced}", flush=True)
    kept = page.kept(known, PLACE)
    if options.page or len(kept) == len(known):
        there = {result.library.name: result for result in kept}
        page.write([there.get(name) or Result(library) for name, library in known.items()], listed)
    bad = [result for result in results if not result.is_good]
    print(f"{len(results) - len(bad)} passed, {len(bad)} failed")
    sys.exit(bool(bad))


def result_of(library: Library, listed: Sequence[reasons.Reason]) -> Result:
    if library.why_not:
        return Result(library)
    try:
        prepared = prepare(library, PLACE)
        with ExitStack() as stack:
            variables: dict[str, str] = {}
            for name in library.servers:
                variables |= stack.enter_context(servers.running(name))
            bare, traced = run(prepared, variables, traced=False), run(prepared, variables, traced=True)
            found = reasons.differences(library.name, bare.outcomes, traced.outcomes)
            if reasons.unexplained(found, listed):
                # Tests that come out now so and now so differ in another place the second time.
                again = reasons.differences(
                    library.name,
                    run(prepared, variables, traced=False).outcomes,
                    run(prepared, variables, traced=True).outcomes,
                )
                found = [each for each in found if each in again]
    except Failed as failure:
        return Result(library, failure=str(failure))
    return Result(library, prepared.version, bare, traced, found, reasons.unexplained(found, listed))


if __name__ == "__main__":
    main()
