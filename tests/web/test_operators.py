"""Operators over HTTP on the pages: chosen, described, tried, and never shown their secrets."""

import html
import re
from typing import Any

import pytest
from pydantic import SecretStr

from ringdove.gateways.values import unwrapped
from ringdove.kit import db
from ringdove.records.sending import gateways
from ringdove.records.sending.gateways import Gateway
from ringdove.runtime import GATEWAYS
from ringdove.web.sending import operator_requests
from ringdove.web.speech import plain_speech
from ringdove.web.store import edges
from ringdove.web.store.connections import way_state
from tests.gateways.operators import outgoing
from tests.web.conftest import Looker, Site

PAGE = "/stores/1/connections/gateways"
FORM = {
    "name": "Our operator",
    "method": "POST",
    "url": "https://sms.example/send?user={{ user }}&key={{ key }}",
    "content_type": "json",
    "body": '{"to": "{{ to }}",\r\n "text": "{{ text }}", "hook": "{{ callback }}"}',
    "headers": "Authorization = Bearer {{ key }}",
    "user": "desk",
    "key": "geheim-1",
    "success_status": "200-299",
    "callback_answer": "OK",
}


def ways(site: Site) -> list[Gateway]:
    async def ask() -> list[Gateway]:
        async with db.transaction(site.runtime.pool) as tx:
            return await gateways.of_store(tx, 1)

    return site.run(ask())


def preview_of(page: str) -> str:
    found = re.search(r'<pre class="pretty" id="preview"[^>]*>(.*?)</pre>', page, re.S)
    assert found
    return html.unescape(found[1])


def test_a_sender_that_no_phone_can_show_is_refused_beside_its_field(site: Site) -> None:
    """Otherwise every text fails at the operator, one by one."""
    owner = site.set_up()
    for sender in ("SixteenLettersOf", "Магазин", "1" * 16, "---"):
        answer = owner.post(f"{PAGE}?kind=template", FORM | {"sender": sender})
        assert answer.status == 422 and "at most 11 Latin letters" in answer.text
    for sender in ("Linden 24", "+375291112233", "1234"):
        answer = owner.post(f"{PAGE}?kind=template", FORM | {"sender": sender})
        assert answer.status in (200, 303), answer.text


def test_all_kinds_are_there_in_groups_with_what_they_are_for(site: Site) -> None:
    """R113."""
    owner = site.set_up()
    page = html.unescape(owner.get(f"{PAGE}/new").text)
    headings = re.findall(r'<h2 class="kinds-of">([^<]+)</h2>', page)
    assert headings == [
        "To try it out", "Directly, over SMPP", "Operators, over their web address", "E-mail",
    ]  # fmt: skip
    kinds = re.findall(r"kind=(\w+)", page)
    assert sorted(kinds) == sorted(GATEWAYS)
    assert kinds[0] == "sandbox" and kinds[-2] == "template"
    for kind in GATEWAYS:
        form = owner.get(f"{PAGE}/new?kind={kind}")
        assert form.status == 200, kind
        if callbacks := getattr(GATEWAYS[kind], "CALLBACKS", ""):
            assert callbacks[:40] in html.unescape(form.text), kind


def test_an_operator_by_its_form_is_shown_as_it_would_be_asked(site: Site) -> None:
    """R113: its secrets are sealed, and in no page and no list of what was done."""
    owner = site.set_up()
    answer = owner.post(f"{PAGE}?kind=template", FORM)
    assert answer.status == 200, answer.text
    (way,) = [one for one in ways(site) if one.kind == "template"]
    made = site.runtime.sealer.open(way.secrets)
    assert made["key"] == "geheim-1" and len(made["callback_secret"]) > 20
    assert "key" not in way.settings and "geheim" not in repr(way.settings)
    assert answer.text.count(made["callback_secret"]) == 2  # by itself and in our address
    assert f"/in/gateways/{way.token}?secret=" in html.unescape(answer.text)
    page = owner.get(f"{PAGE}/{way.id}").text
    for shown in (page, owner.get("/stores/1/audit").text, owner.get("/stores/1/connections").text):
        assert made["callback_secret"] not in shown and "geheim-1" not in shown
    assert f"/in/gateways/{way.token}" in page
    request = preview_of(page)
    assert request.startswith("POST https://sms.example/send?user=desk&key=hidden\n")
    assert "Authorization: Bearer hidden" in request
    assert '"text": "A test text of Volk & Sons."' in request
    assert '"hook": ""' in request  # nobody outside reaches us yet
    assert "RINGDOVE_PUBLIC_URL" in page


