"""The database and the broker, when nobody else provides them.

With no ``DATABASE_URL`` and ``BROKER_URL`` in the environment the program runs its own PostgreSQL and Valkey, which come
as wheels, below ``DATA_DIR``. Each server has a *keeper*: a small process of its own session that starts it, starts it
again when it dies, and stops it when the last command that uses it has gone. Who uses it is written nowhere: every
command holds a shared lock on a file, and the kernel lets go of it however the command ends, ``kill -9`` included.

    users.py      finds the servers for a command, or has them started (the one door: ``servers``)
    keeper.py     the process that keeps one server
    engine.py     what every server has in common; postgresql.py and valkey.py, what is particular to each
    account.py    which account they run under when the program runs as root
    reach.py      whether the servers that the environment names answer
    locks.py      the locks on files
    patience.py   how often something that dies is started again
"""

from grants.core.servers.engine import ServerFailed
from grants.core.servers.locks import FileLock
from grants.core.servers.patience import Patience
from grants.core.servers.reach import require_broker
from grants.core.servers.users import lost_servers, servers

__all__ = ["FileLock", "Patience", "ServerFailed", "lost_servers", "require_broker", "servers"]
