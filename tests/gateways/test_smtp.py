"""The e-mail edge as tables: the letter, the envelope, and what the server's answers mean."""

import email
from datetime import UTC, datetime
from email import policy
from email.message import EmailMessage
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringdove.gateways import smtp
from ringdove.gateways.edge import Refused, Sent
from ringdove.gateways.smtp import letters
from ringdove.gateways.smtp.letters import marked

NOW = datetime(2026, 11, 18, 12, 0, tzinfo=UTC)
TOKEN = "0123456789abc"
SETTINGS = smtp.Settings(host="mail.example", sender="Линден <orders@linden.example>")
MARK = marked(TOKEN, "")


def outgoing(**more) -> smtp.Outgoing:
    told = {
        "token": TOKEN, "recipient": "anna@example.by", "subject": "Заказ 42", "body": "Спасибо!",
        "language": "ru", "klass": "service", "now": NOW,
    } | more  # fmt: skip
    return smtp.Outgoing(**told)


def read(octets: bytes) -> EmailMessage:
    letter = email.message_from_bytes(octets, policy=policy.default)
    assert isinstance(letter, EmailMessage)
    return letter


def words(letter: EmailMessage, kind: str) -> str:
    part = letter.get_body((kind,))
    assert part is not None
    return str(part.get_content())


def test_a_letter_names_both_ends_and_itself():
    """R55: names and subjects in any script, an id that stays the same at every attempt."""
    wish = outgoing(subject="Заказ 42\r\nBcc: all@example.com")
    letter = read(smtp.request(SETTINGS, wish))
    assert letter["From"] == "Линден <orders@linden.example>"
    assert letter["To"] == "anna@example.by"
    assert letter["Subject"] == "Заказ 42 Bcc: all@example.com" and letter["Bcc"] is None
    assert letter["Message-ID"] == f"<{MARK}@linden.example>"
    assert letter["X-Ringdove-Letter"] == MARK
    assert letter["Auto-Submitted"] == "auto-generated"
    assert letter["Content-Language"] == "ru"
    assert words(letter, "plain").strip() == "Спасибо!"
    assert smtp.request(SETTINGS, wish) == smtp.request(SETTINGS, wish)


def test_a_letter_goes_through_servers_that_know_seven_bits():
    octets = smtp.request(SETTINGS, outgoing(body="Привет, " * 300 + "\n.\n" + "x" * 2_000))
    assert octets.isascii()
    assert max(map(len, octets.split(b"\r\n"))) <= 998
    assert b"\n" not in octets.replace(b"\r\n", b"")


def test_the_page_says_the_same_words_and_escapes_them():
    body = (
        'Анна & <b>Ко</b>\nhttps://linden.example/o?a=1&b="2.\n\nОткройте (https://x.example/42).'
    )
    letter = read(smtp.request(SETTINGS, outgoing(body=body)))
    page = words(letter, "html")
    assert "Анна &amp; &lt;b&gt;Ко&lt;/b&gt;<br>" in page
    assert '<a href="https://linden.example/o?a=1&amp;b=">' in page
    assert '(<a href="https://x.example/42">https://x.example/42</a>).' in page
    assert page.count("<p>") == 2 and '<html lang="ru">' in page
    assert words(letter, "plain").splitlines() == body.splitlines()
    plain = smtp.Settings(host="m", sender="orders@linden.example", html=False)
    assert not read(smtp.request(plain, outgoing())).is_multipart()
    assert ' dir="rtl"' in letters.page("x", "ar")


SNIPPETS = ["<", ">", "&", '"', "'", "https://x.example/", "</p><script>", "\n\n", " ", "&lt;"]


@given(
    st.lists(
        st.sampled_from(SNIPPETS)
        | st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=20),
        max_size=20,
    ).map("".join)
)
def test_no_words_break_out_of_the_page(body):
    """Whatever the words are, the page has paragraphs, line ends and links, and those words."""
    seen = Seen()
    seen.feed(letters.page(body, "en").partition("<body")[2].partition(">")[2])
    seen.close()
    assert seen.tags <= {"p", "br", "a", "body", "html"}
    assert all(link.startswith(("http://", "https://")) for link in seen.links)
    assert "".join("".join(seen.said).split()) == "".join(body.split())


