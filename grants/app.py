"""create_app(): the only place where the parts are wired together."""

from __future__ import annotations

from flask import Flask
from flask_babel import Babel
from flask_migrate import Migrate
from werkzeug.middleware.proxy_fix import ProxyFix

from config import MEGABYTE, ROOT, Config
from grants.accounts import lists as account_lists
from grants.accounts import security
from grants.accounts import tasks as account_tasks
from grants.accounts import views as accounts
from grants.amendments import views as amendments
from grants.applications import lists as application_lists
from grants.applications import views as applications
from grants.assignments import tasks as assignment_tasks
from grants.assignments import views as assignments
from grants.awards import lists as award_lists
from grants.awards import views as awards
from grants.banking import lists as banking_lists
from grants.banking import views as banking
from grants.calls import lists as call_lists
from grants.calls import views as calls
from grants.checks import views as checks
from grants.closeout import lists as closeout_lists
from grants.closeout import tasks as closeout_tasks
from grants.closeout import views as closeout
from grants.complaints import lists as complaint_lists
from grants.complaints import views as complaints
from grants.core import health, jobs, logs, tasks, templating, web
from grants.core.db import READING, db, reading_engine
from grants.corrections import views as corrections
from grants.decisions import lists as decision_lists
from grants.decisions import tasks as decision_tasks
from grants.decisions import views as decisions
from grants.declarations import lists as declaration_lists
from grants.declarations import views as declarations
from grants.deliveries import views as deliveries
from grants.diligence import views as diligence
from grants.dossiers import tasks as dossier_tasks
from grants.dossiers import views as dossiers
from grants.drafts import tasks as draft_tasks
from grants.drafts import views as drafts
from grants.draws import views as draws
from grants.editing import views as editing
from grants.enquiries import lists as enquiry_lists
from grants.enquiries import tasks as enquiry_tasks
from grants.enquiries import views as enquiries
from grants.entries import views as entries
from grants.home import views as home
from grants.imports import lists as import_lists
from grants.imports import tasks as import_tasks
from grants.imports import views as imports
from grants.letters import views as letters
from grants.listings import tasks as listing_tasks
from grants.listings import views as listings
from grants.organizations import tasks as organization_tasks
from grants.organizations import views as organizations
from grants.owed import lists as owed_lists
from grants.owed import views as owed
from grants.packs import tasks as pack_tasks
from grants.packs import views as packs
from grants.payments import lists as payment_lists
from grants.payments import tasks as payment_tasks
from grants.payments import views as payments
from grants.portfolio import lists as portfolio_lists
from grants.portfolio import views as portfolio
from grants.reliability import views as reliability
from grants.reminders import tasks as reminder_tasks
from grants.reports import lists as report_lists
from grants.reports import views as reports
from grants.reviews import lists as review_lists
from grants.reviews import views as reviews
from grants.scenarios import views as scenarios
from grants.trials import views as trials
from grants.uploads import tasks as upload_tasks
from grants.uploads import views as uploads
from grants.visits import views as visits
from grants.wordforms import tasks as wordform_tasks
from grants.wordforms import views as wordforms
from grants.writeups import views as writeups

BLUEPRINTS = (
    health.bp,
    accounts.bp,
    organizations.bp,
    deliveries.bp,
    calls.bp,
    editing.bp,
    enquiries.bp,
    applications.bp,
    corrections.bp,
    trials.bp,
    drafts.bp,
    uploads.bp,
    wordforms.bp,
    entries.bp,
    letters.bp,
    checks.bp,
    reviews.bp,
    decisions.bp,
    packs.bp,
    reliability.bp,
    assignments.bp,
    draws.bp,
    declarations.bp,
    scenarios.bp,
    complaints.bp,
    awards.bp,
    diligence.bp,
    reports.bp,
    writeups.bp,
    visits.bp,
    payments.bp,
    banking.bp,
    amendments.bp,
    closeout.bp,
    dossiers.bp,
    owed.bp,
    imports.bp,
    listings.bp,
    portfolio.bp,
    home.bp,
)

TASKS = (
    tasks,
    account_tasks,
    organization_tasks,
    enquiry_tasks,
    upload_tasks,
    wordform_tasks,
    draft_tasks,
    assignment_tasks,
    decision_tasks,
    pack_tasks,
    payment_tasks,
    closeout_tasks,
    dossier_tasks,
    import_tasks,
    listing_tasks,
    reminder_tasks,
)
"""Importing a module of tasks registers them; naming them here says which ones exist."""


LISTS = (
    account_lists,
    application_lists,
    award_lists,
    banking_lists,
    call_lists,
    closeout_lists,
    complaint_lists,
    decision_lists,
    declaration_lists,
    enquiry_lists,
    import_lists,
    owed_lists,
    payment_lists,
    portfolio_lists,
    report_lists,
    review_lists,
)
"""Importing a module of lists declares them; naming them here says which ones can be taken out."""


def create_app(config: Config) -> Flask:
    """The application for these settings. Raises UndeclaredRoute when a route does not say who may call it."""
    app = templating.RememberedAddresses(
        "grants", template_folder=str(ROOT / "templates"), static_folder=str(ROOT / "static")
    )
    app.jinja_environment = templating.Templates
    app.config.from_mapping(_flask_settings(config))
    app.extensions["config"] = config
    if config.proxies:
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=config.proxies, x_proto=config.proxies)  # type: ignore[method-assign]
    logs.init_app(app)
    db.init_app(app)
    Migrate(app, db, directory=str(ROOT / "migrations"))
    Babel(app, locale_selector=security.language_of_request, timezone_selector=None)
    web.init_app(app)
    templating.init_app(app)
    for blueprint in BLUEPRINTS:
        app.register_blueprint(blueprint)
    security.init_app(app)
    jobs.make_celery(app)
    web.declare_access(app, "static", web.ANYONE)
    web.declared_routes(app)
    return app


def _flask_settings(config: Config) -> dict[str, object]:
    secure = config.base_url.startswith("https://")
    return {
        "SECRET_KEY": config.secret_key,
        "SQLALCHEMY_DATABASE_URI": config.database_url,
        "SQLALCHEMY_BINDS": {READING: reading_engine(config.database_url)},
        "BROKER_URL": config.broker_url,
        "STORAGE_URL": config.storage,
        "MAIL_URL": config.mail,
        "MAIL_FROM": config.mail_from,
        "CLAMAV_URL": config.clamav_url,
        "BASE_URL": config.base_url,
        "FUND_ACCOUNT": config.fund_account,
        "PRODUCTION": config.production,
        "FIELD_KEYS": config.field_keys,
        "TRUSTED_HOSTS": list(config.trusted_hosts),
        "MAX_CONTENT_LENGTH": config.max_upload_bytes,
        "MAX_FORM_MEMORY_SIZE": 3 * MEGABYTE,
        "MAX_FORM_PARTS": 4000,
        "SESSION_COOKIE_NAME": "__Host-session" if secure else "session",
        "SESSION_COOKIE_SECURE": secure,
        "SESSION_COOKIE_HTTPONLY": True,
        "SESSION_COOKIE_SAMESITE": "Lax",
        "SESSION_REFRESH_EACH_REQUEST": False,
        "WTF_CSRF_TIME_LIMIT": None,
        "BABEL_DEFAULT_LOCALE": "en",
        "BABEL_TRANSLATION_DIRECTORIES": str(ROOT / "translations"),
        "TEMPLATES_AUTO_RELOAD": False,
        **config.extra,
    }
