"""More life for the demonstration, so that no page is looked at empty: everything here is done by the product's own actions."""

from __future__ import annotations

import copy
import io
import tempfile
from datetime import timedelta
from pathlib import Path
from typing import Any

from PIL import Image
from sqlalchemy import select

from grants.accounts import actions as accounts
from grants.accounts.models import MemberRole, Membership, Role
from grants.amendments import actions as amendments
from grants.amendments.models import Amendment
from grants.amendments.workflow import AmendmentState
from grants.applications import actions as applications
from grants.applications.models import Application, Attachment
from grants.awards import actions as awards
from grants.awards.models import Award, Milestone
from grants.awards.queries import standing_letters
from grants.banking.models import PaymentOrder
from grants.calls import actions as calls
from grants.calls.models import Call, DocumentAsked
from grants.calls.queries import documents_of, working_copy_of, written_documents
from grants.checks import actions as checks
from grants.checks import queries as clarifications
from grants.closeout import actions as closeouts
from grants.closeout.models import Closeout
from grants.core import clock
from grants.core.db import db, transaction
from grants.core.mail import Delivery, OutboxMail
from grants.core.money import Money
from grants.core.word import W
from grants.decisions.models import Meeting
from grants.decisions.rules import ranking
from grants.demo import sample
from grants.demo.people import People
from grants.diligence import actions as diligences
from grants.diligence.rules import waits_for_grantee
from grants.dossiers import actions as dossiers
from grants.dossiers.models import Dossier
from grants.drafts import actions as drafts
from grants.draws import actions as draws
from grants.enquiries import actions as enquiries
from grants.enquiries.models import Enquiry, EnquiryKind
from grants.enquiries.workflow import EnquiryState
from grants.entries import actions as entries
from grants.imports import actions as imports
from grants.imports.models import AwardImport, PastAward
from grants.listings.models import FileKind, ListFile
from grants.organizations import actions as organizations
from grants.organizations.models import DocumentKind, Resemblance
from grants.payments import actions as payments
from grants.payments.models import AgreementBatch, Disbursement
from grants.payments.rules import Waits
from grants.questionnaires.queries import answers_of_sheets, definition_of, sections_of
from grants.reports import actions as reports
from grants.reports.models import Report, ReportDue, ReportReturn
from grants.reviews.queries import standing_of
from grants.scenarios import actions as scenarios
from grants.scenarios.rules import Limits, limits_of, propose_lifting
from grants.trials import actions as trials
from grants.wordforms import actions as wordforms
from grants.wordforms import rules as word_rules
from grants.writeups import actions as writeups
from grants.writeups.models import WriteUp
from tests.journeys.world import World
from tests.wordforms.flattened import changed, named

PLACES = dict[str, str]
"""What stands for a number or token in the address of a page."""


def set_up(world: World) -> PLACES:
    """Let everything happen that the pages of applying tell of; what the addresses of those pages need."""
    people = People()
    places: PLACES = {}
    for scene in (
        _writing,
        _word,
        _workbook,
        _organizations,
        _sponsors,
        _clarifying,
        _entry,
        _write_up,
        _calls,
        _scenarios,
        _enquiries,
        _owed,
        _reduced,
        _diligence,
        _changing,
        _ended,
        _put_right,
        _planned,
        _declined,
        _mended,
        _people,
        _mails,
        _past,
        _taken_out,
    ):
        with transaction():
            scene(people, places)
    _at_the_door(world)
    letters = {
        "invitation": "awa@example.org",
        "confirm": "maya@example.org",
        "asking": "asks@example.org",
        "reset": "REV-2",
    }
    fatou = world.as_("fatou@example.org").open("/organizations/find?country=KE&q=coast+domestic+workers+forum")
    places["joining"] = next(link for link in fatou.links if link.startswith("/organizations/find/"))
    return places | {place: world.read(who).link for place, who in letters.items()}


def _taken_out(people: People, places: PLACES) -> None:
    """A worker is in the middle of a long list."""
    db.session.add(
        ListFile(
            person=people["STF-07"],
            endpoint="portfolio.record",
            address="/record",
            kind=FileKind.XLSX,
            language="en",
            begun_at=clock.now(),
            done=12_000,
            total=41_350,
        )
    )


