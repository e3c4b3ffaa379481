"""Pages about people and organizations, beside the library's pages for signing in."""

from __future__ import annotations

from math import ceil
from typing import Any

from flask import Blueprint, has_request_context, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_login import current_user

from grants.accounts import actions, permissions, queries, security
from grants.accounts.forms import (
    CONFIDENTIALITY,
    LEGAL_FORMS,
    MIGRANT_LED,
    InvitationForm,
    LanguageForm,
    MemberForm,
    NewPersonForm,
    OrganizationForm,
    PersonForm,
    RoleForm,
)
from grants.accounts.models import (
    COORDINATORS,
    MEMBER_ROLE_LABELS,
    REGION_LABELS,
    ROLE_LABELS,
    Invitation,
    MemberRole,
    Membership,
    Organization,
    Person,
    Role,
    RoleGrant,
    RoleProposal,
    Session,
)
from grants.accounts.rules import (
    obstacles_to_accepting,
    obstacles_to_changing_member,
    obstacles_to_confirming_role,
    obstacles_to_inviting_again,
    obstacles_to_taking_back_role,
)
from grants.core import clock
from grants.core.languages import LANGUAGES, language_name, language_now
from grants.core.permissions import require, scope
from grants.core.web import ANYONE, SIGNED_IN, access, done, found, own_path

bp = Blueprint("accounts", __name__)

SEE_ORGANIZATIONS = (*COORDINATORS, Role.FINANCE_OFFICER, Role.AUDITOR)


TONGUES = {code: language_name(code, code).capitalize() for code in LANGUAGES}
"""Each language by its own name."""


@bp.app_context_processor
def language_switch() -> dict[str, Any]:
    """The language switch of every page."""
    if not has_request_context():
        return {}
    opens = request.url_rule is not None and "GET" in (request.url_rule.methods or ())
    here = request.full_path.rstrip("?") if opens else "/"
    now = language_now()
    tongues = [{"code": code, "label": label, "current": code == now} for code, label in TONGUES.items()]
    return {"language_links": tongues, "language_url": url_for("accounts.choose_language"), "language_next": here}


# ------------------------------------------------------------------ arriving


@bp.get("/registered")
@access(ANYONE)
def registered() -> ResponseReturnValue:
    """Look into your mailbox."""
    return render_template("accounts/registered.html")


@bp.route("/confirm-address/<token>", methods=["GET", "POST"])
@access(ANYONE)
def confirm_address(token: str) -> ResponseReturnValue:
    """Confirm an e-mail address with a click, because programs that check mail open links but press no buttons."""
    person = security.person_to_confirm(token)
    if person is None:
        return render_template("accounts/confirm_over.html"), 404
    if request.method == "POST":
        then = security.confirm_and_sign_in(person)
        return redirect(then)
    return render_template("accounts/confirm_address.html", token=token, person=person)


@bp.get("/first-sign-in/<token>")
@access(ANYONE)
def first_sign_in(token: str) -> ResponseReturnValue:
    """Whoever was invited to work for the fund chooses a password, on the library's page."""
    person = security.person_to_welcome(token)
    if person is None:
        return render_template("accounts/first_sign_in_over.html"), 404
    return render_template(
        "accounts/first_sign_in.html",
        person=person,
        token=security.token_of_new_password(person),
        role_labels=ROLE_LABELS,
        region_labels=REGION_LABELS,
    )


@bp.get("/welcome")
@access(SIGNED_IN)
def welcome() -> ResponseReturnValue:
    """What to do first."""
    return render_template(
        "accounts/welcome.html",
        invitations=queries.invitations_for(current_user, clock.now()),
        member_roles=MEMBER_ROLE_LABELS,
    )


@bp.post("/language")
@access(ANYONE)
def choose_language() -> ResponseReturnValue:
    """Speak another language: with this person from now on, or on this browser."""
    form = LanguageForm()
    if form.validate():
        session["language"] = form.language.data
        if current_user.is_authenticated:
            actions.choose_language(current_user, form.language.data)
    return redirect(form.next.data or "/")


# ------------------------------------------------------------------ one's own account


