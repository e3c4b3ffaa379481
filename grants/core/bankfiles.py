"""Files that banks read and write: payment orders (ISO 20022 pain.001) and statements (camt.053, or a table as CSV).

Nothing here knows what is paid or why. What banks send is read with everything switched off that a file could use
against its reader: entities, document types, other files, the network, endless depth.
"""

from __future__ import annotations

import csv
import hashlib
import io
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from lxml import etree

from grants.core.languages import _l
from grants.core.money import Money, NotAnAmount

PAIN = "urn:iso:std:iso:20022:tech:xsd:pain.001.001.09"
CAMT = ("urn:iso:std:iso:20022:tech:xsd:camt.053.001.02", "urn:iso:std:iso:20022:tech:xsd:camt.053.001.08")

LONGEST_ID = 35
LONGEST_NAME = 70
LONGEST_TEXT = 140
MOST_ENTRIES = 5_000

ALLOWED = re.compile(r"[^A-Za-z0-9/\-?:().,'+ ]")
"""What stands outside the characters that every bank takes (SWIFT character set x, EPC217-08)."""

LATIN = str.maketrans(
    {
        "ß": "ss", "æ": "ae", "Æ": "AE", "œ": "oe", "Œ": "OE", "ø": "o", "Ø": "O", "ł": "l", "Ł": "L", "đ": "d", "Đ": "D",
        "ð": "d", "Ð": "D", "þ": "th", "Þ": "TH", "ħ": "h", "Ħ": "H", "ı": "i", "ŋ": "n", "Ŋ": "N", "ɓ": "b", "ɗ": "d",
        "&": "+", "_": "-", "’": "'", "‘": "'", "“": "'", "”": "'", '"': "'", "–": "-", "—": "-", ";": ",", "@": "(at)",
    }
)  # fmt: skip
"""Letters and signs that do not come apart by themselves, and what banks take for them (EPC217-08, Annex)."""


class BadStatement(Exception):
    """A file of a bank that cannot be read; said in words for the person who brought it."""


# ------------------------------------------------------------------ orders


def bank_text(text: str, longest: int) -> str:
    """A text in the characters that every bank takes: accents go, other signs become full stops."""
    apart = unicodedata.normalize("NFKD", text.translate(LATIN))
    plain = "".join(c for c in apart if not unicodedata.combining(c)).translate(LATIN)
    return " ".join(ALLOWED.sub(".", plain).split()).strip("/")[:longest].strip()


def is_readable(text: str) -> bool:
    """Whether enough of a name is left in the characters of banks for a bank to compare it."""
    letters = sum(c.isalnum() for c in bank_text(text, LONGEST_NAME))
    return letters >= 2 and letters * 2 >= sum(c.isalnum() for c in unicodedata.normalize("NFC", text[:LONGEST_NAME]))


@dataclass(frozen=True)
class Party:
    """Who pays or is paid, as a bank knows them. ``bank_code`` is the national code of a bank, where there is no BIC."""

    name: str
    number: str
    is_iban: bool
    bic: str = ""
    bank_code: str = ""


@dataclass(frozen=True)
class Ordered:
    """One transfer of an order: ``end_to_end`` comes back in the statement, ``text`` reaches the payee."""

    end_to_end: str
    amount: Money
    payee: Party
    text: str


def payment_file(
    reference: str, payer: Party, ordered: Sequence[Ordered], *, made_at: datetime, execute_on: date
) -> bytes:
    """A pain.001.001.09 message: one block for each currency, each with its number and control sum."""
    root = etree.Element(f"{{{PAIN}}}Document", nsmap={None: PAIN})
    message = _under(root, "CstmrCdtTrfInitn")
    header = _under(message, "GrpHdr")
    _under(header, "MsgId", reference)
    _under(header, "CreDtTm", made_at.strftime("%Y-%m-%dT%H:%M:%S+00:00"))
    _summed(header, ordered)
    _under(_under(header, "InitgPty"), "Nm", bank_text(payer.name, LONGEST_NAME))
    for number, currency in enumerate(sorted({one.amount.currency for one in ordered}), 1):
        block = _under(message, "PmtInf")
        own = [one for one in ordered if one.amount.currency == currency]
        _under(block, "PmtInfId", f"{reference}-{number}")
        _under(block, "PmtMtd", "TRF")
        _under(block, "BtchBookg", "false")
        _summed(block, own)
        _under(_under(block, "ReqdExctnDt"), "Dt", execute_on.isoformat())
        _under(_under(block, "Dbtr"), "Nm", bank_text(payer.name, LONGEST_NAME))
        _account(_under(block, "DbtrAcct"), payer)
        _agent(block, "DbtrAgt", payer, required=True)
        _under(block, "ChrgBr", "SHAR")
        for one in own:
            _transfer(_under(block, "CdtTrfTxInf"), one)
    content: bytes = etree.tostring(root, xml_declaration=True, encoding="UTF-8", pretty_print=True)
    return content