def _past(people: People, places: PLACES) -> None:
    """A table of earlier awards waits to be looked at, one was brought and one is being imported."""
    coordinator = people["STF-07"]
    places["imported"] = str(db.session.scalars(select(AwardImport.id)).one())
    places["past"] = db.session.scalars(select(PastAward.reference).order_by(PastAward.id)).first() or ""
    rows = ["Grantee,Amount,Date,Town,Country", "Seeds 2011,,,,", "Faro (SAMPLE),EUR 500,31/02/2011,Quito,Ecuador"]
    rows += [f'Semilla {n} (SAMPLE),"USD 1,{n}00.50",{n}/3/2011,Quito,Ecuador' for n in range(1, 10)]
    table = "\n".join(rows).encode()
    waiting = imports.send_in("seeds.csv", table, by=coordinator)
    waiting.programme = "Seeds"
    places["waiting"] = str(waiting.id)
    confirmed = imports.send_in("more-seeds.csv", table.replace(b"2011", b"2012"), by=coordinator)
    confirmed.programme = "Seeds"
    imports.confirm(confirmed, by=coordinator)
    confirmed.begun_at, confirmed.done = clock.now(), 4
    places["importing"] = str(confirmed.id)


def _at_the_door(world: World) -> None:
    """A visitor opens an account and has not confirmed the address yet; somebody has forgotten a password."""
    visitor, secret = world.visitor(), "seven quiet rivers"
    visitor.open("/register")
    who = {"name": "Maya Nouvelle (SAMPLE)", "email": "maya@example.org"}
    visitor.press("Open my account", who | {"password": secret, "password_confirm": secret})
    visitor.open("/reset-password")
    visitor.press("Send me a link", {"email": world.emails["REV-2"]})


def _of(reference: str) -> Application:
    return db.session.scalars(select(Application).where(Application.reference == reference)).one()


def _call(reference: str) -> Call:
    return db.session.scalars(select(Call).where(Call.reference == reference)).one()


# ------------------------------------------------------------------ writing together


def _writing(people: People, places: PLACES) -> None:
    """Two colleagues change a summary in turn, and leave each other notes; one section waits for an upload."""
    draft, owner, editor = _of("APP-402"), people["USR-PE-1"], people["USR-PE-2"]
    saved = sections_of(draft.answer_sheet_id)["S2"]
    places["seen"] = str(saved.version)
    told = dict(saved.values)
    summary = str(told["summary"])
    for text, by in ((f"{summary} Contaremos cada caso.", editor), (f"{summary} Publicaremos cada acta.", owner)):
        version = sections_of(draft.answer_sheet_id)["S2"].version
        applications.save_section(draft, "S2", told | {"summary": text}, by=by, version=version)
    note = drafts.leave_note(draft, "S2", "¿Puedes revisar el número de mujeres? Creo que son 140.", by=owner)
    drafts.leave_note(draft, "S8", "El presupuesto de transporte lo termino el jueves.", by=editor)
    drafts.leave_note(draft, "S2", "El resumen ya tiene 240 palabras.", by=editor)
    drafts.settle_note(note, by=editor)
    begun = applications.start(
        _call("MPF-2027-02"), people.organizations["ORG-GT"], language="es", by=people["USR-GT-1"], reference="APP-403"
    )
    applications.save_section(begun, "S2", {"title": "Puentes de retorno"}, by=people["USR-GT-1"], version=None)
    for document in draft.call.documents[:2]:
        content = sample.document("pdf", document.label["en"], draft.organization.name)
        applications.attach(draft, document, f"{document.key}-2026.pdf", content, by=owner)
    picture = io.BytesIO()
    Image.new("RGB", (900, 1200), "beige").save(picture, "JPEG")
    applications.attach(draft, draft.call.documents[0], "scan-page-2.jpg", picture.getvalue(), by=editor)
    held = db.session.scalars(select(Attachment).where(Attachment.application_id == draft.id)).first()
    assert held is not None
    places["file"] = str(held.id)


def _workbook(people: People, places: PLACES) -> None:
    """The committee reads the workbook of a case."""
    asked = (
        select(Attachment)
        .join(Attachment.document)
        .where(Attachment.application_id == _of("APP-303").id, DocumentAsked.key == "budget_workbook")
    )
    places["workbook"] = str(db.session.scalars(asked).one().id)