class Seen(HTMLParser):
    """What a browser makes of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.links: list[str] = []
        self.said: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.links += [value or "" for name, value in attrs if name == "href"]

    def handle_data(self, data: str) -> None:
        self.said.append(data)


def test_marketing_can_be_refused_in_one_step():
    """R4, R5: RFC 8058; nothing is offered that is not there yet."""
    url = "https://linden.example/u/abc"
    letter = read(smtp.request(SETTINGS, outgoing(klass="marketing", unsubscribe_url=url)))
    assert letter["List-Unsubscribe"] == f"<{url}>"
    assert letter["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert letter["Precedence"] == "bulk"
    bare = read(smtp.request(SETTINGS, outgoing(klass="marketing")))
    assert bare["List-Unsubscribe"] is None and bare["Precedence"] == "bulk"
    service = read(smtp.request(SETTINGS, outgoing(unsubscribe_url=url)))
    assert service["List-Unsubscribe"] is None and service["Precedence"] is None


def test_answers_go_where_the_shop_reads_them():
    settings = smtp.Settings(host="m", sender="no@linden.example", reply_to="Help <h@x.example>")
    assert read(smtp.request(settings, outgoing()))["Reply-To"] == "Help <h@x.example>"


@pytest.mark.parametrize(
    "address", ["", "anna", "@example.by", "anna@", "a b@example.by\n", "anna@приме р.рф"]
)
def test_an_address_that_is_none_is_refused_before_it_leaves(address):
    with pytest.raises(ValueError):
        smtp.request(SETTINGS, outgoing(recipient=address))


def test_addresses_in_other_scripts():
    """R66: the domain in letters that every server reads; the name needs a server that can."""
    assert letters.wire_address("anna@пример.рф") == "anna@xn--e1afmkfd.xn--p1ai"
    assert b"To: anna@xn--e1afmkfd.xn--p1ai" in smtp.request(
        SETTINGS, outgoing(recipient="anna@пример.рф")
    )
    assert letters.needs_utf8("анна@пример.рф") and not letters.needs_utf8("anna@пример.рф")
    assert "анна@" in smtp.request(SETTINGS, outgoing(recipient="анна@пример.рф")).decode()


def test_a_letter_returns_to_its_mark():
    """R100: the envelope names the letter, and delivery is asked for where somebody reads it."""
    assert smtp.envelope(SETTINGS, TOKEN) == "orders@linden.example"
    assert smtp.notices(SETTINGS, TOKEN) == ((), ())
    settings = smtp.Settings(
        host="m", sender="o@linden.example", bounce_address="bounces@linden.example",
        bounce_secret="s",
    )  # fmt: skip
    mark = marked(TOKEN, "s")
    assert mark != MARK and mark.startswith(TOKEN)
    assert smtp.envelope(settings, TOKEN) == f"bounces+{mark}@linden.example"
    of_mail, of_rcpt = smtp.notices(settings, TOKEN)
    assert f"ENVID={mark}" in of_mail and of_rcpt == ("NOTIFY=SUCCESS,FAILURE,DELAY",)
    quiet = settings.model_copy(update={"ask_delivery": False})
    assert smtp.notices(quiet, TOKEN) == ((), ())


@pytest.mark.parametrize(
    ("code", "said", "expected"),
    [
        (250, "queued as 1", Sent((TOKEN,))),
        (451, "greylisted", Refused("451 greylisted", "later")),
        (450, "4.7.1 greylisted", Refused("450 4.7.1 greylisted", "later")),
        (421, "too many", Refused("421 too many", "throttled")),
        (450, "4.7.28 rate limit", Refused("450 4.7.28 rate limit", "throttled")),
        (550, "5.1.1 <a@b.c> gone", Refused("no_such_address: 550 5.1.1 … gone", "permanent")),
        (552, "Quota\r\nexceeded\0", Refused("mailbox_full: 552 Quota exceeded", "permanent")),
        (554, "no", Refused("554 no", "permanent")),
    ],
)
def test_reply_codes_are_read_as_rfc_5321_means_them(code, said, expected):
    assert smtp.outcome(code, said, TOKEN) == expected


def test_a_refused_sender_loses_no_letter():
    refused = smtp.sender_refused(553, "5.7.1 <orders@linden.example> not yours")
    assert refused == Refused("sender_refused: 553 5.7.1 … not yours", "later")


@pytest.mark.parametrize("field", ["sender", "reply_to", "bounce_address"])
def test_an_address_that_is_none_is_refused_by_the_form(field):
    with pytest.raises(ValueError, match="write an address"):
        smtp.Settings(**{"host": "mail.example", "sender": "a@b.example"} | {field: "Linden"})
