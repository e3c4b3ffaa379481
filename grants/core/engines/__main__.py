"""``python -m grants.core.engines ENGINE FOLDER``: what a keeper runs."""

import sys
from pathlib import Path

from grants.core.engines.engine import ServerFailed
from grants.core.engines.keeper import keep

try:
    keep(sys.argv[1], Path(sys.argv[2]))
except (ServerFailed, OSError) as problem:
    # The last line of its log is what the command that waits for the server tells the person.
    sys.exit(str(problem))
