"""What must not be told: applications full of words that give their applicants away, and whoever looks for them in every
byte that a blind reviewer, or anybody with a conflict, is served or sent.
"""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pikepdf
from PIL import Image, PngImagePlugin
from sqlalchemy import func, select

from grants.accounts.models import Membership, Organization, Person, Role, RoleGrant
from grants.applications.models import Application, Attachment
from grants.awards import actions as awards
from grants.calls.models import Call, DocumentAsked
from grants.conflicts.models import Grade
from grants.core import files
from grants.core.mail import OutboxMail
from grants.decisions import actions as decisions
from grants.organizations.models import Identifier
from grants.questionnaires.models import SectionAnswers
from grants.reviews import actions
from grants.reviews.models import Assignment
from grants.scenarios import actions as scenarios
from grants.scenarios import rules as scenario_rules
from tests.decisions.rows import coordinator, decided, session_of
from tests.factories import call, count, db, organization, person, questionnaire, save
from tests.http import Browser
from tests.reviews.rows import AT, DUE, case, reviewed, reviewer
from tests.uploads import photographs

CANARY = b"quokka"
NAME, SHORT, FORMER = "Quokka Alliance", "QuokkaQA", "Quokka Circle"
MEMBER, LEADER, CONTACT = "Ana Quokkaruiz", "Ole Quokkasen, president", "Mia Quokkalopez"


def questions() -> dict[str, Any]:
    """A form with what tells who applies, in a section of its own and elsewhere, and what does not."""

    def asked(key: str, kind: str = "text", **more: Any) -> dict[str, Any]:
        return {"key": key, "type": kind, "label": {"en": f"The {key}"}, "required": False} | more

    return {
        "id": f"Q-BLIND-{next(count)}",
        "version": 1,
        "languages": ["en"],
        "title": {"en": "Form"},
        "sections": [
            {
                "id": "S1",
                "title": {"en": "Organization"},
                "prefill_from": "organization_profile",
                "questions": [
                    asked("org_name"),
                    asked("org_contact_name", personal_data=True),
                    asked("org_contact_email", "email"),
                    asked("org_staff_paid", "integer"),
                ],
            },
            {
                "id": "S2",
                "title": {"en": "Action"},
                "questions": [
                    asked("title", max_chars=150),
                    asked("summary", "longtext"),
                    asked("who_we_are", "longtext", identifies=True),
                    asked("identifier", "org_id"),
                    asked(
                        "partners",
                        "repeater",
                        fields=[asked("name"), asked("mail", "email"), asked("role")],
                    ),
                ],
            },
        ],
    }


def blind_call(*, blind: bool = True) -> Call:
    definition = questions()
    asked = save_questionnaire(definition)
    made = call(questionnaire_id=asked.id)
    assessors = made.grid["assessors"] | {"blind": {"organization_visible": not blind}}
    titled = [section | {"title": section["id"]} for section in made.grid["sections"]]
    made.grid = made.grid | {"assessors": assessors, "sections": titled}
    db.session.flush()
    db.session.refresh(made)
    assert made.hides_applicants is blind
    return made


def save_questionnaire(definition: dict[str, Any]) -> Any:
    return questionnaire(key=definition["id"], definition=definition)


