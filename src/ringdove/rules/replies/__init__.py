"""What a text from a phone means (P2, N8): words alone, without a scene."""

from ringdove.rules.replies.ratings import Rating, Scale, read_rating
from ringdove.rules.replies.replies import (
    READY,
    Intent,
    Reply,
    read,
    words_of_all_languages,
)

__all__ = [
    "READY", "Intent", "Rating", "Reply", "Scale", "read", "read_rating", "words_of_all_languages",
]  # fmt: skip
