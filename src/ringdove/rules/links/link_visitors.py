"""Who opens a link: a person, a messenger that draws a preview, or a robot that checks it (N5).

Nobody is asked anything and no cookie is set. A browser that a person uses says what it is, asks
for a page, in a language; what leaves one of these out is none. A text is also opened by machines
on its way: before anybody can have read it, or from several addresses within a second.
"""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from ringdove.rules.offers.rewards import is_phone

UNREAD = timedelta(seconds=1)  # nobody has read a text that was handed over so shortly before
SEVERAL_WITHIN_S = 1.0  # one person does not come from two addresses within it

_PREVIEW = re.compile(
    r"WhatsApp/|TelegramBot|facebookexternalhit|Facebot|Twitterbot|Slackbot|Slack-ImgProxy|"
    r"SkypeUriPreview|Discordbot|LinkedInBot|vkShare|OdklBot|^Viber|kakaotalk-scrap|redditbot|"
    r"Pinterestbot|BingPreview|MicrosoftPreview|Google-PageRenderer|Google-Read-Aloud|"
    r"developers\.google\.com/\+/web/snippet|Iframely|Embedly|Mattermost|Snap URL Preview|"
    r"link.?preview|url.?preview",
    re.I,
)
# A Cubot is a phone. Who is "compatible" with a browser is none, but for those of long ago.
_ROBOT = re.compile(
    r"(?<!cu)bot\b|bots\b|compatible; ?(?!MSIE|Konqueror)|"
    r"crawl|spider|slurp|archiver|curl/|wget|python|aiohttp|httpx|go-http|java/|"
    r"okhttp|libwww|http-?client|node-fetch|axios|undici|ruby|perl|php|headless|phantom|"
    r"urlscan|security|monitor|uptime|link.?check|validator|safelinks|barracuda|proofpoint|"
    r"mimecast|urldefense|trendmicro|symantec|sophos|forcepoint|fortiguard|zscaler|virustotal|"
    r"lighthouse|pagespeed|ms-office|microsoft office|scrapy|postman",
    re.I,
)
_BROWSER = re.compile(r"(Mozilla|Opera)/\d")
_TABLET = re.compile(r"iPad|Tablet|Kindle|Silk/|Android(?!.*\bMobile\b)", re.I)


class Asked(NamedTuple):
    """The headers by which a visitor is known; what did not come is empty."""

    agent: str = ""  # User-Agent
    accept: str = ""
    language: str = ""  # Accept-Language
    purpose: str = ""  # Sec-Purpose, Purpose, X-Purpose, X-Moz
    mode: str = ""  # Sec-Fetch-Mode
    mobile: str = ""  # Sec-CH-UA-Mobile


@dataclass(frozen=True, slots=True)
class Visitor:
    """What they are, and what they look with."""

    kind: str  # person, robot, preview
    device: str  # phone, tablet, desktop; of machines what they pretend


def seen(asked: Asked) -> Visitor:
    """Who asks, as far as one request shows it."""
    return Visitor(_kind(asked), _device(asked))


def _kind(asked: Asked) -> str:
    if _PREVIEW.search(asked.agent):
        return "preview"
    if "prefetch" in asked.purpose or "preview" in asked.purpose:
        return "preview"
    if _ROBOT.search(asked.agent) or not _BROWSER.match(asked.agent):
        return "robot"
    if "text/html" not in asked.accept or not asked.language:
        return "robot"
    return "robot" if asked.mode not in ("", "navigate") else "person"


def _device(asked: Asked) -> str:
    if is_phone(asked.agent, asked.mobile):
        return "phone"
    return "tablet" if _TABLET.search(asked.agent) else "desktop"


def came_unread(sent_at: datetime | None, at: datetime) -> bool:
    """Whether it was opened before anybody can have read the text."""
    return sent_at is not None and at - sent_at < UNREAD