def told(of_call: Call) -> Application:
    """An application that tells who it is by in every way an applicant can think of."""
    former = organization(name="Quokka Seniors", acronym="QuokkaQS")
    applicant = {
        "name": NAME,
        "acronym": SHORT,
        "registration_number": "QUOKKA-77",
        "identifier": "XM-QUOKKA-77",
        "fiscal_sponsor": "Quokka Sponsors",
        "email": "hello@quokka.example",
        "phone": "+221 77 123 45 67",
        "website": "https://www.quokka.example/",
        "contact_name": CONTACT,
        "legal_representative": LEADER,
    }
    application = case(of_call, title=f"The {NAME.upper()} lighthouse", applicant=applicant)
    applicant_ = db.session.get(Organization, application.organization_id)
    former.duplicate_of_id = applicant_.id
    save(Identifier(organization_id=applicant_.id, list_code="XM", number="QUOKKA99"))
    gone = person(name=MEMBER, email=f"ana{next(count)}@quokka.example")
    save(Membership(organization_id=applicant_.id, person_id=gone.id, role="editor", ended_at=AT))
    words = (
        f"We, the {NAME} ({SHORT}, once {FORMER}), with quokka-alliance and QUOKKA  ALLIANCE; ask {MEMBER}, Quokkaruiz "
        f"or Ole Quokkasen, or {CONTACT} at ana@quokka.example, www.quokka.example/us, +221 77 123 45 67, XM-QUOKKA-77, "
        "QUOKKA99, Quokka Sponsors, Quokka Seniors. Forty wells will be dug."
    )
    sections = {
        "S1": {
            "org_name": FORMER,
            "org_contact_name": CONTACT,
            "org_contact_email": "mia@quokka.example",
            "org_staff_paid": 4711,
        },
        "S2": {
            "title": application.title,
            "summary": words,
            "who_we_are": f"{NAME} since 1999",
            "identifier": "XM-QUOKKA-77",
            "partners": [{"name": "Partner of QuokkaQA", "mail": "p@quokka.example", "role": f"helps {NAME}"}],
        },
    }
    for key, values in sections.items():
        save(SectionAnswers(answer_sheet_id=application.answer_sheet_id, section_key=key, values=values))
    return application


# ------------------------------------------------------------------ documents that tell


def pdf_that_tells(*, on_the_page: str = "Forty wells") -> bytes:
    """A PDF whose description, comments, files inside and pictures tell who made it."""

    document = pikepdf.new()
    page = document.add_blank_page(page_size=(300, 300))
    font = pikepdf.Dictionary(Type=pikepdf.Name.Font, Subtype=pikepdf.Name.Type1, BaseFont=pikepdf.Name.Helvetica)
    page.Resources = pikepdf.Dictionary(Font=pikepdf.Dictionary(F1=font))
    split = len(on_the_page) // 2
    shown = f"BT /F1 12 Tf 20 100 Td [({on_the_page[:split]}) -20 ({on_the_page[split:]})] TJ ET"
    page.Contents = pikepdf.Stream(document, shown.encode())
    photo = pikepdf.Stream(document, photograph_that_tells())
    photo.stream_dict = pikepdf.Dictionary(
        Type=pikepdf.Name.XObject,
        Subtype=pikepdf.Name.Image,
        Width=40,
        Height=30,
        ColorSpace=pikepdf.Name.DeviceRGB,
        BitsPerComponent=8,
        Filter=pikepdf.Name.DCTDecode,
    )
    page.Resources.XObject = pikepdf.Dictionary(I1=photo)
    page.Annots = pikepdf.Array(
        [
            document.make_indirect(
                pikepdf.Dictionary(
                    Type=pikepdf.Name.Annot,
                    Subtype=pikepdf.Name.Text,
                    Rect=[0, 0, 10, 10],
                    T=pikepdf.String("Ana Quokkaruiz"),
                    Contents=pikepdf.String("See the map"),
                )
            )
        ]
    )
    document.attachments["quokka.txt"] = b"made by quokka"
    with document.open_metadata() as told_of:
        told_of["dc:creator"] = ["Ana Quokkaruiz"]
    document.docinfo["/Author"] = "Ana Quokkaruiz"
    return photographs.saved(document)


def photograph_that_tells() -> bytes:
    exif = Image.Exif()
    exif[0x013B] = "Ana Quokkaruiz"
    written = io.BytesIO()
    Image.new("RGB", (40, 30), "white").save(written, "JPEG", exif=exif, comment=b"quokka")
    return written.getvalue()