def _word(people: People, places: PLACES) -> None:
    """The form comes back from Word with changes, one of them unreadable, and its owner looks at the differences."""
    draft = _of("APP-402")
    answers = {
        "title": "Trabajo digno para las mujeres venezolanas en Lima y Callao",
        "duration_months": "siete",
        "requested_amount": "14400,50",
    }
    marks = word_rules.marks_of(definition_of(draft.questionnaire_id))

    def type_them(root: Any) -> None:
        for about in named(root, "sdtPr"):
            tag = next((element.get(f"{{{W}}}val") for element in about.findall(f"{{{W}}}tag")), None)
            for key, text in answers.items():
                if tag == marks[key]:
                    next(iter(named(about.getparent(), "t"))).text = text

    content = changed(wordforms.begun(draft, "es"), type_them)
    wordforms.send_in(draft, "formulario revisado en equipo.docx", content, by=people["USR-PE-1"])


# ------------------------------------------------------------------ changes of grants


def _changing(people: People, places: PLACES) -> None:
    """A grant is suspended and then terminated; a grantee confirms the change that the fund wrote down for it."""
    ending = db.session.scalars(select(Award).where(Award.reference == "MPF-2026-01-G03")).one()
    awards.suspend(ending, "Its bank has frozen the accounts of the organization.", by=people["STF-07"])
    amendments.terminate(ending, "The organization has ended its work in the country.", by=people["STF-07"])
    places["standing"] = str(standing_letters(ending)[0].id)
    written = select(Amendment).where(Amendment.assisted, Amendment.state == AmendmentState.REQUESTED)
    amendments.confirm(db.session.scalars(written).one(), by=people["USR-LB-1"])


def _ended(people: People, places: PLACES) -> None:
    """The dossier of a closed grant is made for the auditor; its time is over, and a coordinator proposes what to erase."""
    closed = db.session.scalars(select(Closeout).where(Closeout.keep_until.is_not(None))).one()
    places["closed"] = closed.award.reference
    asked = db.session.scalars(select(Dossier.id)).one()
    with tempfile.NamedTemporaryFile() as into:
        making = dossiers.begin(asked)
        assert making is not None
        assert list(dossiers.write(making, into))
        into.flush()
        assert dossiers.finish(making, asked, Path(into.name))
    places["closing"] = str(closed.letter_id)
    closed.keep_until = clock.now().date() - timedelta(days=40)
    closeouts.propose_erasure(closed.award, by=people["STF-07"])
    dossiers.ask_for(closed.award, by=people["STF-08"])


# ------------------------------------------------------------------ money to put right, and what it waits for


def _put_right(people: People, places: PLACES) -> None:
    """A payment has left by the statement of the bank; a part of a grant came back, as was asked."""
    sent = db.session.scalars(select(Disbursement).where(Disbursement.state == "paid")).first()
    assert sent is not None
    places["sent"] = sent.reference
    asked = _award("MPF-2026-01-G05")
    returned = payments.record_refund(
        asked,
        amount=Money(12_500, asked.currency),
        received_on=clock.today(asked.call.timezone),
        bank_reference="RETOUR-2211",
        proof_name="advice.pdf",
        proof_content=sample.document("pdf", "Advice of credit", asked.reference),
        by=people["STF-08"],
    )
    places["refunded"] = returned.reference


def _planned(people: People, places: PLACES) -> None:
    """An instalment waits for a milestone and a day of its own, another for a report that was waived; a grantee has reached
    what it promised, and the fund has not looked at it yet.
    """
    coordinator, planned = people["STF-07"], _award("MPF-2026-02-G02")
    waits = Waits("interim_report_approved", planned.milestones[0].id, planned.end_on - timedelta(days=40), 70)  # type: ignore[operator]
    payments.plan_instalment(planned, 2, waits, by=coordinator)
    waiting = (
        select(ReportDue).join(ReportDue.award).where(ReportDue.key == "interim_report", ReportDue.state == "owed")
    )
    waived = db.session.scalars(waiting.where(Award.state == "active").order_by(ReportDue.id.desc())).first()
    assert waived is not None
    reports.waive(waived, "The office was closed for three months; a visit saw the work.", by=people["STF-03"])
    places["waived"] = waived.award.reference
    reached = select(Milestone).join(Milestone.award).where(Award.state == "active", Milestone.reached_on.is_not(None))
    told = db.session.scalars(reached.order_by(Milestone.id)).first()
    assert told is not None
    places |= {"telling": told.award.reference, "told": str(told.id)}


