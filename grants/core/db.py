"""The database: one session, one naming of constraints, the column types that the whole product shares."""

from __future__ import annotations

import enum
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from functools import cache, wraps
from typing import Annotated, Any, Concatenate, ParamSpec, TypeVar
from weakref import WeakKeyDictionary

from flask import g, has_request_context
from flask_sqlalchemy import SQLAlchemy
from flask_sqlalchemy.session import Session as FlaskSession
from psycopg import OperationalError
from sqlalchemy import (
    BigInteger,
    BindParameter,
    CheckConstraint,
    ColumnElement,
    CompoundSelect,
    Connection,
    CursorResult,
    Date,
    DateTime,
    Engine,
    Identity,
    MetaData,
    Select,
    Text,
    event,
    func,
    inspect,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.orm import DeclarativeBase, Mapper, make_transient_to_detached, mapped_column, registry
from sqlalchemy.orm.attributes import instance_state, set_committed_value
from sqlalchemy.orm.instrumentation import manager_of_class
from sqlalchemy.pool import Pool
from sqlalchemy.sql.dml import ReturningInsert, ReturningUpdate

NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}

Texts = dict[str, str]
"""A text in several languages: language code to wording."""


class Base(DeclarativeBase):
    """The parent of every table. Moments carry a zone; text has no length the database would enforce twice."""

    registry = registry(
        metadata=MetaData(naming_convention=NAMES),
        type_annotation_map={
            str: Text,
            int: BigInteger,
            datetime: DateTime(timezone=True),
            date: Date,
            dict[str, Any]: JSONB,
            dict[str, str]: JSONB,
            list[dict[str, Any]]: JSONB,
            list[str]: ARRAY(Text),
            list[int]: ARRAY(BigInteger),
        },
    )


READING = "reading"
"""The name of the engine on which pages are read: each statement by itself, and nothing can be written."""


class ReadingSession(FlaskSession):
    """The session of the product. While a page is only read, its statements go to the reading engine.

    So that a GET changes nothing is kept by the database itself; and no round trips are spent on beginning and ending
    transactions that isolate nothing (READ COMMITTED looks anew at every statement anyway).
    """

    def get_bind(self, *args: Any, **kwargs: Any) -> Engine | Connection:
        """The engine for a statement."""
        if has_request_context() and g.get("only_reads"):
            return db.engines[READING]
        return super().get_bind(*args, **kwargs)


_OPTIONS = "-c timezone=UTC -c statement_timeout=30000 -c lock_timeout=8000"

db = SQLAlchemy(
    model_class=Base,
    session_options={"expire_on_commit": False, "class_": ReadingSession},
    engine_options={
        "pool_size": 6,
        "max_overflow": 6,
        "pool_timeout": 5,
        "hide_parameters": True,
        "connect_args": {"connect_timeout": 5, "options": _OPTIONS},
    },
)


def reading_engine(database_url: str) -> dict[str, Any]:
    """The settings of the reading engine on a database.

    A statement that is read again and again is planned once: planning the scopes of people takes longer than finding.
    """
    options = f"{_OPTIONS} -c default_transaction_read_only=on -c plan_cache_mode=force_generic_plan"
    connect_args = {"connect_timeout": 5, "options": options}
    return {
        "url": database_url,
        "hide_parameters": True,
        "isolation_level": "AUTOCOMMIT",
        "pool_reset_on_return": None,
        "connect_args": connect_args,
    }


Statement = (
    CompoundSelect[*tuple[Any, ...]]
    | Select[*tuple[Any, ...]]
    | ReturningInsert[*tuple[Any, ...]]
    | ReturningUpdate[*tuple[Any, ...]]
)
"""What gives rows back."""


STREAMED = 2000
"""So many rows of a long reading are fetched at once."""


class Prepared:
    """A statement composed and compiled once, for what is asked or done all the time.

    SQLAlchemy composes, hashes and looks up a statement at every call; for the large ones that costs several times
    what PostgreSQL needs to answer them. Rows come as the driver gives them.
    """

    def __init__(self, compose: Callable[[], Statement], compiled: tuple[str, dict[str, Any]] | None = None) -> None:
        self._compose = compose
        self._compiled = compiled

    def __call__(self, **asked: Any) -> Sequence[Any]:
        """The rows for these values of the statement's bind parameters, with what was changed before in them."""
        return self._asked(asked).all()

    def streamed(self, **asked: Any) -> Iterator[Any]:
        """The same rows one after the other, however many they are: the database keeps those that come later."""
        return iter(self._asked(asked, stream_results=True, max_row_buffer=STREAMED))

    def _asked(self, asked: dict[str, Any], **options: Any) -> CursorResult[Any]:
        text, fixed = self._compiled = self._compiled or _Compiled(self._compose()).read()
        db.session.flush()
        return db.session.connection().exec_driver_sql(text, fixed | asked, execution_options=options)

    def for_others(self, scope: Select[Any]) -> Callable[[Select[Any]], Prepared]:
        """The same statement for other scopes of the shape of ``scope``, with which it was composed."""
        compiled = _Compiled(self._compose())
        return lambda other: Prepared(self._compose, compiled.read(scope, other))