def letter_that_tells(*, on_the_page: str = "Forty wells", kind: str = "docx") -> bytes:
    """An office file whose properties, comments, paths and pictures tell who made it."""
    relation = "http://schemas.openxmlformats.org/package/2006/relationships"
    picture = PngImagePlugin.PngInfo()
    picture.add_text("Author", "Quokka")
    drawn = io.BytesIO()
    Image.new("RGB", (4, 4)).save(drawn, "PNG", pnginfo=picture)
    word = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
    split = len(on_the_page) // 2
    runs = "".join(f"<w:r><w:t>{half}</w:t></w:r>" for half in (on_the_page[:split], on_the_page[split:]))
    parts = {
        "[Content_Types].xml": '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
        '<Override PartName="/docProps/core.xml" ContentType="x"/><Override PartName="/word/document.xml" ContentType="y"/></Types>',
        "_rels/.rels": f'<Relationships xmlns="{relation}"><Relationship Id="r1" Type="t" Target="docProps/core.xml"/>'
        '<Relationship Id="r2" Type="t" Target="word/document.xml"/></Relationships>',
        "docProps/core.xml": "<cp><dc:creator>Ana Quokkaruiz</dc:creator></cp>",
        "docProps/app.xml": "<Properties><Company>Quokka Alliance</Company></Properties>",
        "docProps/thumbnail.jpeg": "quokka",
        "word/people.xml": '<w15:people><w15:person w15:author="Ana Quokkaruiz"/></w15:people>',
        "word/comments.xml": '<w:comments><w:comment w:author="Ana Quokkaruiz" w:initials="quokka"/></w:comments>',
        "word/_rels/settings.xml.rels": f'<Relationships xmlns="{relation}"><Relationship Id="r1" Type="t" '
        'Target="file:///C:/Users/quokka/Normal.dotm" TargetMode="External"/></Relationships>',
        "word/document.xml": f'<w:document xmlns:w="{word}"><w:body><w:p>{runs}</w:p></w:body></w:document>',
        "word/media/image1.png": drawn.getvalue(),
    }
    if kind == "xlsx":
        parts |= {
            "xl/workbook.xml": '<workbook><fileSharing userName="Quokka"/><x15ac:absPath url="C:\\quokka\\"/></workbook>',
            "xl/comments1.xml": "<comments><authors><author>Ana Quokkaruiz</author></authors></comments>",
            "xl/persons/person.xml": '<personList><person displayName="Ana Quokkaruiz"/></personList>',
        }
        del parts["word/document.xml"]
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.comment = b"quokka"
        for name, part in parts.items():
            archive.writestr(name, part)
    return written.getvalue()


def attach(
    application: Application, key: str, content: bytes, kind: str, *, identifies: bool = False, clean: bool = True
) -> Attachment:
    document = db.session.scalar(select(DocumentAsked).filter_by(call_id=application.call_id, key=key)) or save(
        DocumentAsked(
            call_id=application.call_id,
            position=9,
            code=f"A{next(count)}",
            key=key,
            label={"en": f"Paper {key}"},
            formats=[kind],
            required=False,
            identifies=identifies,
        )
    )
    stored = files.keep(f"{NAME}.{kind}", content, [kind]) if clean else files.keep_own(f"{NAME}.{kind}", content)
    return save(
        Attachment(
            application_id=application.id,
            document_id=document.id,
            file_id=stored.id,
            attached_by_id=application.started_by_id,
        )
    )


def papers(application: Application) -> dict[str, Attachment]:
    return {
        "pdf": attach(application, "plan", pdf_that_tells(), "pdf"),
        "second": attach(application, "plan", pdf_that_tells(), "pdf"),
        "docx": attach(application, "letter", letter_that_tells(), "docx"),
        "xlsx": attach(application, "sheet", letter_that_tells(kind="xlsx"), "xlsx"),
        "jpg": attach(application, "photo", photograph_that_tells(), "jpg", clean=False),
        "statutes": attach(application, "certificate", pdf_that_tells(), "pdf", identifies=True),
        "named_pdf": attach(application, "policy", pdf_that_tells(on_the_page=f"Policy of {NAME}"), "pdf"),
        "named_docx": attach(application, "notes", letter_that_tells(on_the_page=f"Notes of {NAME}"), "docx"),
    }


# ------------------------------------------------------------------ everything served


def every_byte(content: bytes) -> bytes:
    """What was served, with everything in it unpacked."""
    found = [content]
    if content.startswith(b"%PDF"):
        with pikepdf.open(io.BytesIO(content)) as document:
            found += [thing.read_raw_bytes() for thing in document.objects if isinstance(thing, pikepdf.Stream)]
            streams = [thing for thing in document.objects if isinstance(thing, pikepdf.Stream)]
            found += [one.read_bytes() for one in streams if one.get("/Filter") != pikepdf.Name.DCTDecode]
            found += [thing.unparse(resolved=True) for thing in document.objects if hasattr(thing, "unparse")]
    if content.startswith(b"PK"):
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            found += [archive.comment, *(archive.read(name) for name in archive.namelist())]
            found += [name.encode() for name in archive.namelist()]
            found += [every_byte(archive.read(name)) for name in archive.namelist()]
    return b"\n".join(found).lower()


