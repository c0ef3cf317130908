"""People, previews and robots by what they send (N5)."""

from datetime import UTC, datetime, timedelta

import pytest

from ringdove.rules.links.link_visitors import Asked, Visitor, came_unread, seen

HTML = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
WEBKIT = "AppleWebKit/537.36 (KHTML, like Gecko)"
CHROME = f"{WEBKIT} Chrome/131.0.0.0"
IPHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15"
    " (KHTML, like Gecko) Version/18.1 Mobile/15E148 Safari/604.1"
)
ANDROID = f"Mozilla/5.0 (Linux; Android 10; K) {CHROME} Mobile Safari/537.36"
WEBVIEW = (
    f"Mozilla/5.0 (Linux; Android 14; SM-A546B; wv) {WEBKIT} Version/4.0"
    " Chrome/130.0.0.0 Mobile Safari/537.36"
)
TABLET = f"Mozilla/5.0 (Linux; Android 13; SM-X200) {CHROME} Safari/537.36"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:132.0) Gecko/20100101 Firefox/132.0"
CUBOT = f"Mozilla/5.0 (Linux; Android 10; CUBOT NOTE 20 PRO) {CHROME} Mobile Safari/537.36"
OPERA_MINI = "Opera/9.80 (Android; Opera Mini/36.2/191.256; U; ru) Presto/2.12.423 Version/12.16"


@pytest.mark.parametrize(
    ("agent", "device"),
    [
        (IPHONE, "phone"), (ANDROID, "phone"), (WEBVIEW, "phone"), (TABLET, "tablet"),
        (CUBOT, "phone"),
        (FIREFOX, "desktop"), (OPERA_MINI.replace("Android;", "Android; Mobile;"), "phone"),
    ],
)  # fmt: skip
def test_people_are_people(agent: str, device: str) -> None:
    """N5, R9."""
    assert seen(Asked(agent, HTML, "ru-BY,ru;q=0.9")) == Visitor("person", device)
    asked = Asked(agent, HTML, "ru", mode="navigate")
    assert seen(asked).kind == "person"


@pytest.mark.parametrize(
    "agent",
    [
        "WhatsApp/2.23.20.0 A", "TelegramBot (like TwitterBot)",
        "facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)",
        f"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_11_1) {WEBKIT} Version/9.0.1 Safari/601.2.4"
        " facebookexternalhit/1.1 Facebot Twitterbot/1.0",  # Apple's Messages
        "Viber/16.9.0.6 CFNetwork/1333.0.4 Darwin/21.5.0",
        "Mozilla/5.0 (compatible; vkShare; +http://vk.com/dev/Share)",
        "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)",
    ],
)  # fmt: skip
def test_what_messengers_draw_is_a_preview(agent: str) -> None:
    """N5."""
    assert seen(Asked(agent, HTML, "en")).kind == "preview"


@pytest.mark.parametrize(
    "asked",
    [
        Asked("Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot)", HTML, "en"),
        Asked("Mozilla/5.0 (compatible; Google-InspectionTool/1.0)", HTML, "en"),
        Asked("curl/8.5.0", "*/*"), Asked("python-requests/2.32", "*/*"), Asked(),
        Asked("Go-http-client/1.1"), Asked("okhttp/4.12.0"),
        Asked(IPHONE, "*/*", "en"),  # a browser asks for a page
        Asked(IPHONE, HTML, ""),  # and in a language
        Asked(ANDROID, HTML, "en", mode="cors"),  # a script of some page
        Asked("Dalvik/2.1.0 (Linux; U; Android 13)", HTML, "en"),
        Asked("Mozilla/5.0 (X11; Linux x86_64) HeadlessChrome/131.0 Safari/537.36", HTML, "en"),
    ],
)  # fmt: skip
def test_what_is_no_browser_is_a_robot(asked: Asked) -> None:
    """N5."""
    assert seen(asked).kind == "robot"


def test_a_page_fetched_beforehand_was_not_opened() -> None:
    """N5."""
    assert seen(Asked(ANDROID, HTML, "en", purpose="prefetch;prerender")).kind == "preview"


def test_nobody_reads_within_a_second() -> None:
    """field-notes, "Links": addresses within a second of delivery."""
    sent = datetime(2026, 11, 22, 12, tzinfo=UTC)
    assert came_unread(sent, sent + timedelta(milliseconds=700))
    assert not came_unread(sent, sent + timedelta(seconds=2)) and not came_unread(None, sent)
