"""The yardstick: a bare Flask page of 5 KB from a template, with one indexed SELECT through SQLAlchemy."""

from __future__ import annotations

from flask import Flask, render_template
from flask_sqlalchemy import SQLAlchemy
from jinja2 import DictLoader
from sqlalchemy import select
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

ROWS = "\n".join(f"<li class='row'>{{{{ person.name }}}}, number {n}, of the yardstick page</li>" for n in range(80))
PAGE = f"<!doctype html><html lang='en'><head><title>{{{{ person.name }}}}</title></head><body><ul>{ROWS}</ul></body></html>"


def make(database_url: str, reference: str) -> Flask:
    """The bare application on the same database; its one page reads one person by reference."""
    app = Flask("yardstick")
    app.config["SQLALCHEMY_DATABASE_URI"] = database_url
    app.jinja_loader = DictLoader({"page.html": PAGE})

    class Base(DeclarativeBase):
        pass

    db = SQLAlchemy(app, model_class=Base)

    class Person(db.Model):  # type: ignore[name-defined, misc]
        __tablename__ = "person"
        id: Mapped[int] = mapped_column(primary_key=True)
        reference: Mapped[str]
        name: Mapped[str]

    @app.get("/")
    def page() -> str:
        person = db.session.scalar(select(Person).where(Person.reference == reference))
        return render_template("page.html", person=person)

    return app