class _Compiled:
    """A statement as the driver takes it, to be read with its own values or with those of another of its shape."""

    def __init__(self, statement: Statement) -> None:
        dialect = db.engine.dialect
        self._key = statement._generate_cache_key()
        self._compiled: Any = dialect.statement_compiler(dialect, statement, cache_key=self._key)

    def read(self, scope: Select[Any] | None = None, other: Select[Any] | None = None) -> tuple[str, dict[str, Any]]:
        """The text, and the numbers that are the same whenever it is asked. Those of one scope give way to another's."""
        values = list(self._key.bindparams) if self._key else None
        if scope is not None and other is not None:
            instead = {id(old): new for old, new in zip(_values_in(scope), _values_in(other), strict=True)}
            values = [instead.get(id(value), value) for value in values or ()]
        asked = self._compiled.construct_params(extracted_parameters=values, escape_names=False, _check=False)
        expanded = self._compiled.construct_expanded_state(asked, escape_names=False)
        text, kept = expanded.statement, {}
        for name, value in expanded.parameters.items():
            if isinstance(value, str | bool):
                text = text.replace(f"%({name})s", _literal(value))
            elif value is not None:
                kept[name] = value
        return sys.intern(text), kept


def streamed(statement: Select[*tuple[Any, ...]], **asked: Any) -> Iterator[Any]:
    """The rows of a statement one after the other, however many they are: the database keeps those that come later."""
    return iter(db.session.execute(statement, asked, execution_options={"yield_per": STREAMED}))


S = TypeVar("S", bound=Select[*tuple[Any, ...]])


def paged(statement: S, page: int | None, size: int) -> S:
    """One page of what a statement finds; all of it without a ``page``."""
    return statement if page is None else statement.limit(size).offset((page - 1) * size)


def _values_in(scope: Select[Any]) -> Sequence[BindParameter[Any]]:
    key = scope._generate_cache_key()
    return key.bindparams if key else ()


def _shape(scope: Select[Any]) -> Any:
    """What two scopes have in common when they differ in nothing but numbers; a list of numbers has its length."""
    key = scope._generate_cache_key()
    if key is None:
        return scope
    values = (value.effective_value for value in key.bindparams)
    return key.key, tuple(
        tuple(value)
        if isinstance(value, list) and not _are_numbers(value)
        else len(value)
        if isinstance(value, list)
        else None
        if _are_numbers([value])
        else value
        for value in values
    )


def _are_numbers(values: Sequence[Any]) -> bool:
    return all(isinstance(value, int) and not isinstance(value, bool) for value in values)


More = ParamSpec("More")


def prepared_once(
    compose: Callable[Concatenate[Select[Any], More], Prepared],
) -> Callable[Concatenate[Select[Any], More], Prepared]:
    """Keep what ``compose`` prepares for a scope, as long as somebody keeps the scope.

    People whose scopes differ only in numbers (who they are, which organizations are theirs) share one statement. It is
    composed and compiled once, not once for each of the thousand who write in the hour before a deadline.
    """
    shared: dict[Any, Callable[[Select[Any]], Prepared]] = {}
    kept: WeakKeyDictionary[Select[Any], dict[Any, Prepared]] = WeakKeyDictionary()

    @wraps(compose)
    def prepared(scope: Select[Any], /, *more: More.args, **named: More.kwargs) -> Prepared:
        own, asked = kept.setdefault(scope, {}), (more, tuple(sorted(named.items())))
        if asked not in own:
            shape = _shape(scope), asked
            if shape not in shared:
                shared[shape] = compose(scope, *more, **named).for_others(scope)
            own[asked] = shared[shape](scope)
        return own[asked]

    return prepared


def _literal(value: str | bool) -> str:
    """A word of a statement (a state, a kind), written into it: PostgreSQL plans better for what it knows beforehand.

    Numbers stay parameters: those are people and organizations, and one plan serves all of them.
    """
    if isinstance(value, bool):
        return str(value).lower()
    return "'" + str(value).replace("'", "''").replace("%", "%%") + "'"


# ------------------------------------------------------------------ rows to be read only

T = TypeVar("T", bound=Base)


@cache
def columns_of(model: type[Base]) -> tuple[str, ...]:
    """The columns of a model that are loaded with it."""
    mapper: Mapper[Any] = inspect(model)
    return tuple(column.key for column in mapper.column_attrs if not column.deferred)


