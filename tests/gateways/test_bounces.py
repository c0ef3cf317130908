"""What returns to a sender of letters, in the forms that mailers give it (RFC 3464, RFC 5965)."""

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ringdove.gateways import edge, smtp
from ringdove.gateways.smtp import bounces
from ringdove.gateways.smtp.letters import marked

TOKEN, SECRET = "0123456789abc", "a secret of this gateway"
MARK = marked(TOKEN, SECRET)
ORIGINAL = f"""\
From: Linden <orders@linden.example>
To: anna@mail.example
Subject: Order 42
Message-ID: <{MARK}@linden.example>
X-Ringdove-Letter: {MARK}
"""
POSTFIX = "From: MAILER-DAEMON@mx.linden.example (Mail Delivery System)\n"


def report(fields: str, head: str = POSTFIX, returned: str = "message/rfc822") -> str:
    """A multipart/report as most servers of today write it."""
    return f"""\
{head}To: orders@linden.example
Subject: Undelivered Mail Returned to Sender
Date: Wed, 18 Nov 2026 14:00:00 +0200
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="=b="

--=b=
Content-Type: text/plain

I'm sorry to have to inform you that your message could not be delivered.

--=b=
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.linden.example
Arrival-Date: Wed, 18 Nov 2026 13:59:00 +0200

{fields}

--=b=
Content-Type: {returned}

{ORIGINAL}
Thank you for your order.
--=b=--
"""


NO_USER = """\
Final-Recipient: rfc822; anna@mail.example
Action: failed
Status: 5.1.1
Diagnostic-Code: smtp; 550 5.1.1 <anna@mail.example>:
    Recipient address rejected: User unknown"""
FULL = """\
Final-Recipient: rfc822; anna@mail.example
Action: failed
Status: 5.2.2
Diagnostic-Code: smtp; 552 5.2.2 Mailbox full"""
DELAYED = """\
Final-Recipient: rfc822; anna@mail.example
Action: delayed
Status: 4.4.1
Diagnostic-Code: smtp; connect to mail.example: Connection timed out
Will-Retry-Until: Mon, 23 Nov 2026 14:00:00 +0200"""
TOO_LATE = "Final-Recipient: rfc822; anna@mail.example\nAction: failed\nStatus: 4.4.7"
DELIVERED = "Final-Recipient: rfc822; anna@mail.example\nAction: delivered\nStatus: 2.0.0"
RELAYED = "Final-Recipient: rfc822; anna@mail.example\nAction: relayed\nStatus: 2.0.0"
WITHOUT_ACTION = "Final-Recipient: rfc822; anna@mail.example\nStatus: 5.7.1"
SPAM = "Final-Recipient: rfc822; anna@mail.example\nAction: failed (policy)\nStatus: 5.7.1"
VERP = POSTFIX + f"Delivered-To: bounces+{MARK}@linden.example\n"