@bp.route("/account", methods=["GET", "POST"])
@access(SIGNED_IN)
def account() -> ResponseReturnValue:
    """Name, language and time zone; where one is signed in; the organizations one works for."""
    form = PersonForm(obj=current_user)
    if form.validate_on_submit():
        actions.change_person(
            current_user, name=form.name.data, language=form.language.data, timezone=form.timezone.data
        )
        return done(_("Saved."), "accounts.account")
    page = render_template(
        "accounts/account.html",
        form=form,
        sessions=queries.open_sessions(current_user),
        this_session=security.session_now(),
        invitations=queries.invitations_for(current_user, clock.now()),
        browser_name=browser_name,
        member_roles=MEMBER_ROLE_LABELS,
        role_labels=ROLE_LABELS,
        region_labels=REGION_LABELS,
    )
    return page, 422 if form.is_submitted() else 200


@bp.post("/account/sessions/<int:session_id>/end")
@access(SIGNED_IN)
def end_session(session_id: int) -> ResponseReturnValue:
    """Sign out a browser somewhere else."""
    actions.end_one_session(found(queries.session_seen(scope(current_user, Session), session_id)))
    return done(_("That browser is signed out."), "accounts.account")


@bp.post("/account/sessions/end-others")
@access(SIGNED_IN)
def end_other_sessions() -> ResponseReturnValue:
    """Sign out everywhere but here."""
    actions.end_all_sessions(current_user, but=security.session_now())
    return done(_("You are signed out everywhere else."), "accounts.account")


BROWSERS = (("Edg", "Edge"), ("OPR", "Opera"), ("Firefox", "Firefox"), ("Chrome", "Chrome"), ("Safari", "Safari"))
SYSTEMS = (
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Windows", "Windows"),
    ("Mac OS", "Mac"),
    ("Linux", "Linux"),
)


def browser_name(told: str) -> str:
    """A browser in words, from what it says of itself: Firefox on Android."""
    browser = next((name for sign, name in BROWSERS if sign in told), None)
    system = next((name for sign, name in SYSTEMS if sign in told), None)
    if browser and system:
        return str(_("%(browser)s on %(system)s", browser=browser, system=system))
    return browser or system or str(_("An unknown browser"))


# ------------------------------------------------------------------ organizations


class Pages:
    """What the list macros need to link the pages of a list."""

    def __init__(self, page: int, total: int, endpoint: str, **values: Any) -> None:
        self.page, self.total, self.pages = page, total, max(1, ceil(total / queries.PAGE))
        self._endpoint = endpoint
        self._values: dict[str, Any] = {name: value for name, value in values.items() if value}

    def url_for(self, page: int) -> str:
        """The address of a page of the list, with its filters."""
        return str(url_for(self._endpoint, page=page, **self._values))


def _page_asked() -> int:
    return max(1, min(request.args.get("page", 1, type=int), 100_000))


@bp.get("/organizations")
@access(*SEE_ORGANIZATIONS)
def organizations() -> ResponseReturnValue:
    """The organizations a person looks after."""
    words = " ".join(request.args.get("q", "").split())[:100]
    rows, total = queries.organizations_page(scope(current_user, Organization), words, _page_asked())
    pages = Pages(_page_asked(), total, "accounts.organizations", q=words)
    return render_template(
        "accounts/organizations.html", organizations=rows, pages=pages, words=words, region_labels=REGION_LABELS
    )


@bp.route("/organizations/new", methods=["GET", "POST"])
@access(SIGNED_IN)
def new_organization() -> ResponseReturnValue:
    """Open the account of an organization."""
    require(permissions.can_create_organization(current_user))
    form = OrganizationForm(data={"language": language_now(), "contact_name": current_user.name})
    if form.validate_on_submit():
        made = actions.create_organization(by=current_user, **form.profile())
        return done(_("Your organization has its account."), "accounts.organization", reference=made.reference)
    page = render_template("accounts/organization_form.html", form=form, organization=None)
    return page, 422 if form.is_submitted() else 200


def _organization(reference: str) -> Organization:
    return found(queries.organization_by_reference(scope(current_user, Organization), reference))


@bp.get("/organizations/<reference>")
@access(SIGNED_IN)
def organization(reference: str) -> ResponseReturnValue:
    """An organization: its profile, its people, its invitations."""
    return _organization_page(_organization(reference), InvitationForm(formdata=None))


