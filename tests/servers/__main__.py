"""`python -m tests.servers NAME FOLDER` keeps a server for a run of the tests; without arguments, it downloads those
that are downloaded."""

import sys
from pathlib import Path

from . import SERVERS
from .maven import download
from .processes import Missing, NotStarted
from .session import keep

if len(sys.argv) == 3:
    keep(sys.argv[1], SERVERS[sys.argv[1]].start, Path(sys.argv[2]))
else:
    try:
        download()
    except (Missing, NotStarted) as failure:
        sys.exit(str(failure))