EXIM = f"""\
X-Failed-Recipients: anna@mail.example
Auto-Submitted: auto-replied
From: Mail Delivery System <Mailer-Daemon@mx.linden.example>
To: orders@linden.example
Subject: Mail delivery failed: returning message to sender

This message was created automatically by mail delivery software.

A message that you sent could not be delivered to one or more of its
recipients. This is a permanent error. The following address(es) failed:

  anna@mail.example
    host mx.mail.example [192.0.2.1]
    SMTP error from remote mail server after RCPT TO:<anna@mail.example>:
    550 5.1.1 no such user here

------ This is a copy of the message, including all the headers. ------

{ORIGINAL}
451 is the number of your order.
"""
EXIM_WARNING = f"""\
From: Mail Delivery System <Mailer-Daemon@mx.linden.example>
To: orders@linden.example
Subject: Warning: message 1kXyZa-0001 delayed 24 hours

This message was created automatically by mail delivery software.
A message that you sent has not yet been delivered to one or more of its
recipients after more than 24 hours on the queue.

The message identifier is:     1kXyZa-0001
Header: Message-ID: <{MARK}@linden.example>

No action is required on your part.
"""
QMAIL = f"""\
Return-Path: <>
From: MAILER-DAEMON@qmail.example
To: orders@linden.example
Subject: failure notice

Hi. This is the qmail-send program at qmail.example.
I'm afraid I wasn't able to deliver your message to the following addresses.
This is a permanent error; I've given up. Sorry it didn't work out.

<anna@mail.example>:
192.0.2.1 does not like recipient.
Remote host said: 550 sorry, no mailbox here by that name (#5.1.1)
Giving up on 192.0.2.1.

--- Below this line is a copy of the message.

{ORIGINAL}
"""
OLD_POSTFIX = f"""\
From: MAILER-DAEMON (Mail Delivery System)
To: orders@linden.example
Subject: Undelivered Mail Returned to Sender

This is the Postfix program at host mx.linden.example.

<anna@mail.example>: host mx.mail.example[192.0.2.1] said: 552 Quota exceeded

--- Original message ---
{ORIGINAL}
"""
EXCHANGE = f"""\
From: Microsoft Exchange <postmaster@corp.example>
To: orders@linden.example
Subject: Undeliverable: Order 42
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary=x

--x
Content-Type: text/html; charset=utf-8

<html><body><p><b>Delivery has failed to these recipients or groups:</b></p>
<p>anna@corp.example<br>The e-mail address you entered couldn't be found.</p>
<p>Diagnostic information for administrators:<br>#550 5.1.10 RESOLVER.ADR.RecipientNotFound</p>
<p>Original message headers:</p><pre>Message-ID: &lt;{MARK}@linden.example&gt;</pre></body></html>

--x
Content-Type: text/rfc822-headers

{ORIGINAL}
--x--
"""
RUSSIAN = f"""\
From: mailer-daemon@post.example
To: bounces+{MARK}@linden.example
Subject: =?utf-8?b?0J3QtdC00L7RgdGC0LDQstC70LXQvdC90L7QtSDRgdC+0L7QsdGJ0LXQvdC40LU=?=
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: 8bit

Ваше письмо не может быть доставлено одному или нескольким получателям.
"""
SENDMAIL_WARNING = f"""\
From: Mail Delivery Subsystem <MAILER-DAEMON@old.example>
To: orders@linden.example
Subject: Warning: could not send message for past 4 hours

    **********************************************
    **      THIS IS A WARNING MESSAGE ONLY      **
    **  YOU DO NOT NEED TO RESEND YOUR MESSAGE  **
    **********************************************

The original message was received at Wed, 18 Nov 2026 10:00:00 GMT; delivery status below.
451 4.1.8 Domain of sender address does not resolve
Warning: message still undelivered after 4 hours
Will keep trying until message is 5 days old
Message-ID: <{MARK}@linden.example>
"""
COMPLAINT = f"""\
From: <feedback@isp.example>
To: abuse@linden.example
Subject: Order 42
MIME-Version: 1.0
Content-Type: multipart/report; report-type=feedback-report; boundary="f"

--f
Content-Type: text/plain

This is an email abuse report.

--f
Content-Type: message/feedback-report

Feedback-Type: abuse
User-Agent: SomeGenerator/1.0
Version: 1

--f
Content-Type: message/rfc822

{ORIGINAL}
--f--
"""
HOLIDAY = f"""\
From: Anna <anna@mail.example>
To: orders@linden.example
Return-Path: <>
Subject: Out of office: Order 42
In-Reply-To: <{MARK}@linden.example>
Auto-Submitted: auto-replied

I am away until Monday. Calls to 550 5.1.1 will not be answered.
"""
ANSWER = f"""\
From: Anna <anna@mail.example>
To: orders@linden.example
Subject: Re: Order 42
References: <{MARK}@linden.example>

My last parcel could not be delivered! User unknown, they said.
"""
OPENED = f"""\
From: anna@mail.example
To: orders@linden.example
Content-Type: multipart/report; report-type=disposition-notification; boundary="d"

--d
Content-Type: message/disposition-notification

Original-Message-ID: <{MARK}@linden.example>
Disposition: manual-action/MDN-sent-manually; displayed

--d--
"""


@pytest.mark.parametrize(
    ("mail", "state", "error"),
    [
        (report(NO_USER), "undeliverable",
         "no_such_address: 5.1.1 550 5.1.1 …: Recipient address rejected: User unknown"),
        (report(NO_USER, returned="text/rfc822-headers"), "undeliverable", "no_such_address: "),
        (report(FULL), "undeliverable", "mailbox_full: 5.2.2 552 5.2.2 Mailbox full"),
        (report(DELAYED), "enroute", "not_in_time: 4.4.1"),
        (report(TOO_LATE), "undeliverable", "not_in_time: 4.4.7"),
        (report(SPAM), "undeliverable", "unwanted: 5.7.1"),
        (report(WITHOUT_ACTION), "undeliverable", "unwanted: 5.7.1"),
        (report(DELIVERED), "delivered", ""),
        (report(RELAYED), "enroute", "relayed"),
        (EXIM, "undeliverable", "no_such_address: 550 5.1.1 no such user here"),
        (EXIM_WARNING, "enroute", "delayed"),
        (QMAIL, "undeliverable", "no_such_address: Remote host said: 550 sorry"),
        (OLD_POSTFIX, "undeliverable", "mailbox_full: "),
        (EXCHANGE, "undeliverable", "no_such_address: "),
        (RUSSIAN, "undeliverable", ""),
        (SENDMAIL_WARNING, "enroute", ""),
    ],
)  # fmt: skip
def test_what_mailers_say_is_read(mail, state, error):
    """R100: sixteen forms, with line ends of both kinds; no address is kept in the reason."""
    for octets in (mail.encode(), mail.replace("\n", "\r\n").encode()):
        notice = bounces.read(octets, SECRET)
        assert notice is not None
        assert (notice.token, notice.state) == (TOKEN, state), notice
        assert notice.error.startswith(error), notice.error
        assert "anna@" not in notice.error and not notice.is_complaint


