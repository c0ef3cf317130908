"""Opinions: answers that their customers agreed to show, and that the shop let through (R82).

A shop may leave an opinion out, but not silently: whoever sees opinions is told how many agreed,
how many are shown, and how many of the others gave a low score. The rating is of all who answered,
not of those whose opinions were chosen. Nothing is edited but a name, and that only made shorter.
Law behind it: Directive 2005/29/EC, annex I, points 23b and 23c, as amended by 2019/2161.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from ringdove.rules.surveys.scores import Scores
from ringdove.rules.surveys.surveys import Survey

REPLY_MAX: Final = 1_000  # signs
NAME_MAX: Final = 60


@dataclass(frozen=True, slots=True)
class Opinion:
    """What one customer said, as the world sees it: the day, and no more of a time."""

    day: date
    score: int | None
    words: str
    name: str  # "": without one
    language: str
    reply: str  # of the shop
    sku: str = ""


@dataclass(frozen=True, slots=True)
class Shown:
    """The opinions of a survey, or of it about one product, newest first."""

    survey: Survey
    rating: Scores  # of all who answered; `asked` is not told
    agreed: int  # answers that their customers let be shown
    shown: int  # of those
    low_left_out: int  # of those that are not shown
    opinions: Sequence[Opinion]

    @property
    def left_out(self) -> int:
        return self.agreed - self.shown

    @property
    def has_rating(self) -> bool:
        """Of very few the mean would tell what one of them said, who did not agree to that."""
        return not self.rating.is_few


def shortenings(name: str) -> tuple[str, ...]:
    """How a name may be shown instead, the longest first: Anna Maria Volk, Anna M. V., Anna V.,
    Anna, A. V.; and without one."""
    words = name.split()
    if not words:
        return ("",)
    first, *rest = words
    made = [
        name,
        " ".join([first, *(f"{one[0]}." for one in rest)]),
        f"{first} {rest[-1][0]}." if rest else first,
        first,
        " ".join(f"{one[0]}." for one in words),
        "",
    ]
    return tuple(dict.fromkeys(made))


def schema_org(shown: Shown, name: str, url: str, sku: str = "") -> dict[str, Any] | None:
    """The same for search engines (https://schema.org/AggregateRating): of a product, of the shop
    itself; None: nothing to tell, or of many products together."""
    if (shown.survey.about == "product") != bool(sku) or not (shown.has_rating or shown.opinions):
        return None
    ends = {"bestRating": shown.survey.high, "worstRating": shown.survey.low}
    told: dict[str, Any] = {
        "@context": "https://schema.org",
        "@type": "Product" if sku else "Organization",
        "name": name,
    }
    if sku:
        told["sku"] = sku
    if url:
        told["url"] = url
    if shown.has_rating and shown.rating.mean:
        told["aggregateRating"] = {
            "@type": "AggregateRating",
            "ratingValue": round(shown.rating.mean.value, 1),
            "ratingCount": shown.rating.n,
            "reviewCount": shown.shown,
            **ends,
        }
    if shown.opinions:
        told["review"] = [_review(one, ends) for one in shown.opinions]
    return told


def _review(one: Opinion, ends: Mapping[str, int]) -> dict[str, Any]:
    told: dict[str, Any] = {
        "@type": "Review",
        "datePublished": one.day.isoformat(),
        "author": {"@type": "Person", "name": one.name or "–"},
    }
    if one.words:
        told["reviewBody"] = one.words
    if one.language:
        told["inLanguage"] = one.language
    if one.score is not None:
        told["reviewRating"] = {"@type": "Rating", "ratingValue": one.score, **ends}
    return told