def _declined(people: People, places: PLACES) -> None:
    """A grantee says what is wrong in a report that the fund wrote up for it."""
    owed = select(ReportDue).join(ReportDue.award).where(ReportDue.key == "inception_note", ReportDue.state == "owed")
    due = next(one for one in db.session.scalars(owed.order_by(ReportDue.id)) if one.report is None)
    home = due.award.organization.reference
    owner, spoken_on = people.member_of(home), clock.today(due.award.call.timezone)
    write_up = writeups.begin(
        due, spoke_with=owner.name, phone="+221 33 000 00 00", spoken_on=spoken_on, by=people["STF-07"]
    )
    for section, answers in sample.read("reports")[due.kind][due.award.application.language].items():
        reports.save_section(due, section, answers, by=people["STF-07"], version=0)
    writeups.ask_members(write_up, due, by=people["STF-07"])
    writeups.decline(write_up, due, "We held two workshops, not three, and 48 people came.", by=owner)
    places["declined"] = f"/reports/{due.id}"


def _mended(people: People, places: PLACES) -> None:
    """A financial report was handed in twice, and something of it was asked for in between."""
    twice = select(Report.report_due_id).join(ReportReturn, ReportReturn.report_id == Report.id)
    found = twice.where(Report.version > ReportReturn.version).order_by(Report.id)
    places["mended"] = f"/reports/{db.session.scalars(found).first()}"


# ------------------------------------------------------------------ organizations


def _organizations(people: People, places: PLACES) -> None:
    """Documents, an identifier, somebody who asks to join, somebody invited, and an account that looks the same."""
    home, owner = people.organizations["ORG-SN"], people["USR-SN-1"]
    today = clock.today(owner.timezone)
    for kind, name, days in (
        (DocumentKind.STATUTES, "statuts-signes.pdf", None),
        (DocumentKind.REGISTRATION_CERTIFICATE, "recepisse.pdf", -20),
        (DocumentKind.ACCOUNTS_LAST_YEAR, "comptes-annuels-certifies-par-le-commissaire.pdf", 12),
    ):
        kept = organizations.keep_document(
            home,
            kind,
            name,
            sample.document("pdf", name, home.name),
            valid_until=None if days is None else today + timedelta(days=days),
            by=owner,
        )
        places["document"] = str(kept.id)
    organizations.identify(home, "SN-NINEA", "0051234 2G3", by=owner)
    organizations.identify(home, "XI-LEI", "549300MLUDYVRQOOXS22", by=owner)
    places |= _newcomers(people)
    twin = accounts.register_person(name="Modou Deuxième (SAMPLE)", email="modou@example.org", language="fr")
    second = {name: getattr(home, name) for name in ("country", "city", "region", "legal_form", "registered", "email")}
    accounts.create_organization(by=twin, reference="ORG-SN-2", name="Reseau Teranga Mobilite (SAMPLE)", **second)
    db.session.flush()
    organizations.compare_changed()
    places["pair"] = str(db.session.scalars(select(Resemblance.id)).first())
    accounts.close_account(people["USR-TG-1"], by=people["STF-16"])
    for place, person in (("member", "USR-SN-2"), ("heir", "USR-TG-2")):
        found = select(Membership.id).where(Membership.person_id == people[person].id)
        places[place] = str(db.session.scalars(found).first())


def _newcomers(people: People) -> PLACES:
    home = people.organizations["ORG-SN"]
    ready: dict[str, Any] = {"language": "fr", "confirmed_at": clock.now(), "password": people["USR-SN-1"].password}
    fatou = accounts.register_person(name="Fatou Nouvelle (SAMPLE)", email="fatou@example.org", **ready)
    asked = organizations.ask_to_join(home, "Je tiens la caisse depuis janvier ; Cheikh me connaît.", by=fatou)
    awa = accounts.register_person(name="Awa Invitée (SAMPLE)", email="awa@example.org", **ready)
    accounts.invite(home, email=awa.email, role=MemberRole.EDITOR, may_sign=True, by=people["USR-SN-1"])
    accounts.invite(home, email="mamadou@example.org", role=MemberRole.EDITOR, may_sign=False, by=people["USR-SN-1"])
    return {"request": str(asked.id)}


