"""Pages about what an organization's account holds."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, current_app, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_login import current_user
from itsdangerous import BadSignature, URLSafeSerializer

from grants.accounts import queries as account_queries
from grants.accounts.models import COORDINATORS, MemberRole, Membership, Organization, Role
from grants.accounts.views import Pages
from grants.core import clock, files
from grants.core.permissions import require, scope
from grants.core.rules import Refused
from grants.core.web import SIGNED_IN, access, done, found
from grants.history.queries import timeline
from grants.organizations import actions, permissions, queries, rules
from grants.organizations.forms import (
    AcceptForm,
    DocumentForm,
    FindForm,
    IdentifierForm,
    ReasonForm,
    VerdictForm,
    WordsForm,
)
from grants.organizations.models import (
    DOCUMENT_LABELS,
    DocumentKind,
    Identifier,
    JoiningRequest,
    KeptDocument,
    Resemblance,
    Sponsorship,
)
from grants.organizations.workflow import ResemblanceState

bp = Blueprint("organizations", __name__)


def _organization(reference: str) -> Organization:
    return found(account_queries.organization_by_reference(scope(current_user, Organization), reference))


@bp.app_template_global("organization_tabs")
def organization_tabs(organization: Organization) -> list[dict[str, Any]]:
    """The pages of one organization that the reader may open."""
    mine, owner = current_user.belongs_to(organization.id), current_user.owns(organization.id)
    places: list[tuple[str, str, int | None]] = [("accounts.organization", _("People and profile"), None)]
    if owner:
        places.append(
            ("organizations.requests", _("Requests to join"), queries.waiting_requests(organization.id) or None)
        )
    if mine:
        places.append(("organizations.documents", _("Documents"), None))
    places.append(("organizations.identifiers", _("Identifiers"), None))
    if mine:
        places.append(("organizations.sponsor", _("Fiscal sponsor"), None))
    return [
        {
            "label": label,
            "url": url_for(endpoint, reference=organization.reference),
            "current": request.endpoint == endpoint,
            "count": count,
        }
        for endpoint, label, count in places
    ]


@bp.app_template_global("can_name_owner")
def can_name_owner(organization: Organization, members: list[Membership]) -> bool:
    """Whether the reader may name an owner of an organization, because it has none who could sign in."""
    return any(
        permissions.can_appoint_owner(current_user, member) and not rules.obstacles_to_appointing(member, members)
        for member in members
    )


@bp.app_template_global("pairs_to_look_at")
def pairs_to_look_at() -> int | None:
    """How many pairs of accounts that look alike wait for the reader; None for who does not look at them."""
    if not current_user.holds(*COORDINATORS, Role.AUDITOR):
        return None
    return queries.waiting_resemblances(scope(current_user, Resemblance))


# ------------------------------------------------------------------ finding one's organization, and asking to join


def _sealer() -> URLSafeSerializer:
    """What names an organization that was found, for the person who found it and nobody else."""
    return URLSafeSerializer(current_app.config["SECRET_KEY"], salt="found-organization")


def _looked_for(*, registered: bool = False) -> tuple[FindForm, list[dict[str, Any]]]:
    form = FindForm(request.args)
    if not request.args.get("q") or not form.validate():
        return form, []
    rows = queries.organizations_called(form.country.data, form.q.data, registered=registered)
    shown = [
        {"name": row.name, "country": row.country, "token": _sealer().dumps([current_user.id, row.id])} for row in rows
    ]
    return form, shown


def _found_before(token: str) -> Organization:
    try:
        person_id, organization_id = _sealer().loads(token)
    except (BadSignature, TypeError, ValueError):
        return found(None)
    return found(queries.organization_to_join(organization_id) if person_id == current_user.id else None)


@bp.get("/organizations/find")
@access(SIGNED_IN)
def find() -> ResponseReturnValue:
    """Look for the organization one works for, and see the requests one has made."""
    require(permissions.can_ask_to_join(current_user))
    form, rows = _looked_for()
    return render_template(
        "organizations/find.html",
        form=form,
        rows=rows,
        asked="q" in request.args,
        mine=queries.requests_of(current_user),
    )


@bp.route("/organizations/find/<token>", methods=["GET", "POST"])
@access(SIGNED_IN)
def ask(token: str) -> ResponseReturnValue:
    """Ask to join an organization that was found."""
    require(permissions.can_ask_to_join(current_user))
    organization, form = _found_before(token), WordsForm()
    if form.validate_on_submit():
        actions.ask_to_join(organization, form.words.data, by=current_user)
        return done(_("The owners have been told. We write to you when they answer."), "organizations.find")
    earlier = queries.requests_of(current_user)
    page = render_template(
        "organizations/ask.html",
        name=organization.name,
        country=organization.country,
        form=form,
        token=token,
        obstacles=rules.obstacles_to_asking(organization, current_user, earlier, clock.now()),
    )
    return page, 422 if form.is_submitted() else 200


def _request(request_id: int) -> JoiningRequest:
    return found(queries.request_seen(scope(current_user, JoiningRequest), request_id))


@bp.post("/organizations/find/requests/<int:request_id>/take-back")
@access(SIGNED_IN)
def take_back(request_id: int) -> ResponseReturnValue:
    """Ask no longer."""
    asked = _request(request_id)
    require(permissions.can_take_back_request(current_user, asked))
    actions.take_back_request(asked, by=current_user)
    return done(_("Your request is taken back."), "organizations.find")


@bp.get("/organizations/<reference>/requests")
@access(SIGNED_IN)
def requests(reference: str) -> ResponseReturnValue:
    """Who asks to join an organization."""
    shown = _organization(reference)
    require(permissions.can_identify(current_user, shown))
    return render_template(
        "organizations/requests.html",
        organization=shown,
        waiting=queries.requests_to(scope(current_user, JoiningRequest), shown),
        form=AcceptForm(formdata=None),
    )


def _request_to(reference: str, request_id: int) -> JoiningRequest:
    asked = _request(request_id)
    found(asked if asked.organization.reference == reference else None)
    require(permissions.can_answer_request(current_user, asked))
    return asked


@bp.post("/organizations/<reference>/requests/<int:request_id>/accept")
@access(SIGNED_IN)
def accept(reference: str, request_id: int) -> ResponseReturnValue:
    """Take in a person who asked."""
    asked, form = _request_to(reference, request_id), AcceptForm()
    role = MemberRole(form.role.data) if form.validate() else MemberRole.EDITOR
    actions.accept_request(asked, role=role, by=current_user)
    return done(_("Welcome your colleague: they have been told."), "accounts.organization", reference=reference)


@bp.route("/organizations/<reference>/requests/<int:request_id>/decline", methods=["GET", "POST"])
@access(SIGNED_IN)
def decline(reference: str, request_id: int) -> ResponseReturnValue:
    """Say no to a person who asked, and why."""
    asked, form = _request_to(reference, request_id), ReasonForm()
    if form.validate_on_submit():
        actions.decline_request(asked, form.reason.data, by=current_user)
        return done(_("The request is declined, and the person has been told why."), ".requests", reference=reference)
    page = render_template("organizations/decline.html", form=form, asked=asked, organization=asked.organization)
    return page, 422 if form.is_submitted() else 200


# ------------------------------------------------------------------ owners


def _membership(reference: str, membership_id: int) -> Membership:
    seen = scope(current_user, Membership)
    return found(account_queries.membership_in(seen, _organization(reference), membership_id))


@bp.post("/organizations/<reference>/people/<int:membership_id>/hand-over")
@access(SIGNED_IN)
def hand_over(reference: str, membership_id: int) -> ResponseReturnValue:
    """Make a member the owner instead of oneself; asked twice."""
    membership = _membership(reference, membership_id)
    require(permissions.can_hand_over(current_user, membership.organization))
    if not request.form.get("confirmed"):
        obstacles = rules.obstacles_to_handing_over(membership, current_user)
        return render_template("organizations/hand_over.html", membership=membership, obstacles=obstacles)
    actions.hand_over(membership, by=current_user)
    return done(_("The ownership is handed over. You are an editor now."), "accounts.organization", reference=reference)


@bp.route("/organizations/<reference>/people/<int:membership_id>/appoint", methods=["GET", "POST"])
@access(*COORDINATORS)
def appoint(reference: str, membership_id: int) -> ResponseReturnValue:
    """Name an owner of an organization that has none who could sign in."""
    membership, form = _membership(reference, membership_id), ReasonForm()
    require(permissions.can_appoint_owner(current_user, membership))
    if form.validate_on_submit():
        actions.appoint_owner(membership, form.reason.data, by=current_user)
        return done(_("The new owner is named, and has been told."), "accounts.organization", reference=reference)
    obstacles = rules.obstacles_to_appointing(membership, account_queries.members_of(membership.organization))
    page = render_template("organizations/appoint.html", membership=membership, form=form, obstacles=obstacles)
    return page, 422 if form.is_submitted() else 200


# ------------------------------------------------------------------ documents


@bp.route("/organizations/<reference>/documents", methods=["GET", "POST"])
@access(SIGNED_IN)
def documents(reference: str) -> ResponseReturnValue:
    """The documents that an organization keeps, and adding one."""
    shown = _organization(reference)
    require(permissions.can_keep_documents(current_user, shown))
    form = DocumentForm()
    if form.validate_on_submit():
        try:
            actions.keep_document(
                shown,
                DocumentKind(form.kind.data),
                form.file.data.filename,
                form.file.data.read(files.LARGEST + 1),
                title=form.title.data or "",
                valid_from=form.valid_from.data,
                valid_until=form.valid_until.data,
                by=current_user,
            )
        except Refused as refused:
            form.file.errors = [str(obstacle.message) for obstacle in refused.obstacles]
        else:
            return done(_("The document is kept."), ".documents", reference=reference)
    kept, today = queries.documents_kept(shown), clock.today(current_user.timezone)
    page = render_template(
        "organizations/documents.html",
        organization=shown,
        documents=kept,
        validity={document.id: rules.validity(document, today) for document in kept},
        obstacles=rules.obstacles_to_keeping(kept),
        form=form,
        labels=DOCUMENT_LABELS,
    )
    return page, 422 if form.is_submitted() else 200


def _document(reference: str, document_id: int) -> KeptDocument:
    shown = _organization(reference)
    document = found(queries.document_seen(scope(current_user, KeptDocument), shown, document_id))
    require(permissions.can_keep_documents(current_user, shown))
    return document


@bp.get("/organizations/<reference>/documents/<int:document_id>")
@access(SIGNED_IN)
def document(reference: str, document_id: int) -> ResponseReturnValue:
    """A document as a download."""
    return files.send(_document(reference, document_id).file)


@bp.post("/organizations/<reference>/documents/<int:document_id>/remove")
@access(SIGNED_IN)
def remove_document(reference: str, document_id: int) -> ResponseReturnValue:
    """Keep a document no longer; asked twice."""
    kept = _document(reference, document_id)
    if not request.form.get("confirmed"):
        return render_template("organizations/remove_document.html", document=kept, labels=DOCUMENT_LABELS)
    actions.remove_document(kept, by=current_user)
    return done(_("The document is removed."), ".documents", reference=reference)


# ------------------------------------------------------------------ identifiers


@bp.route("/organizations/<reference>/identifiers", methods=["GET", "POST"])
@access(SIGNED_IN)
def identifiers(reference: str) -> ResponseReturnValue:
    """Under which numbers registers know an organization."""
    shown = _organization(reference)
    may_change, form = permissions.can_identify(current_user, shown), IdentifierForm(shown.country)
    if form.is_submitted():
        require(may_change)
        if form.validate():
            try:
                actions.identify(shown, *form.parts, by=current_user)
            except Refused as refused:
                form.number.errors = [str(obstacle.message) for obstacle in refused.obstacles]
            else:
                return done(_("The identifier is added."), ".identifiers", reference=reference)
    page = render_template(
        "organizations/identifiers.html",
        organization=shown,
        identifiers=queries.identifiers_of(shown),
        registers=rules.REGISTERS,
        may_change=may_change,
        form=form,
    )
    return page, 422 if form.is_submitted() else 200


def _identifier(reference: str, identifier_id: int) -> Identifier:
    shown = _organization(reference)
    identifier = found(queries.identifier_seen(scope(current_user, Identifier), shown, identifier_id))
    require(permissions.can_identify(current_user, shown))
    return identifier


@bp.post("/organizations/<reference>/identifiers/<int:identifier_id>/remove")
@access(SIGNED_IN)
def remove_identifier(reference: str, identifier_id: int) -> ResponseReturnValue:
    """Take an identifier away."""
    actions.remove_identifier(_identifier(reference, identifier_id), by=current_user)
    return done(_("The identifier is removed."), ".identifiers", reference=reference)


@bp.post("/organizations/<reference>/identifiers/<int:identifier_id>/show")
@access(SIGNED_IN)
def show_identifier(reference: str, identifier_id: int) -> ResponseReturnValue:
    """Give this identifier in forms."""
    actions.show_identifier(_identifier(reference, identifier_id), by=current_user)
    return done(_("Your forms show this identifier from now on."), ".identifiers", reference=reference)


# ------------------------------------------------------------------ fiscal sponsors


@bp.get("/organizations/<reference>/sponsor")
@access(SIGNED_IN)
def sponsor(reference: str) -> ResponseReturnValue:
    """Who signs for an organization that is not registered, and for whom this one does."""
    shown = _organization(reference)
    require(permissions.can_keep_documents(current_user, shown))
    form, rows = _looked_for(registered=True)
    live, sponsored = queries.live_sponsorship(shown), queries.sponsored_by(shown)
    return render_template(
        "organizations/sponsor.html",
        organization=shown,
        live=live,
        sponsored=sponsored,
        form=form,
        rows=rows,
        asked="q" in request.args,
        obstacles=rules.obstacles_to_asking_sponsor(shown, None, live),
        to_consent={one.id: rules.obstacles_to_consenting(one) for one in sponsored},
        may_seek=permissions.can_seek_sponsor(current_user, shown),
        entries=timeline(
            [(Sponsorship.workflow.name, one.id) for one in [*([live] if live else []), *sponsored]], names=True
        ),
    )


@bp.route("/organizations/<reference>/sponsor/ask/<token>", methods=["GET", "POST"])
@access(SIGNED_IN)
def ask_sponsor(reference: str, token: str) -> ResponseReturnValue:
    """Ask an organization that was found to be the fiscal sponsor."""
    shown = _organization(reference)
    require(permissions.can_seek_sponsor(current_user, shown))
    wanted, form = _found_before(token), WordsForm()
    if form.validate_on_submit():
        actions.ask_sponsor(shown, wanted, form.words.data, by=current_user)
        return done(_("The owners have been told. We write to you when they answer."), ".sponsor", reference=reference)
    page = render_template(
        "organizations/ask_sponsor.html",
        organization=shown,
        sponsor=wanted,
        form=form,
        token=token,
        obstacles=rules.obstacles_to_asking_sponsor(shown, wanted, queries.live_sponsorship(shown)),
    )
    return page, 422 if form.is_submitted() else 200


def _sponsorship(reference: str, sponsorship_id: int) -> Sponsorship:
    shown = _organization(reference)
    sponsorship = found(queries.sponsorship_seen(scope(current_user, Sponsorship), sponsorship_id))
    return found(sponsorship if shown.id in (sponsorship.organization_id, sponsorship.sponsor_id) else None)


@bp.post("/organizations/<reference>/sponsorships/<int:sponsorship_id>/consent")
@access(SIGNED_IN)
def consent(reference: str, sponsorship_id: int) -> ResponseReturnValue:
    """Agree to be the fiscal sponsor."""
    sponsorship = _sponsorship(reference, sponsorship_id)
    require(permissions.can_consent(current_user, sponsorship))
    actions.consent(sponsorship, by=current_user)
    return done(_("You are the fiscal sponsor now."), ".sponsor", reference=reference)


@bp.route("/organizations/<reference>/sponsorships/<int:sponsorship_id>/decline", methods=["GET", "POST"])
@access(SIGNED_IN)
def decline_sponsorship(reference: str, sponsorship_id: int) -> ResponseReturnValue:
    """Say no to being the fiscal sponsor, and why."""
    sponsorship, form = _sponsorship(reference, sponsorship_id), ReasonForm()
    require(permissions.can_consent(current_user, sponsorship))
    if form.validate_on_submit():
        actions.decline_sponsorship(sponsorship, form.reason.data, by=current_user)
        return done(_("The question is declined, and those who asked have been told."), ".sponsor", reference=reference)
    page = render_template("organizations/decline_sponsorship.html", form=form, sponsorship=sponsorship)
    return page, 422 if form.is_submitted() else 200


@bp.post("/organizations/<reference>/sponsorships/<int:sponsorship_id>/take-back")
@access(SIGNED_IN)
def take_back_sponsorship(reference: str, sponsorship_id: int) -> ResponseReturnValue:
    """Ask no longer."""
    sponsorship = _sponsorship(reference, sponsorship_id)
    require(permissions.can_seek_sponsor(current_user, sponsorship.organization))
    actions.take_back_sponsorship(sponsorship, by=current_user)
    return done(_("Your question is taken back."), ".sponsor", reference=reference)


@bp.route("/organizations/<reference>/sponsorships/<int:sponsorship_id>/end", methods=["GET", "POST"])
@access(SIGNED_IN)
def end_sponsorship(reference: str, sponsorship_id: int) -> ResponseReturnValue:
    """End a fiscal sponsorship, from either side, and say why."""
    sponsorship, form = _sponsorship(reference, sponsorship_id), ReasonForm()
    sides = permissions.can_seek_sponsor(current_user, sponsorship.organization)
    require(sides or permissions.can_consent(current_user, sponsorship))
    if form.validate_on_submit():
        actions.end_sponsorship(sponsorship, form.reason.data, by=current_user)
        return done(_("The fiscal sponsorship has ended."), ".sponsor", reference=reference)
    page = render_template(
        "organizations/end_sponsorship.html", form=form, sponsorship=sponsorship, organization=_organization(reference)
    )
    return page, 422 if form.is_submitted() else 200


# ------------------------------------------------------------------ accounts that look alike


@bp.get("/organizations/alike")
@access(*COORDINATORS, Role.AUDITOR)
def alike() -> ResponseReturnValue:
    """Pairs of accounts that look like one organization."""
    asked = request.args.get("state", "")
    state = ResemblanceState(asked) if asked in list(ResemblanceState) else ResemblanceState.FOUND
    page = max(1, min(request.args.get("page", 1, type=int), 100_000))
    pairs, total = queries.resemblances_page(scope(current_user, Resemblance), state, page)
    return render_template(
        "organizations/alike.html",
        pairs=pairs,
        states=list(ResemblanceState),
        state=state,
        labels=rules.ALIKE_LABELS,
        pages=Pages(page, total, "organizations.alike", state=state.value),
    )


@bp.route("/organizations/alike/<int:resemblance_id>", methods=["GET", "POST"])
@access(*COORDINATORS, Role.AUDITOR)
def pair(resemblance_id: int) -> ResponseReturnValue:
    """Two accounts side by side, and saying whether they are one organization."""
    shown = found(queries.resemblance_seen(scope(current_user, Resemblance), resemblance_id))
    form, may_judge = VerdictForm(shown), permissions.can_judge_resemblance(current_user, shown)
    if form.is_submitted():
        require(may_judge)
        if form.validate():
            return _judge(shown, form)
    page = render_template(
        "organizations/pair.html",
        pair=shown,
        sides=[
            {"organization": side, "identifiers": queries.identifiers_of(side)} for side in (shown.first, shown.second)
        ],
        form=form,
        may_judge=may_judge,
        labels=rules.ALIKE_LABELS,
        entries=timeline([(Resemblance.workflow.name, shown.id)], names=True),
    )
    return page, 422 if form.is_submitted() else 200


def _judge(shown: Resemblance, form: VerdictForm) -> ResponseReturnValue:
    if form.verdict.data == "different":
        actions.distinguish(shown, form.reason.data, by=current_user)
        return done(_("They are kept apart, and not shown again."), ".alike")
    main = next(side for side in (shown.first, shown.second) if side.reference == form.verdict.data)
    actions.unite(shown, main, form.reason.data, by=current_user)
    return done(_("The two accounts count as one organization now."), ".alike")
