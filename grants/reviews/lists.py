"""Those who review, as they are taken out in a file."""

from __future__ import annotations

from grants.accounts.models import REGION_LABELS
from grants.core.languages import _l, language_name, pick
from grants.core.listings import Asked, Column, Kind, Lines, listing_of, yes_or_no
from grants.core.permissions import require
from grants.reviews import permissions, queries


@listing_of(
    "reviews.reviewers",
    _l("Reviewers"),
    Column(_l("Reference"), "reference"),
    Column(_l("Name"), "name"),
    Column(_l("Profile"), lambda one: yes_or_no(one.described)),
    Column(_l("Expertise"), lambda one: pick(one.expertise)),
    Column(_l("Languages"), lambda one: ", ".join(language_name(code) for code in one.languages or ())),
    Column(_l("Regions"), lambda one: ", ".join(str(REGION_LABELS.get(key, key)) for key in one.regions or ())),
    Column(_l("Lots"), lambda one: ", ".join(one.lots or ())),
    Column(_l("Takes on"), "capacity", Kind.NUMBER),
    Column(_l("To write"), "open", Kind.NUMBER),
    Column(_l("Submitted"), "done", Kind.NUMBER),
)
def reviewers(asked: Asked) -> Lines:
    """Everybody who reviews, or those without a profile."""
    require(permissions.can_see_reviewers(asked.person))
    only = asked.get("show") == "unknown"
    everybody, without = queries.number_of_reviewers()
    return Lines(
        without if only else everybody,
        queries.reviewers_page(asked.person, 1, None, only_without_profile=only),
    )