def _under(parent: Any, name: str, text: str | None = None, **attributes: str) -> Any:
    made = etree.SubElement(parent, f"{{{PAIN}}}{name}", attributes)
    made.text = text
    return made


def _summed(parent: Any, ordered: Sequence[Ordered]) -> None:
    _under(parent, "NbOfTxs", str(len(ordered)))
    _under(parent, "CtrlSum", format(sum((one.amount.amount for one in ordered), Decimal(0)), "f"))


def _account(parent: Any, party: Party) -> None:
    which = _under(parent, "Id")
    if party.is_iban:
        _under(which, "IBAN", party.number)
    else:
        _under(_under(which, "Othr"), "Id", party.number)


def _agent(parent: Any, name: str, party: Party, *, required: bool = False) -> None:
    if not (party.bic or party.bank_code or required):
        return
    bank = _under(_under(parent, name), "FinInstnId")
    if party.bic:
        _under(bank, "BICFI", party.bic)
    if party.bank_code:
        _under(_under(bank, "ClrSysMmbId"), "MmbId", party.bank_code)
    if not (party.bic or party.bank_code):
        _under(_under(bank, "Othr"), "Id", "NOTPROVIDED")


def _transfer(parent: Any, one: Ordered) -> None:
    name = _under(parent, "PmtId")
    _under(name, "InstrId", one.end_to_end)
    _under(name, "EndToEndId", one.end_to_end)
    amount = format(one.amount.amount, "f")
    _under(_under(parent, "Amt"), "InstdAmt", amount, Ccy=one.amount.currency)
    _agent(parent, "CdtrAgt", one.payee)
    _under(_under(parent, "Cdtr"), "Nm", bank_text(one.payee.name, LONGEST_NAME))
    _account(_under(parent, "CdtrAcct"), one.payee)
    _under(_under(parent, "RmtInf"), "Ustrd", bank_text(one.text, LONGEST_TEXT))


# ------------------------------------------------------------------ statements


@dataclass(frozen=True)
class Booked:
    """One line of a statement. ``key`` names it wherever it is read again; ``fee`` is what the bank took beside it;
    ``is_fee`` says that the whole line is a fee; ``reason`` is the code with which something came back.
    """

    key: str
    booked_on: date
    amount: Money
    is_credit: bool
    is_return: bool = False
    is_fee: bool = False
    end_to_end: str = ""
    bank_reference: str = ""
    text: str = ""
    reason: str = ""
    fee: Money | None = None


@dataclass(frozen=True)
class Statement:
    """What a bank says was booked: the name it gives the statement (none for a table), the account, and the lines."""

    reference: str
    account: str
    booked: tuple[Booked, ...]


FEE_CODES = {"CHRG", "COMM", "FEES"}
NOT_GIVEN = {"NOTPROVIDED", "NOT PROVIDED", "NONREF"}


def is_xml(content: bytes) -> bool:
    """Whether a file is meant as XML, in whichever way its letters are written."""
    start = (
        content[:200].decode("utf-16", errors="replace")
        if content.startswith(BYTE_ORDER)
        else content[:200].decode("latin-1")
    )
    return start.lstrip("\ufeffï»¿ \t\r\n").startswith("<")