@cache
def _moments_of(model: type[Base]) -> dict[str, Callable[[str], date]]:
    """The columns of a model that JSON knows only as text, and how each is read."""
    read: dict[type, Callable[[str], date]] = {datetime: datetime.fromisoformat, date: date.fromisoformat}
    kinds = {name: getattr(model, name).type.python_type for name in columns_of(model)}
    return {name: read[kind] for name, kind in kinds.items() if kind in read}


def packed(model: type[Base]) -> ColumnElement[list[Any]]:
    """A row as one JSON value: many columns take longer to hand over than to find."""
    return func.json_build_array(*(getattr(model, name) for name in columns_of(model)))


def unpacked(model: type[T], packed: list[Any]) -> T:
    """The object that was :func:`packed`, to be read only."""
    values = dict(zip(columns_of(model), packed, strict=True))
    for name, read in _moments_of(model).items():
        if values[name] is not None:
            values[name] = read(values[name])
    return to_read(model, values)


def to_read(model: type[T], values: dict[str, Any]) -> T:
    """A row as an object that belongs to no session; what was not read of it cannot be asked."""
    row: T = manager_of_class(model).new_instance()
    row.__dict__.update(values)
    make_transient_to_detached(row)
    return row


def in_session(row: T) -> T:
    """What the session has for a row that was read: the object that is there already, else this one from now on."""
    there = db.session.identity_map.get(instance_state(row).key)  # type: ignore[arg-type]
    if isinstance(there, type(row)):
        return there
    db.session.add(row)
    return row


def renewed(row: T) -> T:
    """The same as :func:`in_session`, and what the session had before says now what was read."""
    kept = in_session(row)
    if kept is not row:
        for name in columns_of(type(row)):
            set_committed_value(kept, name, row.__dict__[name])
    return kept


def hold(row: Any, *columns: str, beside_others: bool = False) -> None:
    """Read a row (with all that hangs on it, or only some of its columns) again and keep others from changing it until
    this transaction ends.

    ``beside_others``: others may hold it in the same way, and nobody may change it.
    """
    db.session.flush()
    model: type[Base] = type(row)
    if not columns:
        db.session.expire(row)
    db.session.refresh(row, columns or columns_of(model), with_for_update={"read": beside_others})


RESTED = 5.0
"""A connection that has rested this many seconds is asked whether it still works before it is handed out.

Asking every time would cost each request a round trip; this way a database that came back heals as well, and only a
request in the very seconds of the outage notices.
"""


@event.listens_for(Pool, "checkin")
def _remember_rest(connection: Any, record: Any) -> None:
    record.info["rests_since"] = time.monotonic()


@event.listens_for(Pool, "checkout")
def _ask_after_rest(connection: Any, record: Any, proxy: Any) -> None:
    if time.monotonic() - record.info.get("rests_since", time.monotonic()) < RESTED:
        return
    try:
        connection.execute("SELECT 1")
        connection.rollback()
    except OperationalError as error:
        raise DisconnectionError from error  # the pool replaces it and tries again


Key = Annotated[int, mapped_column(BigInteger, Identity(always=False), primary_key=True)]
"""A surrogate key; people see references, never these."""

Recorded = Annotated[datetime, mapped_column(DateTime(timezone=True), server_default=func.app_now())]
"""The moment a row came to be, by the database clock."""


def one_of(column: str, values: type[enum.StrEnum], *, optional: bool = False) -> CheckConstraint:
    """A check that a text column holds one of the words of an enumeration.

    A check rather than a database enum: adding a word is an ordinary migration that needs no table rewrite.
    """
    words = ", ".join(f"'{value.value}'" for value in values)
    empty = f"{column} IS NULL OR " if optional else ""
    return CheckConstraint(f"{empty}{column} IN ({words})", name=f"{column}_is_known")


@contextmanager
def transaction() -> Iterator[None]:
    """One unit of work outside a web request: committed whole at the end, or not at all.

    The commit of a web request stands in ``grants.core.web``; there is no third place. ``after_commit`` callables
    (the doorbell of the outbox) ring only when the commit has succeeded.
    """
    try:
        yield
        db.session.commit()
    except BaseException:
        db.session.rollback()
        db.session.info.pop("after_commit", None)
        raise
    ring_after_commit()


def after_commit(callback: Callable[[], None]) -> None:
    """Call ``callback`` once when the present transaction has been committed; never when it is rolled back."""
    db.session.info.setdefault("after_commit", {})[callback] = None


def ring_after_commit() -> None:
    """Run what waited for the commit."""
    for callback in db.session.info.pop("after_commit", {}):
        callback()