def _organization_page(shown: Organization, form: InvitationForm) -> ResponseReturnValue:
    members = queries.members_of(shown)
    may_invite = permissions.can_invite(current_user, shown)
    page = render_template(
        "accounts/organization.html",
        organization=shown,
        members=members,
        invitations=queries.open_invitations(shown, clock.now()) if may_invite else [],
        may_invite=may_invite,
        may_change=permissions.can_change_profile(current_user, shown),
        can_change_member=permissions.can_change_member,
        can_end_membership=permissions.can_end_membership,
        to_leave=lambda membership: obstacles_to_changing_member(membership, members, role=None),
        form=form,
        member_roles=MEMBER_ROLE_LABELS,
        region_labels=REGION_LABELS,
        legal_forms=LEGAL_FORMS,
        migrant_led=MIGRANT_LED,
        confidentiality=CONFIDENTIALITY,
    )
    return page, 422 if form.errors else 200


@bp.route("/organizations/<reference>/profile", methods=["GET", "POST"])
@access(SIGNED_IN)
def organization_profile(reference: str) -> ResponseReturnValue:
    """Change what an organization says about itself."""
    shown = _organization(reference)
    require(permissions.can_change_profile(current_user, shown))
    form = OrganizationForm.of(shown)
    if form.validate_on_submit():
        actions.change_profile(shown, by=current_user, **form.profile(shown))
        return done(_("The profile is saved."), "accounts.organization", reference=reference)
    page = render_template("accounts/organization_form.html", form=form, organization=shown)
    return page, 422 if form.is_submitted() else 200


@bp.post("/organizations/<reference>/invitations")
@access(SIGNED_IN)
def invite(reference: str) -> ResponseReturnValue:
    """Invite a colleague."""
    shown = _organization(reference)
    require(permissions.can_invite(current_user, shown))
    form = InvitationForm()
    if not form.validate():
        return _organization_page(shown, form)
    actions.invite(
        shown, email=form.email.data, role=MemberRole(form.role.data), may_sign=form.may_sign.data, by=current_user
    )
    return done(_("The invitation is on its way."), "accounts.organization", reference=reference)


@bp.post("/organizations/<reference>/invitations/<int:invitation_id>/withdraw")
@access(SIGNED_IN)
def withdraw_invitation(reference: str, invitation_id: int) -> ResponseReturnValue:
    """Take an invitation back."""
    invitation = found(queries.invitation_seen(scope(current_user, Invitation), invitation_id))
    found(invitation if invitation.organization.reference == reference else None)
    require(permissions.can_invite(current_user, invitation.organization))
    actions.withdraw_invitation(invitation, by=current_user)
    return done(_("The invitation is withdrawn."), "accounts.organization", reference=reference)


def _membership(reference: str, membership_id: int) -> Membership:
    shown = _organization(reference)
    return found(queries.membership_in(scope(current_user, Membership), shown, membership_id))


@bp.route("/organizations/<reference>/people/<int:membership_id>", methods=["GET", "POST"])
@access(SIGNED_IN)
def member(reference: str, membership_id: int) -> ResponseReturnValue:
    """Say what a member may do and whether they sign."""
    membership = _membership(reference, membership_id)
    require(permissions.can_change_member(current_user, membership))
    form = MemberForm(obj=membership)
    if form.validate_on_submit():
        actions.change_member(membership, role=MemberRole(form.role.data), may_sign=form.may_sign.data, by=current_user)
        return done(_("Saved."), "accounts.organization", reference=reference)
    page = render_template("accounts/member.html", form=form, membership=membership)
    return page, 422 if form.is_submitted() else 200


@bp.post("/organizations/<reference>/people/<int:membership_id>/end")
@access(SIGNED_IN)
def end_membership(reference: str, membership_id: int) -> ResponseReturnValue:
    """Take a member out, or leave; asked twice."""
    membership = _membership(reference, membership_id)
    require(permissions.can_end_membership(current_user, membership))
    leaving = membership.person_id == current_user.id
    if not request.form.get("confirmed"):
        return render_template("accounts/end_membership.html", membership=membership, leaving=leaving)
    actions.end_membership(membership, by=current_user)
    if leaving:
        return done(_("You have left the organization."), "accounts.account")
    return done(_("The membership has ended."), "accounts.organization", reference=reference)