def _sponsors(people: People, places: PLACES) -> None:
    """One group asks an organization to be its fiscal sponsor; another has asked before, and was told yes."""
    home = people.organizations["ORG-SN"]
    waiting = organizations.ask_sponsor(
        people.organizations["ORG-MA"], home, "Vous avez tenu nos comptes en 2025.", by=people["USR-MA-1"]
    )
    places["asked"] = str(waiting.id)
    founder = accounts.register_person(
        name="Khady Fondatrice (SAMPLE)",
        email="khady@example.org",
        language="fr",
        confirmed_at=clock.now(),
        password=people["USR-SN-1"].password,
    )
    group = accounts.create_organization(
        by=founder,
        reference="ORG-SN-3",
        name="Groupement des femmes de Pikine (SAMPLE)",
        country="SN",
        region="AFR",
        legal_form="association",
        registered=False,
    )
    agreed = organizations.ask_sponsor(group, home, "Nous n’avons pas encore de récépissé.", by=founder)
    organizations.consent(agreed, by=people["USR-SN-1"])
    places["sponsorship"] = str(agreed.id)


# ------------------------------------------------------------------ asked for more, typed by the fund


def _clarifying(people: People, places: PLACES) -> None:
    """Two applicants are asked for more: one has answered, one is still writing."""
    coordinator = people["STF-05"]
    asked, day = _of("APP-503"), timedelta(days=8)
    due = clock.today(asked.call.timezone) + day
    checks.ask(asked, ["S6"], "¿Con qué organización harán los talleres, y en qué distritos?", due, by=coordinator)
    first = clarifications.open_clarification(asked)
    assert first is not None
    told = dict(sections_of(asked.answer_sheet_id)["S6"].values)
    told["sustainability"] = f"{told['sustainability']}\nCon el sindicato de trabajadoras del hogar, en Lima y Callao."
    applications.save_section(asked, "S6", told, by=people["USR-PE-1"], version=None)
    applications.certify(asked, applications.fingerprint_now(asked), by=people["USR-PE-1"])
    checks.hand_in(first, "Hemos nombrado al sindicato.", by=people["USR-PE-1"])
    checks.ask(asked, ["S2", "S6", "document:workplan"], "Falta el nuevo plan de trabajo.", due, by=coordinator)


def _entry(people: People, places: PLACES) -> None:
    """A coordinator types an application for an organization without a line, and asks it to confirm."""
    call, typist, colleague = _call("MPF-2027-02"), people["STF-01"], people["STF-07"]
    home = people.organizations["ORG-KE"]
    entry = entries.enter(
        call,
        home,
        language="en",
        spoke_with="Amina Sampleson",
        phone="+254 700 000 000",
        spoken_on=clock.today(call.timezone) - timedelta(days=1),
        by=typist,
    )
    days = round((call.closes_at - sample.read("call")["call"]["timetable"]["deadline"]) / timedelta(days=1))
    told = sample.read("answers/APP-004")["answers"]
    answers = sample.moved(told, days - 7) | {"org_founded_on": told["org_founded_on"]}
    for section in definition_of(call.questionnaire_id).sections:
        values = {q.key: answers.get(q.key) for q in section.questions if q.type != "files"}
        if values:
            applications.save_section(entry.application, section.key, values, by=typist, version=None)
    applications.submit(entry.application, by=typist)
    token = entries.ask_to_confirm(entry, "amina.sampleson@example.org", by=colleague)
    places |= {"entered": entry.application.reference, "confirming": f"/confirm-entry/{token}"}


def _write_up(people: People, places: PLACES) -> None:
    """A report that a coordinator wrote up after a call waits for the grantee, who gets a link from a colleague."""
    write_up = db.session.scalars(select(WriteUp)).one()
    due = db.session.get_one(ReportDue, write_up.report.report_due_id)
    colleague = people["STF-07"] if write_up.entered_by_id != people["STF-07"].id else people["STF-01"]
    token = writeups.ask_by_link(write_up, due, "amina.sampleson@example.org", by=colleague)
    places |= {"confirming_report": f"/confirm-report/{token}", "written_up": f"/reports/{due.id}"}
    other = select(ReportDue).where(ReportDue.key == "interim_report", ReportDue.state == "owed").order_by(ReportDue.id)
    places["to_write_up"] = str(next(one.id for one in db.session.scalars(other) if one.report is None))


