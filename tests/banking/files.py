"""Statements as banks write them, and the official schema of payment orders."""

from __future__ import annotations

import importlib.util
from functools import cache
from pathlib import Path

from lxml import etree

OWN = "BE71096123456769"
"""The number of the account of the sample, see ``config.SAMPLE_ACCOUNT``."""


@cache
def schema() -> etree.XMLSchema:
    """pain.001.001.09 as ISO 20022 publishes it; the package is there for nothing else."""
    found = importlib.util.find_spec("sepaxml")
    assert found is not None
    assert found.origin is not None
    return etree.XMLSchema(etree.parse(str(Path(found.origin).parent / "schemas" / "pain.001.001.09.xsd")))


def line(
    amount: str,
    end_to_end: str = "",
    *,
    currency: str = "EUR",
    credit: bool = False,
    on: str = "2027-05-10",
    text: str = "",
    reference: str = "BANK-1",
    returned: str = "",
    fee: str = "",
    code: str = "",
    status: str = "BOOK",
    version: str = "08",
) -> str:
    """One booked line of camt.053."""
    sign = "CRDT" if credit else "DBIT"
    state = f"<Cd>{status}</Cd>" if version == "08" else status
    charges = ""
    if fee:
        one = f'<Amt Ccy="{currency}">{fee}</Amt><CdtDbtInd>DBIT</CdtDbtInd>'
        charges = f"<Chrgs><Rcrd>{one}</Rcrd></Chrgs>" if version == "08" else f"<Chrgs>{one}</Chrgs>"
    if code:
        kind = f"<BkTxCd><Domn><Cd>ACMT</Cd><Fmly><Cd>MDOP</Cd><SubFmlyCd>{code}</SubFmlyCd></Fmly></Domn></BkTxCd>"
    else:
        kind = "<BkTxCd><Prtry><Cd>TRF</Cd></Prtry></BkTxCd>"
    own = f'<Amt Ccy="{currency}">{amount}</Amt><CdtDbtInd>{sign}</CdtDbtInd>'
    details = (
        f"<NtryDtls><TxDtls><Refs><AcctSvcrRef>{reference}</AcctSvcrRef>"
        + (f"<EndToEndId>{end_to_end}</EndToEndId>" if end_to_end else "")
        + "</Refs>"
        + (own if version == "08" else f'<AmtDtls><TxAmt><Amt Ccy="{currency}">{amount}</Amt></TxAmt></AmtDtls>')
        + charges
        + (f"<RmtInf><Ustrd>{text}</Ustrd></RmtInf>" if text else "")
        + (f"<RtrInf><Rsn><Cd>{returned}</Cd></Rsn></RtrInf>" if returned else "")
        + "</TxDtls></NtryDtls>"
    )
    return (
        f"<Ntry><NtryRef>{reference}</NtryRef>{own}"
        + ("<RvslInd>true</RvslInd>" if returned else "")
        + f"<Sts>{state}</Sts><BookgDt><Dt>{on}</Dt></BookgDt>{kind}{details}</Ntry>"
    )


def camt(*lines: str, reference: str = "ST-1", account: str = OWN, version: str = "08") -> bytes:
    """A statement with these lines."""
    balance = (
        '<Bal><Tp><CdOrPrtry><Cd>CLBD</Cd></CdOrPrtry></Tp><Amt Ccy="EUR">0</Amt><CdtDbtInd>CRDT</CdtDbtInd>'
        "<Dt><Dt>2027-05-10</Dt></Dt></Bal>"
    )
    return (
        f'<?xml version="1.0" encoding="UTF-8"?><Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.{version}">'
        "<BkToCstmrStmt><GrpHdr><MsgId>M</MsgId><CreDtTm>2027-05-10T20:00:00</CreDtTm></GrpHdr>"
        f"<Stmt><Id>{reference}</Id><CreDtTm>2027-05-10T20:00:00</CreDtTm>"
        f"<Acct><Id><IBAN>{account}</IBAN></Id></Acct>{balance}{''.join(lines)}</Stmt></BkToCstmrStmt></Document>"
    ).encode()