def test_owners_look_at_the_address_with_its_secret_again_and_that_is_remembered(
    site: Site,
) -> None:
    """Without it nobody could enter the address at the operator a second time."""
    owner = site.set_up()
    owner.post(f"{PAGE}?kind=template", FORM)
    (way,) = [one for one in ways(site) if one.kind == "template"]
    secret = site.runtime.sealer.open(way.secrets)["callback_secret"]
    here = f"{PAGE}/{way.id}"
    assert "?secret=•••" in owner.get(here).text
    shown = html.unescape(owner.post(f"{here}/address").text)
    assert f"/in/gateways/{way.token}?secret={secret}" in shown
    assert secret not in owner.get(here).text
    assert "Looked at a gateway" in html.unescape(owner.get("/stores/1/audit").text)
    assert site.add_member(owner, "marketer").post(f"{here}/address").status == 403


def test_what_cannot_work_is_said_beside_the_form(site: Site) -> None:
    owner = site.set_up()
    answer = owner.post(f"{PAGE}?kind=template", FORM | {"body": "{{ nobody }}"})
    assert answer.status == 422 and "is not known" in answer.text
    answer = owner.post(f"{PAGE}?kind=template", FORM | {"body": '{"a": {{ text }}'})
    assert answer.status == 422 and "no JSON" in answer.text
    assert "geheim-1" not in answer.text


def test_a_secret_stays_when_its_field_is_left_empty(site: Site) -> None:
    owner = site.set_up()
    owner.post(f"{PAGE}?kind=template", FORM)
    (way,) = [one for one in ways(site) if one.kind == "template"]
    before = site.runtime.sealer.open(way.secrets)
    answer = owner.post(f"{PAGE}/{way.id}", FORM | {"key": "", "user": "other"})
    assert answer.status == 303, answer.text
    (way,) = [one for one in ways(site) if one.kind == "template"]
    assert site.runtime.sealer.open(way.secrets) == before and way.settings["user"] == "other"


@pytest.mark.parametrize(
    "kind", sorted(k for k, m in GATEWAYS.items() if getattr(m, "TRANSPORT", "") == "http")
)
def test_no_request_that_is_shown_holds_a_secret(kind: str) -> None:
    """Not as it is, and not as base64 of a login has it."""
    module = GATEWAYS[kind]
    given: dict[str, Any] = {}
    for name, about in module.Settings.model_fields.items():
        if about.annotation is SecretStr:
            given[name] = SecretStr(f"geheim-{name}")
        else:
            given[name] = "x" * 20 if about.is_required() else about.get_default()
    assert "geheim" in repr([v.get_secret_value() for v in given.values() if type(v) is SecretStr])
    settings = operator_requests.hidden(module.Settings.model_construct(**given))
    request = module.request(settings, outgoing())
    shown = repr((request.method, request.url, dict(request.headers), request.body))
    words = re.split(r"[^A-Za-z0-9+/=]", shown)
    shown += repr([unwrapped(word) for word in words if len(word) > 12])
    assert "geheim" not in shown


@pytest.mark.browser
def test_the_pages_look_well(look: Any, site: Site) -> None:
    """R115."""
    site.set_up().post(f"{PAGE}?kind=template", FORM)
    (way,) = [one for one in ways(site) if one.kind == "template"]
    looker: Looker = look(phone=True)
    looker.sign_in()
    for path in (f"{PAGE}/new", f"{PAGE}/new?kind=template", f"{PAGE}/{way.id}"):
        looker.go(path)
        looker.assert_clean()


def test_what_all_operators_have_in_common_is_folded_away() -> None:
    """One's own account is asked for; the pace is good as it is until somebody says otherwise."""
    english = plain_speech("en")
    for kind in (one for one, module in GATEWAYS.items() if hasattr(module, "request")):
        first = [one.name for one in edges.fields(english, kind)[: edges.shown_first(kind)]]
        assert "throughput_per_s" not in first and "keep_packets" not in first, kind
        required = {one.name for one in edges.fields(english, kind) if one.is_required}
        assert required <= set(first), kind


def test_national_letters_are_told_by_the_name_of_their_language() -> None:
    russian = plain_speech("ru")
    (letters,) = [one for one in edges.fields(russian, "smpp") if one.name == "shift"]
    assert dict(letters.options)["tr"] == "Турецкий" and dict(letters.options)[""] == ""


def test_the_form_says_that_our_address_comes_later(site: Site) -> None:
    """Its guide names an address that no form can know before the gateway is there."""
    page = site.set_up().get("/stores/1/connections/gateways/new?kind=kannel").text
    assert "You get our address when you have added it." in page


def test_an_operator_that_nothing_went_over_is_ready_not_connecting_for_ever() -> None:
    """Over HTTP the first text is what connects; an SMPP link does connect until it is bound."""

    def word(kind: str, state: str) -> str:
        way = Gateway(1, 1, kind, "sms", "A", {}, b"", 1, None, None, state, "", None)
        return way_state(plain_speech("en"), way)[0]

    assert word("twilio", "connecting") == "Ready"
    assert word("smpp", "connecting") == "Connecting"
    assert word("twilio", "lost") == "Connection lost"
