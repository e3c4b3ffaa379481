"""Celery in the application that was made for it."""

from __future__ import annotations

import threading

from celery import current_app as celery_now
from flask import Flask

from grants.core.jobs import make_celery


def test_tasks_run_in_the_application_that_was_made_the_default_whatever_was_made_since(app: Flask) -> None:
    ours = app.extensions["celery"]
    try:
        theirs = make_celery(app)
        assert celery_now._get_current_object() is theirs
        ours.set_default()
        assert celery_now._get_current_object() is ours
        seen: list[object] = []
        ringer = threading.Thread(target=lambda: seen.append(celery_now._get_current_object()))
        ringer.start()
        ringer.join()
        assert seen == [ours]
    finally:
        app.extensions["celery"] = ours
        ours.set_default()
