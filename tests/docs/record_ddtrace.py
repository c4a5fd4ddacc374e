"""Records ddtrace_api.json: what ddtrace sends and prints for its pieces of code on docs/ddtrace-api.md.

    python -m tests.docs.record_ddtrace PYTHON PYTHON3

PYTHON is the interpreter of an environment with ddtrace 4.16 and redis, PYTHON3 that of one with ddtrace 3 and redis.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

from tests.agents import running_test_agent
from tests.docs import pieces
from tests.servers import running, session

FILE = Path(__file__).with_name("ddtrace_api.json")


def main(python: str, python_3: str) -> None:
    pythons = {"ddtrace": Path(python), "ddtrace 3": Path(python_3)}
    recorded = {}
    with session(), running("redis_server"), running_test_agent() as agent:
        for name, section in pieces.sections().items():
            asked = agent.session()
            with tempfile.TemporaryDirectory() as folder:
                side = section.theirs
                printed = pieces.run(section, side, Path(folder), pythons[side], ["ddtrace-run", "python"], asked)
            recorded[name] = {
                "piece": section.settings + section.pieces[side][1],
                "printed": printed,
                "spans": pieces.comparable(asked.spans()),
            }
            print(f"{name}: {len(recorded[name]['spans'])} spans", flush=True)
    FILE.write_text(json.dumps(recorded, indent=1) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