# ------------------------------------------------------------------ calls


def _calls(people: People, places: PLACES) -> None:
    """A copy in preparation with something to mend, a trial of it, and a correction that is not published yet."""
    coordinator, given = people["STF-07"], _call("MPF-2027-02")
    later = clock.today(given.timezone) + timedelta(days=200)
    made = calls.copy_call(given, "MPF-2028-01", deadline_on=later, by=coordinator)
    trials.save_section(
        made, "S2", {"title": "A trial title", "summary": "word " * 300}, language="en", by=coordinator, version=None
    )
    broken = copy.deepcopy(written_documents(made))
    broken["form"]["sections"][1]["questions"][0]["required"] = "answers.nobody_asks_this == 'yes'"
    broken["call"]["grant"]["max"] = 1
    calls.save_working_copy(made, broken, version=0, by=coordinator)
    corrected = copy.deepcopy(written_documents(given))
    corrected["form"]["sections"][1]["questions"][0]["help"] = {
        "en": "One line, at most twelve words.",
        "fr": "Une ligne, douze mots au plus.",
        "es": "Una línea, doce palabras como máximo.",
    }
    for question in corrected["form"]["sections"][1]["questions"]:
        question.update({"max_words": 300} if question["key"] == "summary" else {})
    kept = working_copy_of(given)
    calls.save_working_copy(given, corrected, version=kept.version if kept else 0, by=coordinator)


def _scenarios(people: People, places: PLACES) -> None:
    """Two scenarios of a call, one of them with a limit lifted and laid before the meeting; and the seed of its draw."""
    call, coordinator = _call("MPF-2027-01"), people["STF-07"]
    limits = limits_of(call, documents_of(call)["terms"])
    reasons = {"floor_LAC": "Only two organizations of the region reached every threshold."}
    ranked = [place.application for place in ranking(call, standing_of(call)).ranked]
    awards = [line.reference for line in propose_lifting(ranked, limits, reasons).awards or ()]
    first = scenarios.save(
        call, "As the call promised, but for one floor", awards, limits, reasons=reasons, by=coordinator
    )
    by_hand = [line.reference for line in ranked[:6]]
    scenarios.save(call, "The first six", by_hand, Limits(call.envelope), reasons={}, by=coordinator)
    meeting = db.session.scalars(select(Meeting).where(Meeting.reference == "MPF-2027-01-M1")).one()
    scenarios.lay_before(first, meeting, by=coordinator)
    draws.bind(call, by=coordinator)


def _enquiries(people: People, places: PLACES) -> None:
    """A visitor objects to a “no” of the check, and has not followed the link of the mail yet."""
    asking: dict[str, Any] = {"by": None, "email": "asks@example.org", "language": "en", "origin": "x"}
    enquiries.ask(_call("MPF-2027-02"), "Our office is in Dakar.", about="country", given="France", **asking)
    for place, kind in (("enquiry", EnquiryKind.QUESTION), ("objection", EnquiryKind.CONTEST)):
        found = select(Enquiry.reference).where(Enquiry.kind == kind, Enquiry.state == EnquiryState.ASKED)
        places[place] = str(db.session.scalars(found.order_by(Enquiry.id.desc())).first())


def _owed(people: People, places: PLACES) -> None:
    """A milestone that is to come, and a report that is owed."""
    milestone = select(Milestone.id).join(Milestone.award).where(Award.reference == "MPF-2026-01-G01")
    places["milestone"] = str(db.session.scalars(milestone.order_by(Milestone.due_on.desc())).first())
    report = select(ReportDue.id).where(ReportDue.state == "owed").order_by(ReportDue.due_on.desc())
    places["owed"] = str(db.session.scalars(report).first())
    places["order"] = str(db.session.scalars(select(PaymentOrder.reference)).first())


# ------------------------------------------------------------------ people and mails


