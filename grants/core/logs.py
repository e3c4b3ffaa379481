"""Logs as lines of JSON, without names, addresses of people, tokens or typed text."""

from __future__ import annotations

import logging
import sys
import traceback
from types import TracebackType

import psycopg
import structlog
from flask import Flask
from sqlalchemy.exc import SQLAlchemyError, StatementError


def init_app(app: Flask) -> None:
    """Configure logging once for the process."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.ExceptionRenderer(where_it_went_wrong),
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )


def where_it_went_wrong(
    exc_info: tuple[type[BaseException], BaseException, TracebackType | None],
) -> str:
    """The way through the code to an error. What a database says of it holds the row itself, so only its code is told."""
    told: list[str] = []
    error: BaseException | None = exc_info[1]
    while error is not None:
        frames = "".join(traceback.format_tb(error.__traceback__))
        told.append(f"{frames}{type(error).__module__}.{type(error).__qualname__}: {message_of(error)}")
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return "\n\nbecause of\n".join(told)


def message_of(error: BaseException) -> str:
    """What an error says, as far as it may be kept: of one of the database its code and its statement, never the row."""
    if isinstance(error, StatementError):
        return f"[{getattr(error.orig, 'sqlstate', None)}] {error.statement}"
    if isinstance(error, psycopg.Error):
        return f"[{error.sqlstate}]"
    return "" if isinstance(error, SQLAlchemyError) else str(error)
