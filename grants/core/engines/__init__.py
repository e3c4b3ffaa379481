"""How our own PostgreSQL and Valkey run, when nobody else provides them (``grants/core/servers.py`` is the door).

Each server has a *keeper*: a small process of its own session that starts it, starts it again when it dies, and stops
it when the last command that uses it has gone. Who uses it is written nowhere: every command holds a shared lock on a
file, and the kernel lets go of it however the command ends, ``kill -9`` included.

    keeper.py       the process that keeps one server
    engine.py       what every server has in common
    postgresql.py   what is particular to PostgreSQL
    valkey.py       what is particular to Valkey
    account.py      which account they run under when the program runs as root
    locks.py        the locks on files
    patience.py     how often something that dies is started again
"""