def read_camt(content: bytes) -> Statement:
    """A camt.053 statement, version 02 or 08. Raises BadStatement."""
    references, accounts = [], set()
    booked: list[Booked] = []
    seen: Counter[str] = Counter()
    for statement in map(_Part, _document(content)):
        references.append(statement.text("Id"))
        account = statement.text("Acct/Id/IBAN") or statement.text("Acct/Id/Othr/Id")
        accounts.add(account)
        if not references[-1] or not account:
            raise BadStatement(_l("The statement does not say its number or its account."))
        for number, entry in enumerate(statement.all("Ntry"), 1):
            status = entry.text("Sts/Cd") or entry.text("Sts")
            if status == "BOOK":
                booked += _booked(entry, account, number, seen)
            if len(booked) > MOST_ENTRIES:
                raise BadStatement(_too_many())
    if len(accounts) != 1:
        raise BadStatement(_l("The file holds statements of several accounts, or none. Please bring them one by one."))
    return Statement(" + ".join(references)[:140], accounts.pop(), tuple(booked))


def _too_many() -> Any:
    return _l("The file has more than %(number)s lines. Please take a shorter time.", number=MOST_ENTRIES)


def _document(content: bytes) -> list[Any]:
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, dtd_validation=False, huge_tree=False, remove_pis=True
    )
    try:
        root = etree.fromstring(content, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise BadStatement(_l("The file is no XML that can be read.")) from error
    if root.getroottree().docinfo.doctype or any(node.tag is etree.Entity for node in root.iter(etree.Entity)):
        raise BadStatement(_l("The file declares entities or a document type. No bank does that; it is not read."))
    space = etree.QName(root).namespace
    if etree.QName(root).localname != "Document" or space not in CAMT:
        raise BadStatement(_l("This is no statement of the kind camt.053.001.02 or camt.053.001.08."))
    return list(root.iterfind(f"{{{space}}}BkToCstmrStmt/{{{space}}}Stmt"))


class _Part:
    """A part of a statement, asked by the names of what is in it."""

    def __init__(self, node: Any) -> None:
        self.node, self.space = node, etree.QName(node).namespace

    def _path(self, path: str) -> str:
        return "/".join(f"{{{self.space}}}{step}" for step in path.split("/"))

    def all(self, path: str) -> list[_Part]:
        return [_Part(node) for node in self.node.iterfind(self._path(path))]

    def text(self, path: str) -> str:
        return (self.node.findtext(self._path(path)) or "").strip()

    def money(self, path: str) -> Money | None:
        found = self.node.find(self._path(path))
        if found is None:
            return None
        try:
            return Money.parse((found.text or "").strip(), found.get("Ccy", ""))
        except NotAnAmount as error:
            raise BadStatement(_l("An amount of the statement cannot be read: %(text)s", text=found.text)) from error

    def day(self, path: str) -> date | None:
        said = self.text(f"{path}/Dt") or self.text(f"{path}/DtTm")
        try:
            return date.fromisoformat(said[:10]) if said else None
        except ValueError as error:
            raise BadStatement(_l("A day of the statement cannot be read: %(text)s", text=said)) from error


def _name_of(seen: Counter[str], *told: Any) -> str:
    """What a line is called wherever it is read again, in whichever statement: by all that the bank says of it, for banks
    number their lines anew in each; equal lines of one file are counted.
    """
    digest = hashlib.sha256("\x1f".join(map(str, told)).encode()).hexdigest()[:32]
    seen[digest] += 1
    return f"{digest}:{seen[digest]}"


def _booked(entry: _Part, account: str, number: int, seen: Counter[str]) -> Iterator[Booked]:
    whole, day = entry.money("Amt"), entry.day("BookgDt") or entry.day("ValDt")
    direction = entry.text("CdtDbtInd")
    if whole is None or day is None or direction not in ("CRDT", "DBIT"):
        raise BadStatement(_l("Line %(number)s of the statement has no amount, day or direction.", number=number))
    details = entry.all("NtryDtls/TxDtls") or [entry]
    for detail in details:
        fee, included = _fee(detail)
        amount = detail.money("Amt") if detail is not entry else None
        amount = amount or detail.money("AmtDtls/TxAmt/Amt")
        if amount is None and len(details) > 1:
            raise BadStatement(_l("Line %(number)s of the statement has parts without amounts.", number=number))
        if amount is None:
            amount = whole - fee if fee and included and fee.currency == whole.currency else whole
        whole_of = (entry.text(f"NtryDtls/Btch/{name}") for name in ("PmtInfId", "MsgId") if detail is entry)
        end_to_end = _first(detail.text("Refs/EndToEndId"), detail.text("Refs/InstrId"), *whole_of)
        bank_reference = detail.text("Refs/AcctSvcrRef") or entry.text("AcctSvcrRef")
        is_credit = (detail.text("CdtDbtInd") or direction) == "CRDT"
        text = " ".join(
            filter(
                None,
                [
                    *(one.node.text or "" for one in detail.all("RmtInf/Ustrd")),
                    *(one.node.text or "" for one in detail.all("RmtInf/Strd/CdtrRefInf/Ref")),
                    detail.text("AddtlTxInf"),
                    entry.text("AddtlNtryInf"),
                ],
            )
        )[:1000]
        codes = {
            part_.text(path) for part_ in (entry, detail) for path in ("BkTxCd/Domn/Fmly/SubFmlyCd", "BkTxCd/Prtry/Cd")
        }
        yield Booked(
            key=_name_of(seen, account, day, amount, is_credit, end_to_end, bank_reference, text),
            booked_on=day,
            amount=amount,
            is_credit=is_credit,
            is_return=entry.text("RvslInd") == "true" or bool(detail.all("RtrInf")),
            is_fee=bool(codes & FEE_CODES),
            end_to_end=end_to_end,
            bank_reference=bank_reference,
            text=text,
            reason=(detail.text("RtrInf/Rsn/Cd") or detail.text("RtrInf/Rsn/Prtry"))[:35],
            fee=fee,
        )


def _first(*names: str) -> str:
    """The first name that says something."""
    return next((name for name in names if name and name.upper() not in NOT_GIVEN), "")


def _fee(detail: _Part) -> tuple[Money | None, bool]:
    """What the bank took beside a line, and whether the amount of the line holds it already."""
    total: Money | None = None
    included = False
    for record in [*detail.all("Chrgs/Rcrd"), *(one for one in detail.all("Chrgs") if one.all("Amt"))]:
        amount = record.money("Amt")
        if amount is None or amount.minor <= 0 or record.text("CdtDbtInd") == "CRDT":
            continue
        if total is not None and total.currency != amount.currency:
            raise BadStatement(_l("The fees of one line are in several currencies."))
        total = amount if total is None else total + amount
        included = included or record.text("ChrgInclInd") == "true"
    return total, included


# ------------------------------------------------------------------ statements as tables


COLUMNS = ("booked_on", "amount", "currency", "reference", "text", "identifier", "incoming", "direction")
"""What is looked for in a table; ``identifier`` is the bank's own name of a line and may be missing. Where money that came in
has a column of its own it is ``incoming``; where a column says which way an amount went it is ``direction``.
"""

BYTE_ORDER = (b"\xff\xfe", b"\xfe\xff")
OUT = {"d", "dr", "db", "dbit", "debit", "s", "soll", "débit", "debito", "débito", "cargo", "-"}
INTO = {"c", "cr", "crdt", "credit", "h", "haben", "crédit", "credito", "crédito", "abono", "+"}
"""How banks write which way money went."""

DAYS = {"ymd": "%Y-%m-%d", "d.m.y": "%d.%m.%Y", "d/m/y": "%d/%m/%Y", "m/d/y": "%m/%d/%Y"}
MARKS = {"point": (".", ","), "comma": (",", ".")}


@dataclass(frozen=True)
class Columns:
    """Which column of a table says what, how days are written, and which sign stands before the decimals."""

    named: Mapping[str, str]
    days: str
    mark: str


def table_of(content: bytes) -> list[list[str]]:
    """The rows of a CSV file, the header first, whatever separates them. Raises BadStatement."""
    try:
        text = content.decode("utf-16" if content.startswith(BYTE_ORDER) else "utf-8-sig")
    except UnicodeDecodeError:
        text = content.decode("cp1252", errors="replace")
    if "\x00" in text:
        raise BadStatement(_l("The file is neither a camt.053 statement nor a table as CSV."))
    head = text.splitlines()[:20]
    separator = max(";,\t", key=lambda sign: sum(line.count(sign) for line in head))
    try:
        rows = [row for row in csv.reader(io.StringIO(text), delimiter=separator) if any(cell.strip() for cell in row)]
    except csv.Error as error:
        raise BadStatement(_l("The file is neither a camt.053 statement nor a table as CSV.")) from error
    rows = _from_header(rows)
    if len(rows) < 2 or len(rows[0]) < 3:
        raise BadStatement(_l("The table has no header with columns, or no line below it."))
    if len(rows) > MOST_ENTRIES:
        raise BadStatement(_too_many())
    return [[cell.strip() for cell in row] for row in rows]


def _from_header(rows: list[list[str]]) -> list[list[str]]:
    """The table without what some banks write above it: the header is the first row as wide as most of them are."""
    widths = Counter(len(row) for row in rows if len(row) >= 3)
    usual = widths.most_common(1)[0][0] if widths else 0
    first = next((n for n, row in enumerate(rows) if len(row) >= usual), 0)
    return rows[first:]


def shape_of(header: Iterable[str]) -> str:
    """What tables with the same columns have in common."""
    return hashlib.sha256("\x1f".join(header).encode()).hexdigest()


def read_table(rows: Sequence[Sequence[str]], columns: Columns, account: str) -> Statement:
    """The lines of a table, by the columns that were chosen. Raises BadStatement with the line that cannot be read."""
    header = list(rows[0])
    places = {what: header.index(name) for what, name in columns.named.items() if name in header}
    seen: Counter[str] = Counter()
    booked = []
    for number, row in enumerate(rows[1:], 2):
        told = {what: row[place] if place < len(row) else "" for what, place in places.items()}
        booked.append(_row(told, columns, number, account, seen))
    return Statement("", account, tuple(booked))


def _row(told: dict[str, str], columns: Columns, number: int, account: str, seen: Counter[str]) -> Booked:
    try:
        day = datetime.strptime(told["booked_on"][:10].strip(), DAYS[columns.days]).date()  # noqa: DTZ007 - a day has no zone
        amount = _went(told, columns)
    except (ValueError, NotAnAmount) as error:
        raise BadStatement(
            _l("Line %(number)s of the table cannot be read with these columns: its day or its amount.", number=number)
        ) from error
    if not re.fullmatch("[A-Z]{3}", amount.currency):
        raise BadStatement(_l("Line %(number)s of the table has no currency.", number=number))
    own = told.get("identifier") or "\x1f".join(told[what] for what in sorted(told))
    seen[own] += 1
    digest = hashlib.sha256(f"{account}\x1f{own}\x1f{seen[own]}".encode()).hexdigest()[:32]
    reference = told.get("reference", "")
    return Booked(
        key=f"CSV:{digest}",
        booked_on=day,
        amount=Money(abs(amount.minor), amount.currency),
        is_credit=amount.minor > 0,
        end_to_end="" if reference.upper() in NOT_GIVEN else reference[:LONGEST_ID],
        bank_reference=(told.get("identifier") or "")[:100],
        text=f"{reference} {told.get('text', '')}".strip()[:1000],
    )


def _went(told: Mapping[str, str], columns: Columns) -> Money:
    """What a row moved, below zero when it went out: by a sign, by a column that names the way, or by two columns."""
    currency = told["currency"].upper()
    incoming = told.get("incoming", "")
    if "incoming" in told:
        came, went = _typed(incoming, columns, currency), _typed(told["amount"], columns, currency)
        if bool(came) == bool(went):
            raise ValueError(told["amount"])
        return Money(abs(came.minor) or -abs(went.minor), currency)
    amount = _typed(told["amount"], columns, currency)
    way = told.get("direction", "").strip().rstrip(".").lower()
    if "direction" not in told:
        return amount
    if way not in OUT | INTO:
        raise ValueError(way)
    return Money(abs(amount.minor) if way in INTO else -abs(amount.minor), currency)


def _typed(text: str, columns: Columns, currency: str) -> Money:
    """An amount as tables write it: signs before or behind, brackets for what went out, Dr or Cr behind; none is zero."""
    point, thousands = MARKS[columns.mark]
    plain = re.sub(r"[\s\u00a0\u202f’']", "", text).replace("−", "-").replace(thousands, "").replace(point, ".")
    out = plain.startswith(("-", "(")) or plain.endswith("-") or plain.lower().endswith(("dr", "d"))
    bare = re.sub(r"(?i)(dr|cr|d|c)$", "", plain.strip("()")).strip("+-")
    amount = Money.parse(bare or "0", currency)
    return Money(-amount.minor if out else amount.minor, currency)