def walk(browser: Browser, *starts: str, most: int = 150) -> dict[str, Any]:
    """Every page that links lead to from here, and what they were answered."""
    waiting, seen = list(starts), dict[str, Any]()
    while waiting and len(seen) < most:
        path = waiting.pop(0)
        if path in seen:
            continue
        answer = browser.get(path, 0)
        seen[path] = answer
        links = (
            re.findall(r'(?:href|src)="(/[^"#]*)', answer.get_data(as_text=True))
            if answer.mimetype == "text/html"
            else []
        )
        waiting += [link.replace("&amp;", "&") for link in links if not link.startswith(("/static", "/sign-out"))]
    return seen


@dataclass
class Watch:
    """Everything that somebody was served or sent, and the words that none of it may hold."""

    words: Sequence[bytes]
    answers: list[tuple[str, Any]] = field(default_factory=list)
    mails: list[OutboxMail] = field(default_factory=list)

    @property
    def telling(self) -> list[str]:
        """Addresses and mails that tell, once for each word. An address that somebody typed tells them nothing new."""
        pages = [
            (
                path,
                (every_byte(answer.get_data()) + str(answer.headers).lower().encode()).replace(
                    path.lower().encode(), b""
                ),
            )
            for path, answer in self.answers
        ]
        sent = [(one.kind, f"{one.subject} {one.body} {one.about} {one.key}".lower().encode()) for one in self.mails]
        return [name for name, held in pages + sent for word in self.words if word in held]

    @property
    def bytes(self) -> int:
        """How much was looked at."""
        return sum(len(answer.get_data()) for _, answer in self.answers)


def sent_to(person_id: int, after: int = 0) -> list[OutboxMail]:
    """The mails to somebody."""
    found = select(OutboxMail).where(OutboxMail.to_person_id == person_id, OutboxMail.id > after)
    return list(db.session.scalars(found.order_by(OutboxMail.id)))


def watch_a_blind_reviewer(browser: Browser) -> Watch:
    """A blind reviewer is asked, declares, reads, is refused, submits, and is asked to look again; they follow every link
    and try what is not theirs.
    """
    application, somebody, boss = told(blind_call()), reviewer(), person()
    given = papers(application)
    reviewed(application, 3, 3, summary=f"I guess it is {NAME}.")
    one = actions.assign(application, somebody, due_on=DUE, by=boss)
    page, hashes = f"/reviews/{one.id}", [paper.file.sha256.encode() for paper in given.values()]
    others = (
        f"/applications/{application.reference}",
        f"/organizations/{application.organization.reference}",
        f"/calls/{application.call.reference}/reviews/{application.reference}",
        f"{page}/files/999999",
        *(f"{page}/files/{paper.id}{pages}" for paper in given.values() for pages in ("", "/pages")),
    )
    one_id, boss_id, somebody_id = one.id, boss.id, somebody.id
    db.session.commit()
    watch = Watch([CANARY, *hashes])
    browser.sign_in(somebody)
    watch.answers += walk(browser, "/", "/reviews").items()
    watch.answers.append((page, browser.post(f"{page}/declare", {"grade": "knows"}, page=page, status=422)))
    watch.answers.append((page, browser.post(f"{page}/declare", {"grade": "none"}, status=302)))
    watch.answers += walk(browser, "/", "/reviews", "/reviews/interests", "/account").items()
    watch.answers += [(path, browser.get(path, 0)) for path in others]
    typed = {"value_A1": "77", "summary": "Good."}
    watch.answers.append((page, browser.post(page, typed, page=page, status=422)))
    complete = {"value_A1": "3", "value_B1": "3", "summary": "Good.", "for_applicant": "Yes.", "recommendation": "fund"}
    watch.answers.append((page, browser.post(page, complete | {"submit": "yes"}, page=page, status=302)))
    watch.answers += walk(browser, page, "/reviews").items()
    reason = f"Please say more of {NAME}."
    actions.reopen(db.session.get_one(Assignment, one_id), reason, by=db.session.get_one(Person, boss_id))
    db.session.commit()
    watch.answers += walk(browser, page, "/reviews").items()
    watch.mails = sent_to(somebody_id)
    assert len({path for path, _ in watch.answers}) > 12
    assert len(watch.mails) >= 2
    return watch