# ------------------------------------------------------------------ invitations


@bp.route("/invitations/<token>", methods=["GET", "POST"])
@access(ANYONE)
def invitation(token: str) -> ResponseReturnValue:
    """Who invited, to what; accepting it. Whoever holds the link may read this, only the person invited may accept."""
    invited = found(queries.invitation_by_token(actions.hash_of_token(token)))
    pressed, known = request.method == "POST", current_user.is_authenticated
    if pressed and permissions.can_accept_invitation(current_user, invited):
        return _accept(invited)
    if invited.accepted_at is not None or invited.expires_at <= clock.now():
        return render_template("accounts/invitation_over.html"), 410
    here = own_path(url_for("accounts.invitation", token=token))
    page = render_template(
        "accounts/invitation.html",
        invitation=invited,
        token=token,
        obstacles=obstacles_to_accepting(invited, current_user, clock.now()) if known else [],
        here=here,
        sign_in_first=pressed and not known,
        member_roles=MEMBER_ROLE_LABELS,
    )
    return page, 200 if not pressed else 403 if known else 401


@bp.post("/invitations/<int:invitation_id>/accept")
@access(SIGNED_IN)
def accept_invitation(invitation_id: int) -> ResponseReturnValue:
    """Accept an invitation found on one's own account page, when the mail with the link is not at hand."""
    return _accept(found(queries.invitation_seen(scope(current_user, Invitation), invitation_id)))


def _accept(invited: Invitation) -> ResponseReturnValue:
    require(permissions.can_accept_invitation(current_user, invited))
    actions.accept_invitation(invited, by=current_user)
    return done(
        _("Welcome. You can work on the applications of this organization now."),
        "accounts.organization",
        reference=invited.organization.reference,
    )


# ------------------------------------------------------------------ people and their roles


@bp.get("/people")
@access(Role.ADMINISTRATOR, Role.AUDITOR)
def people() -> ResponseReturnValue:
    """Everybody with a role for the fund; with words to look for, everybody with an account."""
    words = " ".join(request.args.get("q", "").split())[:100]
    role = request.args.get("role", "") if request.args.get("role", "") in ROLE_LABELS else ""
    rows, total = queries.people_page(scope(current_user, Person), words, role, _page_asked())
    return render_template(
        "accounts/people.html",
        people=rows,
        pages=Pages(_page_asked(), total, "accounts.people", q=words, role=role),
        may_invite=permissions.can_invite_people(current_user),
        words=words,
        role=role,
        role_labels=ROLE_LABELS,
        region_labels=REGION_LABELS,
    )


@bp.route("/people/invite", methods=["GET", "POST"])
@access(Role.ADMINISTRATOR)
def invite_person() -> ResponseReturnValue:
    """Invite somebody to work for the fund."""
    require(permissions.can_invite_people(current_user))
    form = NewPersonForm(data={"language": language_now()})
    if form.validate_on_submit():
        invited, token = actions.invite_person(
            email=form.email.data,
            name=form.name.data,
            language=form.language.data,
            role=Role(form.role.data),
            regions=form.regions.data or [],
            by=current_user,
        )
        told = _("The invitation is on its way.") if token else _("Another administrator is asked to confirm the role.")
        return done(told, "accounts.person", reference=invited.reference)
    return render_template("accounts/invite_person.html", form=form), 422 if form.is_submitted() else 200


@bp.post("/people/<reference>/invite-again")
@access(Role.ADMINISTRATOR)
def invite_again(reference: str) -> ResponseReturnValue:
    """Send another link to somebody who has not come yet."""
    require(permissions.can_invite_people(current_user))
    actions.invite_again(_person(reference), by=current_user)
    return done(_("The invitation is on its way."), "accounts.person", reference=reference)


def _person(reference: str) -> Person:
    return found(queries.person_seen(scope(current_user, Person), reference))


@bp.get("/people/<reference>")
@access(Role.ADMINISTRATOR, Role.AUDITOR)
def person(reference: str) -> ResponseReturnValue:
    """A person: the roles they have and had."""
    return _person_page(_person(reference), RoleForm(formdata=None))