def test_a_report_says_when():
    notice = bounces.read(report(NO_USER).encode(), SECRET)
    assert notice and notice.at == datetime(2026, 11, 18, 12, 0, tzinfo=UTC)


def test_a_report_without_the_letter_is_known_by_the_address_that_it_was_sent_to():
    """VERP: some mailers return nothing of the letter, and change its Message-ID."""
    stripped = report(NO_USER, VERP).replace(ORIGINAL, "Subject: Order 42\n")
    notice = bounces.read(stripped.encode(), SECRET)
    assert notice and notice.token == TOKEN
    upper = stripped.replace(MARK, MARK.upper())
    assert (found := bounces.read(upper.encode(), SECRET)) and found.token == TOKEN


def test_a_complaint_is_an_arrival_and_a_stop():
    """R4: RFC 5965."""
    notice = bounces.read(COMPLAINT.encode(), SECRET)
    assert notice == bounces.Notice(TOKEN, "delivered", "complaint", None, True)
    not_spam = COMPLAINT.replace("Feedback-Type: abuse", "Feedback-Type: not-spam")
    assert bounces.read(not_spam.encode(), SECRET) is None


@pytest.mark.parametrize("mail", [HOLIDAY, ANSWER, OPENED, "", "\0\0", ORIGINAL])
def test_what_people_and_their_helpers_write_is_no_bounce(mail):
    """Each names our letter; none says that it did not arrive."""
    assert bounces.read(mail.encode(), SECRET) is None


def test_nobody_else_can_say_what_became_of_a_letter():
    """P8: tokens are ids and can be guessed, the proof behind them cannot."""
    assert bounces.read(report(NO_USER).encode(), "another secret") is None
    guessed = report(NO_USER).replace(MARK, TOKEN + "aaaaaaaaaa")
    assert bounces.read(guessed.encode(), SECRET) is None


@given(st.binary(max_size=4_000))
def test_any_octets_are_read_or_none(octets):
    bounces.read(octets, SECRET)


@settings(max_examples=300)
@given(
    st.sampled_from([report(NO_USER), EXIM, EXCHANGE, COMPLAINT, RUSSIAN]),
    st.lists(st.tuples(st.integers(0, 3000), st.binary(max_size=12)), max_size=12),
)
def test_a_torn_bounce_is_read_or_none(mail, tears):
    """Octets put in anywhere: never an exception, never another letter."""
    octets = bytearray(mail.encode())
    for at, some in tears:
        octets[at : at + len(some)] = some
    notice = bounces.read(bytes(octets), SECRET)
    assert notice is None or notice.token == TOKEN
    if notice:
        notice.error.encode()
        assert "\0" not in notice.error


@given(st.text(max_size=3_000))
def test_any_words_of_a_server_can_be_kept(words):
    """PostgreSQL stores no NUL, JSON no half of a letter."""
    for said in (bounces.reason(words), bounces.words(words + "\udcff\0")):
        said.encode()
        assert "\0" not in said and len(said) <= 220


# ------------------------------------------------------------------ the door

DOORS = smtp.Settings(host="m", sender="orders@linden.example", bounce_secret=SECRET)


def call(authorization: str, body: str = report(NO_USER)) -> edge.Call:
    return edge.Call("POST", "https://x.example/g/1", {"authorization": authorization},
                     body.encode(), datetime(2026, 11, 18, 13, 0, tzinfo=UTC))  # fmt: skip


def test_a_mail_server_hands_bounces_to_our_door():
    """P8: with the gateway's secret."""
    heard = smtp.hear(DOORS, call(f"Bearer {SECRET}"))
    (receipt,) = heard.receipts
    assert (receipt.provider_id, receipt.state) == (TOKEN, "undeliverable")
    assert smtp.hear(DOORS, call(f"Bearer {SECRET}", HOLIDAY)) == edge.Heard()
    (complaint,) = smtp.hear(DOORS, call(f"Bearer {SECRET}", COMPLAINT)).receipts
    assert complaint.opted_out


@pytest.mark.parametrize("authorization", ["", "Bearer", "Bearer wrong", "Bearer \u0436"])
def test_the_door_fails_closed(authorization):
    """P8."""
    with pytest.raises(edge.CallWrong):
        smtp.hear(DOORS, call(authorization))
    without = smtp.Settings(host="m", sender="orders@linden.example")
    with pytest.raises(edge.CallWrong):
        smtp.hear(without, call(authorization))
