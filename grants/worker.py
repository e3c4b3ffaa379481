"""What the ``celery`` command loads (``celery -A grants.worker``), for those who prefer it to ``grants worker``."""

from celery import Celery

from config import Config
from grants.app import create_app

celery: Celery = create_app(Config.from_environment()).extensions["celery"]
