"""Calls of every kind, made by chance: scales, currencies, languages, and numbers of sections, regions and lots."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

from grants.core.money import minor_digits

CURRENCIES = ("EUR", "XOF", "JPY", "TND", "KWD", "NPR")
LANGUAGES = ("en", "fr", "es", "ar", "bn", "pt", "sw")
ZONES = ("Europe/Brussels", "Africa/Dakar", "Asia/Dhaka", "America/Guatemala", "Africa/Tunis", "Asia/Kathmandu")
COUNTRIES = ("SN", "TN", "NP", "GT", "BD", "NO", "CI")
WRITABLE = st.characters(exclude_categories=["Cs", "Cc"], include_characters="\n\t\x85\u2028")
WORDING = st.text(WRITABLE, min_size=1, max_size=40).filter(lambda text: bool(text.strip()))


@st.composite
def calls(draw: st.DrawFn) -> dict[str, Any]:
    """The documents of a sound call."""
    currency = draw(st.sampled_from(CURRENCIES))
    languages = draw(st.lists(st.sampled_from(LANGUAGES), min_size=1, max_size=4, unique=True))
    first = draw(st.sampled_from(languages))

    def said() -> Any:
        if draw(st.booleans()):
            return draw(WORDING)
        others = draw(st.lists(st.sampled_from(languages), unique=True))
        return {code: draw(WORDING) for code in draw(st.permutations(sorted({first, *others})))}

    def money(minor: int) -> Any:
        amount = Decimal(minor).scaleb(-minor_digits(currency))
        return draw(st.sampled_from([str(amount), float(amount)])) if minor_digits(currency) else minor

    regions = draw(st.integers(1, 5))
    lots = draw(st.integers(0, 4))
    share = draw(st.integers(1_000, 10**9))
    least = draw(st.integers(1, share))
    opens = datetime(2027, 1, 1, tzinfo=UTC) + timedelta(minutes=draw(st.integers(0, 500_000)))
    low, step = draw(st.integers(-3, 3)), draw(st.sampled_from([1, 2, 5]))
    high = low + step * draw(st.integers(1, 20))
    call: dict[str, Any] = {
        "id": draw(st.from_regex(r"[A-Z]{2}[0-9]{2}[._-][0-9]{1,4}", fullmatch=True)),
        "title": said(),
        "programme": said(),
        "currency": currency,
        "languages_of_application": languages,
        "authoritative_language": first,
        "envelope": {
            "total": money(share * regions),
            "by_region": [
                {"region": f"R{n}", "label": said(), "floor": money(share // 2), "indicative": money(share)}
                for n in range(regions)
            ],
        },
        "grant": {
            "min": money(least),
            "max": money(share),
            "duration_months": {"min": 1, "max": draw(st.integers(1, 60))},
        },
        "eligible_countries": draw(st.lists(st.sampled_from(COUNTRIES), min_size=1, unique=True)),
        "timetable": {
            "deadline": (opens + timedelta(days=draw(st.integers(1, 90)))).isoformat(),
            "timezone": draw(st.sampled_from(ZONES)),
            "published_at": opens,
        },
    }
    if lots:
        call["lots"] = [{"id": f"L{n}", "title": said()} for n in range(lots)]
    limits = st.fixed_dictionaries(
        {}, optional={"max_words": st.integers(1, 900), "help": st.deferred(lambda: WORDING)}
    )
    sections = [
        {
            "title": said(),
            "id": f"S{n}",
            "questions": [
                {
                    "key": f"q{n}_{m}",
                    **draw(limits),
                    "type": "longtext",
                    "required": draw(st.booleans()),
                    "label": said(),
                }
                for m in range(draw(st.integers(1, 3)))
            ],
        }
        for n in range(draw(st.integers(1, 6)))
    ]
    sections[0]["questions"].append({"key": "amount", "type": "money", "label": said(), "max": "call.grant.max"})
    return {
        "call": call,
        "form": {"id": "F", "title": said(), "languages": languages, "sections": sections},
        "grid": {
            "scale": {"max": high, "min": low, "step": step, "labels": {high: said(), str(low): said()}},
            "sections": [
                {"id": f"G{n}", "title": said(), "criteria": [{"id": f"C{n}", "weight": 1 + n, "text": said()}]}
                for n in range(draw(st.integers(1, 4)))
            ],
            "assessors": {
                "independent_reviews": draw(st.integers(1, 4)),
                **draw(st.sampled_from([{}, *({"blind": {"organization_visible": told}} for told in (True, False))])),
            },
            **draw(st.sampled_from([{}, {"draw_near_line": {"within_points": 1, "text": said()}}])),
        },
    }
