"""``python -m grants`` is the ``grants`` command."""

from grants.cli import main

main()