def watch_a_conflicted_reviewer(browser: Browser) -> Watch:
    """A reviewer who also sits in the committee has written a review, and then declares a conflict. From then on the others
    go on without them, and they follow every link and try every address they knew.
    """
    application, chair = told(blind_call(blind=False)), coordinator()
    application.reference = "APP-WOMBAT"
    given = papers(application)
    somebody, members = reviewer(), [person(Role.COMMITTEE_MEMBER) for _ in range(3)]
    somebody_id, organization_ = somebody.id, application.organization
    save(RoleGrant(person_id=somebody.id, role=Role.COMMITTEE_MEMBER, regions=[]))
    db.session.refresh(somebody)
    rival = case(application.call)
    for one in (application, rival):
        reviewed(one, 4, 4)
    mine = reviewed(application, 4, 4, by=somebody, summary="Their lighthouse is sound.")
    meeting = session_of(application.call, [*members, somebody], by=chair)
    page, case_page = f"/reviews/{mine.id}", f"/meetings/{meeting.reference}/{application.reference}"
    organization_page = f"/organizations/{organization_.reference}"
    given_ids, hashes = [paper.id for paper in given.values()], [paper.file.sha256.encode() for paper in given.values()]
    before = db.session.scalar(select(func.max(OutboxMail.id))) or 0
    decisions.declare_interest(somebody, organization_, grade=Grade.CONFLICT, reason="A cousin.", by=somebody)
    third = reviewer()
    decisions.ask_reviewer(application, third, due_on=DUE, round=1, by=chair)
    reviewed(rival, 4, 4)
    decided(meeting, rival, members, "decline", reason="A reason.")
    db.session.commit()
    meeting_page = f"/meetings/{meeting.reference}"
    tried = (
        page,
        *(f"{way}/files/{paper}" for way in (page, case_page) for paper in given_ids),
        *(f"{way}/files/{paper}/pages" for way in (page, case_page) for paper in given_ids),
        *(f"{way}/files/{paper}/pages/1" for way in (page, case_page) for paper in given_ids),
        f"{page}/translations/summary",
        f"/applications/{application.reference}",
        f"/applications/{application.reference}/read",
        f"/applications/{application.reference}/letter",
        f"/calls/{application.call.reference}/reviews/{application.reference}",
        f"/calls/{application.call.reference}/decisions",
        organization_page,
        case_page,
        meeting_page,
        f"{meeting_page}/sheet",
        f"{meeting_page}/sheet.pdf",
        f"{meeting_page}/pack.pdf",
    )
    watch = Watch([b"lighthouse", b"forty wells", b"app-wombat", CANARY, *hashes])
    browser.sign_in(db.session.get_one(Person, somebody_id))
    browser.get(meeting_page)
    assert rival.reference in browser.text, "the room is open to them"
    watch.answers += walk(browser, "/", "/reviews", "/meetings", "/calls", "/account").items()
    watch.answers += [(path, browser.get(path, 0)) for path in tried]
    watch.answers += [
        (path, browser.post(path, {"summary": "Again.", "choice": "for", "grade": "none"}, page="/reviews"))
        for path in (page, f"{page}/declare", f"{page}/decline", f"{case_page}/vote", f"{case_page}/remark")
    ]
    watch.mails = sent_to(somebody_id, before)
    assert len({path for path, _ in watch.answers}) > 20
    return watch


NAMING = (
    f"Weaker than {NAME}.",
    "Weaker than the quokka-alliance one.",
    f"As {SHORT} does it.",
    "What Quokkaruiz said.",
    "After app wombat.",
    f"Behind the {NAME.lower()} lighthouse.",
    f"Once {FORMER}.",
)
"""Ways in which somebody writes of an application beside another one."""

AMOUNT = 7_777_700
"""What the canary asks for: the end of its figures shows in every sum that counts it."""


def taken_out(browser: Browser, address: str) -> Any:
    """What the button above a list gives, whatever that is."""
    return browser.post("/exports", {"address": address, "kind": "csv"}, page="/exports")