def _reduced(people: People, places: PLACES) -> None:
    """A grant was offered of less than was asked for, so a new budget is."""
    award = db.session.scalars(select(Award).where(Award.reference == "MPF-2026-02-G01")).one()
    award.amount_minor -= 50_000
    application = award.application
    answers = answers_of_sheets([application.answer_sheet_id])[application.answer_sheet_id]
    awards.ask_for_budget(award, application, answers, by=people["STF-07"])


def _award(reference: str) -> Award:
    return db.session.scalars(select(Award).where(Award.reference == reference)).one()


def _diligence(people: People, places: PLACES) -> None:
    """One grantee is asked for papers, one of them again, and whether its grant may be less confidential; another has signed
    on paper; agreements were drawn up together.
    """
    coordinator = people["STF-07"]
    asked = _award("MPF-2026-02-G01")
    owner = people.member_of(asked.organization.reference)
    checked = diligences.open_diligence(asked, by=coordinator)
    wanted = [point for point in checked.points if waits_for_grantee(point)]
    content = sample.document("pdf", "Paper", asked.organization.name)
    diligences.hand_in(wanted[0], "paper.pdf", content, by=owner)
    officer = people["STF-09"] if wanted[0].tab == "bank" else coordinator
    note = {"note": "The stamp is missing.", "words": "Please send it with the stamp of the bank."}
    diligences.judge(wanted[0], "not_ok", by=officer, **note)
    places["point"] = str(next(point.id for point in checked.points if point.tab == "checklist"))
    diligences.tighten(asked, "fully_confidential", "A threat was reported.", by=coordinator)
    diligences.ask_to_loosen(
        asked, "name_withheld", "We would like to tell of the work without your name.", by=coordinator
    )
    waiting = _award("MPF-2026-02-G02")
    due = clock.now().date() + timedelta(days=30)
    told = {"owner": None, "due_on": due, "blocks_payment": True}
    places["condition"] = str(awards.add_condition(waiting, "Adopt a written policy.", by=coordinator, **told).id)
    signed = _award("MPF-2026-02-G03")
    signatory = people.member_of(signed.organization.reference)
    paper = {"name": "signed.pdf", "content": sample.document("pdf", "Signed", signed.organization.name)}
    day = clock.today(signed.call.timezone)
    awards.hand_in_copy(signed, signature=signatory.name, signed_on=day, by=signatory, **paper)
    payments.ask_for_agreements(waiting.call, by=coordinator)
    (batch,) = db.session.scalars(select(AgreementBatch))
    for award_id in payments.begin_batch(batch.id):
        payments.draw_up_next(batch.id, award_id)
    payments.finish_batch(batch.id)


def _people(people: People, places: PLACES) -> None:
    """Somebody is invited to work for the fund and has not come yet; somebody is proposed as finance officer."""
    invited, token = accounts.invite_person(
        email="new.officer@example.org",
        name="Nadia Nouvelle (SAMPLE)",
        language="fr",
        role=Role.COMMITTEE_MEMBER,
        regions=[],
        by=people["STF-16"],
    )
    accounts.give_role(people["STF-12"], Role.FINANCE_OFFICER, regions=[], by=people["STF-16"])
    accounts.grant_role(people["STF-06"], Role.ADMINISTRATOR, regions=[], by=None)
    accounts.give_role(people["STF-05"], Role.FINANCE_OFFICER, regions=[], by=people["STF-06"])
    places |= {"invited": invited.reference, "first": token}


def _mails(people: People, places: PLACES) -> None:
    """Mails that could not be delivered: a wrong address, a mailbox that is full, a server that does not answer."""
    reasons = (
        "SMTPRecipientsRefused: {'lost@example.org': (550, b'no such person')}",
        "SMTPRecipientsRefused: {'full@example.org': (552, b'mailbox is full')}",
        "TimeoutError: timed out",
    )
    for number, (who, reason) in enumerate(zip(("USR-SN-2", "USR-PE-2", "REV-2"), reasons, strict=True)):
        person = people[who]
        db.session.add(
            OutboxMail(
                key=f"undeliverable {number}",
                kind="award_offered",
                about="",
                to_person_id=person.id,
                to_address=person.email,
                language=person.language,
                subject="Your offer",
                body="…",
                state=Delivery.FAILED,
                attempts=7,
                last_error=reason,
                next_at=clock.now(),
            )
        )
