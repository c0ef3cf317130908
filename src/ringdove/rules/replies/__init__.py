"""What a text from a phone means (P2, N8): words alone, without a scene."""

from ringdove.rules.replies.intents import Intent, Reply
from ringdove.rules.replies.letters import alike
from ringdove.rules.replies.ratings import Rating, Scale, read_rating
from ringdove.rules.replies.replies import read
from ringdove.rules.replies.words import READY, words_of_all_languages

__all__ = [
    "READY", "Intent", "Rating", "Reply", "Scale", "alike", "read", "read_rating",
    "words_of_all_languages",
]  # fmt: skip