def watch_who_follows_in_conflict(browser: Browser, role: Role) -> Watch:
    """Somebody who follows calls and grants (a coordinator, an auditor, a finance officer) declares a conflict. The others
    write of that application wherever they write of another one, decide about it, offer it the grant and prepare to pay; who
    declared follows every link and tries every address.
    """
    of_call = blind_call(blind=False)
    application, chair, members = told(of_call), coordinator(), [person(Role.COMMITTEE_MEMBER) for _ in range(3)]
    application.reference, application.requested_minor = "APP-WOMBAT", AMOUNT
    of_call.envelope_minor, of_call.grant_max_minor = 10 * AMOUNT, 2 * AMOUNT
    given, rivals = papers(application), [case(of_call, requested_minor=1_000_000) for _ in range(2)]
    for n, one in enumerate((rivals[0], application, rivals[1])):
        for naming in NAMING[:2] if one is not application else ("Sound.", "Sound."):
            reviewed(one, 5 - n, 4, summary=naming, reason=naming)
    somebody = person(role, regions=["AFR", "ASI", "LAC"])
    before = db.session.scalar(select(func.max(OutboxMail.id))) or 0
    decisions.declare_interest(somebody, application.organization, grade=Grade.CONFLICT, reason="Kin.", by=somebody)
    meeting = session_of(of_call, members, by=chair)
    point = decisions.add_point(meeting, "The floor", by=chair)
    decisions.note_point(meeting, point.id, NAMING[4], by=chair)
    decisions.add_point(meeting, NAMING[0], by=chair)
    limits = scenario_rules.Limits(of_call.envelope)
    ticked = {application.reference, rivals[0].reference}
    scenarios.lay_before(scenarios.save(of_call, NAMING[5], ticked, limits, reasons={}, by=chair), meeting, by=chair)
    for naming in NAMING:
        decisions.remark(meeting, rivals[0], naming, by=members[0])
    decided(meeting, application, members)
    decided(meeting, rivals[0], members, conditions=["A policy."], reason=NAMING[6])
    decided(meeting, rivals[1], members, "decline", conditions=[NAMING[2]], reason=NAMING[4], feedback=NAMING[0])
    decisions.close_meeting(meeting, minutes=" ".join(NAMING), reason=NAMING[1], by=chair)
    room, known = f"/meetings/{meeting.reference}", f"/calls/{of_call.reference}"
    tried = (
        *(f"{room}{page}" for page in ("", "/sheet", "/sheet.pdf", "/minutes.pdf", "/agenda", "/letters", "/release")),
        *(f"{room}/{one.reference}" for one in (application, *rivals)),
        *(
            f"{known}/{page}"
            for page in ("decisions", "reviews", "reviews/agreement", "scenarios", "draw", "conflicts")
        ),
        *(f"{known}/reviews/{one.reference}" for one in (application, *rivals)),
        *(f"{known}/{page}" for page in ("grants", "complaints", "applications")),
        *(f"/applications/{application.reference}{page}" for page in ("", "/read", "/letter", "/check", "/receipt")),
        f"/organizations/{application.organization.reference}",
        "/search?q=lighthouse",
        "/payments",
        "/reports",
        "/ledger",
    )
    lists = [f"{known}/{page}" for page in ("conflicts", "grants", "applications")]
    lists += [
        "/grants",
        "/reports",
        "/payments",
        "/ledger",
        "/organizations",
        "/reviewers",
        "/owed",
        "/reports/changes",
    ]
    hashes = [paper.file.sha256.encode() for paper in given.values()]
    somebody_id = somebody.id
    db.session.commit()
    starts = ("/", "/meetings", "/calls", "/account")
    watch = Watch([b"lighthouse", b"forty wells", b"app-wombat", b"app wombat", b"7,777", CANARY, *hashes])
    browser.sign_in(db.session.get_one(Person, somebody_id))
    watch.answers += walk(browser, *starts).items()
    watch.answers += [(path, browser.get(path, 0)) for path in tried]
    watch.answers += [(f"taken out: {one}", taken_out(browser, one)) for one in lists]
    for one in members:
        decisions.sign(meeting, by=db.session.merge(one))
    awards.release_decisions(db.session.merge(meeting), by=db.session.merge(chair))
    db.session.commit()
    watch.answers += walk(browser, *starts).items()
    watch.answers += [(path, browser.get(path, 0)) for path in tried]
    watch.answers += [(f"taken out: {one}", taken_out(browser, one)) for one in lists]
    watch.mails = sent_to(somebody_id, before)
    assert len({path for path, _ in watch.answers}) > 20
    return watch
