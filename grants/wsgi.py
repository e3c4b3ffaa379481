"""What a WSGI server loads: the application for the settings in the environment."""

from config import Config
from grants.app import create_app

app = create_app(Config.from_environment())