def _person_page(shown: Person, form: RoleForm) -> ResponseReturnValue:
    roles = queries.roles_ever_given(shown)
    administrators = 2
    if any(r.role == Role.ADMINISTRATOR and r.revoked_at is None for r in roles):
        administrators = queries.number_holding(Role.ADMINISTRATOR)
    page = render_template(
        "accounts/person.html",
        person=shown,
        roles=roles,
        proposals=queries.proposals_waiting(shown),
        to_confirm=lambda proposal: obstacles_to_confirming_role(proposal, current_user),
        to_take_back=lambda granted: obstacles_to_taking_back_role(granted, administrators),
        may_give=permissions.can_give_roles(current_user, shown),
        may_take_back=permissions.can_take_back_roles(current_user, shown),
        may_close=permissions.can_close_account(current_user, shown),
        may_invite=permissions.can_invite_people(current_user) and not obstacles_to_inviting_again(shown),
        form=form,
        role_labels=ROLE_LABELS,
        region_labels=REGION_LABELS,
    )
    return page, 422 if form.errors else 200


@bp.post("/people/<reference>/roles")
@access(Role.ADMINISTRATOR)
def give_role(reference: str) -> ResponseReturnValue:
    """Give a person a role."""
    shown = _person(reference)
    require(permissions.can_give_roles(current_user, shown))
    form = RoleForm()
    if not form.validate():
        return _person_page(shown, form)
    given = actions.give_role(shown, Role(form.role.data), regions=form.regions.data or [], by=current_user)
    proposed = isinstance(given, RoleProposal)
    told = _("Another administrator is asked to confirm the role.") if proposed else _("The role is given.")
    return done(told, "accounts.person", reference=reference)


@bp.post("/people/<reference>/proposals/<int:proposal_id>/confirm")
@access(Role.ADMINISTRATOR)
def confirm_role(reference: str, proposal_id: int) -> ResponseReturnValue:
    """Give a role that another administrator proposed."""
    actions.confirm_role(_proposal(reference, proposal_id), by=current_user)
    return done(_("The role is given."), "accounts.person", reference=reference)


@bp.post("/people/<reference>/proposals/<int:proposal_id>/drop")
@access(Role.ADMINISTRATOR)
def drop_proposal(reference: str, proposal_id: int) -> ResponseReturnValue:
    """Withdraw or refuse a role that was proposed."""
    actions.drop_proposal(_proposal(reference, proposal_id), by=current_user)
    return done(_("The role is not given."), "accounts.person", reference=reference)


def _proposal(reference: str, proposal_id: int) -> RoleProposal:
    shown = _person(reference)
    require(permissions.can_give_roles(current_user, shown))
    return found(queries.lock_proposal(scope(current_user, RoleProposal), shown, proposal_id))


@bp.post("/people/<reference>/roles/<int:grant_id>/end")
@access(Role.ADMINISTRATOR)
def take_back_role(reference: str, grant_id: int) -> ResponseReturnValue:
    """Take a role back; asked twice."""
    shown = _person(reference)
    require(permissions.can_take_back_roles(current_user, shown))
    granted = found(queries.role_grant_of(scope(current_user, RoleGrant), shown, grant_id))
    if not request.form.get("confirmed"):
        return render_template("accounts/take_back_role.html", person=shown, granted=granted, role_labels=ROLE_LABELS)
    actions.revoke_role(granted, by=current_user)
    if shown.id == current_user.id:
        return redirect(url_for("security.login"))
    return done(_("The role is taken back."), "accounts.person", reference=reference)


@bp.post("/people/<reference>/close")
@access(Role.ADMINISTRATOR)
def close_account(reference: str) -> ResponseReturnValue:
    """Close an account; asked twice."""
    shown = _person(reference)
    require(permissions.can_close_account(current_user, shown))
    if not request.form.get("confirmed"):
        return render_template("accounts/close_account.html", person=shown)
    actions.close_account(shown, by=current_user)
    return done(_("The account is closed."), "accounts.person", reference=reference)


@bp.post("/people/<reference>/reopen")
@access(Role.ADMINISTRATOR)
def reopen_account(reference: str) -> ResponseReturnValue:
    """Let a person sign in again."""
    shown = _person(reference)
    require(permissions.can_close_account(current_user, shown))
    actions.reopen_account(shown, by=current_user)
    return done(_("The account is open again."), "accounts.person", reference=reference)
