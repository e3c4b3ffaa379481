"""A call of another kind than the sample: yen, one language, scale 0-10, one region, five lots, no Plan of Action."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

TOKYO = ZoneInfo("Asia/Tokyo")


def documents() -> dict[str, Any]:
    """Its documents, fresh each time, so that a test may break them."""
    return {
        "call": {
            "id": "KIZUNA.2027",
            "title": "Neighbours of another tongue",
            "programme": {"ja": "Kizuna Fund"},
            "currency": "JPY",
            "languages_of_application": ["ja"],
            "authoritative_language": "ja",
            "lots": [{"id": n, "title": {"ja": f"Theme {n}"}} for n in "abcde"],
            "envelope": {
                "total": 5_000_000,
                "by_region": [{"region": "KANSAI", "indicative": 5_000_000}],
                "by_lot_min_awards": {"a": 1},
            },
            "grant": {"min": 100_000, "max": 900_000, "duration_months": {"min": 1, "max": 24}},
            "eligible_countries": ["JP"],
            "eligibility": {
                "rules": [
                    {"id": 1, "check": "organization.country == 'JP'", "on_fail": "reject", "text": "In Japan"},
                    {"id": 2, "check": "application.people >= 3", "on_fail": "manual", "text": {"ja": "Three people"}},
                ]
            },
            "timetable": {
                "timezone": "Asia/Tokyo",
                "published_at": datetime.fromisoformat("2027-04-01T09:00"),
                "deadline": datetime(2027, 5, 31, 17, 0, tzinfo=TOKYO),
                "reviews_due": date(2027, 6, 30),
            },
        },
        "form": {
            "id": "KIZUNA-FORM",
            "languages": ["ja"],
            "title": {"ja": "Application"},
            "sections": [
                {
                    "id": "only",
                    "title": "Everything",
                    "questions": [
                        {"key": "title", "type": "text", "required": True, "label": "Title"},
                        {"key": "lot", "type": "choice", "required": True, "options_from": "call.lots", "label": "Lot"},
                        {"key": "people", "type": "integer", "min": 1, "required": True, "label": "How many?"},
                        {"key": "requested_amount", "type": "money", "min": "call.grant.min", "label": "Amount"},
                        {"key": "mood", "type": "scale", "min": -2, "max": 2, "allow_dont_know": True, "label": "Mood"},
                        {
                            "key": "costs",
                            "type": "table",
                            "max_rows": 3,
                            "label": "Costs",
                            "columns": [
                                {"key": "what", "type": "text", "label": "What"},
                                {"key": "price", "type": "money", "label": "Price"},
                            ],
                        },
                    ],
                }
            ],
        },
        "grid": {
            "scale": {"min": 0, "max": 10, "step": 1},
            "sections": [
                {
                    "id": "X",
                    "title": {"ja": "All"},
                    "max": 30,
                    "criteria": [
                        {"id": "X1", "weight": 2, "text": "Good?"},
                        {"id": "X2", "weight": 1, "text": "Sound?"},
                    ],
                }
            ],
            "assessors": {"independent_reviews": 3},
        },
    }
