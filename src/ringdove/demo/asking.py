"""What customers said when they were asked how it was: scores of the past, with what lies behind
them, so that reports have something to tell. Deterministic as all of the past.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from ringdove.demo.chance import Chance, Weighed
from ringdove.demo.rows import SHOP_NUMBER, Known, Rows, refusal

SURVEY = "delivery"
ASKED_AFTER = timedelta(days=2)
ANSWERED_WITHIN = timedelta(days=3)
ANSWERS, BY_LINK, SAYS_WHY, AGREES_TO_SHOW = 0.38, 0.3, 0.4, 0.6
WENT_WELL = Weighed({6: 52.0, 5: 27.0, 4: 11.0, 3: 5.0, 2: 3.0, 1: 2.0})
WENT_BADLY = Weighed({6: 9.0, 5: 13.0, 4: 20.0, 3: 24.0, 2: 18.0, 1: 16.0})
SLOW_CARRIER = "RU"  # its parcels please less, as the report shows
LOW = 3
REASONS = Weighed({"delivery": 5.0, "offer": 3.0, "service": 2.0})
SAID: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "en": {
        "": ("Lovely mug, even nicer than in the picture.", "Came a day early, thank you!",
             "Packed with care. I will order again.", "All good."),
        "delivery": ("Waited two days longer than promised.", "The courier did not call."),
        "offer": ("The colour is not the one in the photo.", "Smaller than I thought."),
        "service": ("Nobody answered the phone.", "I had to explain it three times."),
    },
    "ru": {
        "": ("Кружка чудесная, лучше, чем на фото.", "Привезли на день раньше, спасибо!",
             "Упаковано бережно, закажу ещё.", "Всё отлично."),
        "delivery": ("Ждали на два дня дольше обещанного.", "Курьер не позвонил."),
        "offer": ("Цвет не тот, что на фото.", "Меньше, чем я думала."),
        "service": ("До вас не дозвониться.", "Пришлось объяснять три раза."),
    },
    "be": {
        "": ("Кубак цудоўны, лепшы, чым на фота.", "Прывезлі раней, дзякуй!"),
        "delivery": ("Чакалі даўжэй, чым абяцалі.",),
        "offer": ("Колер не той.",),
        "service": ("Ніхто не адказваў на званок.",),
    },
    "it": {
        "": ("La tazza è splendida, meglio che in foto.", "Arrivato prima, grazie!"),
        "delivery": ("Due giorni di ritardo.", "Il corriere non ha suonato."),
        "offer": ("Il colore è diverso dalla foto.",),
        "service": ("Al telefono non risponde nessuno.",),
    },
    "es": {
        "": ("La taza es preciosa, mejor que en la foto.", "Llegó antes, gracias."),
        "delivery": ("Dos días más tarde de lo prometido.",),
        "offer": ("El color no es el de la foto.",),
        "service": ("Nadie contesta al teléfono.",),
    },
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Arrived:
    """An order that came, as far as a survey about it asks."""

    order_id: int
    number: str
    at: datetime
    carrier: str
    pickup_point: str
    sku: str
    went_well: bool


@dataclass
class Asking:
    """Tells askings and answers into rows."""

    rows: Rows
    address: str
    _chance: Chance = field(default_factory=lambda: Chance("asking"))

    def about(self, who: Known, order: Arrived) -> None:
        """One order, if its customer gets offers and its time has come."""
        asked_at = order.at + ASKED_AFTER
        if asked_at >= self.rows.now or refusal(who, asked_at):
            return
        answer_id = self.rows.id_at(who.bucket, asked_at)
        words = {
            "order.number": order.number, "customer.first_name": who.name.split()[0],
            "survey.link": f"{self.address}/a/{answer_id:x}", "survey.low": "1",
            "survey.high": "6", "stop_url": f"{self.address}/x/{who.id:x}",
        }  # fmt: skip
        self.rows.say(
            who, "recipes.survey.sms", words, asked_at, klass="marketing", topic="surveys",
            cause="automation", recipe="survey", why="automation/survey/parcel.moved",
            order_id=order.order_id,
        )  # fmt: skip
        answered_at = asked_at + self._chance.span(60, ANSWERED_WITHIN.total_seconds())
        answers = self._chance.happens(ANSWERS) and answered_at < self.rows.now
        self._keep(who, order, answer_id, asked_at, answered_at if answers else None)

    def _keep(
        self, who: Known, order: Arrived, answer_id: int, asked_at: datetime,
        answered_at: datetime | None,
    ) -> None:  # fmt: skip
        score, reason, comment, way, shown_as = None, "", "", "", ""
        if answered_at:
            score, reason, comment = self._said(who, order)
            way = "link" if self._chance.happens(BY_LINK) else "reply"
            if comment and way == "link" and self._chance.happens(AGREES_TO_SHOW):
                shown_as = who.name.split()[0]
            if way == "reply":
                self._text(who, score, comment, answered_at)
        is_decided = bool(shown_as) and answered_at is not None and self._chance.happens(0.8)
        published = ("shown" if (score or 0) >= 1 else "hidden") if is_decided else ""
        self.rows.put(
            "survey_answer", who.bucket, answer_id, who.id, SURVEY, asked_at,
            asked_at + timedelta(days=7), order.order_id, order.sku, order.carrier,
            order.pickup_point, who.language, answered_at, way, score, reason, comment,
            json.dumps({}), bool(shown_as), shown_as, published,
            answered_at + timedelta(hours=20) if published and answered_at else None,
            "page/Demo" if published else "",
        )  # fmt: skip

    def _said(self, who: Known, order: Arrived) -> tuple[int, str, str]:
        went_well = order.went_well and not (
            who.country == SLOW_CARRIER and self._chance.happens(0.5)
        )
        score = self._chance.weighed(WENT_WELL if went_well else WENT_BADLY)
        reason = self._chance.weighed(REASONS) if score <= LOW else ""
        comment = ""
        if self._chance.happens(SAYS_WHY):
            comment = self._chance.one_of(SAID[who.language][reason if score <= LOW else ""])
        return score, reason, comment

    def _text(self, who: Known, score: int, comment: str, at: datetime) -> None:
        body = f"{score}, {comment}" if comment else str(score)
        who.seen(at)
        self.rows.put(
            "inbound", who.bucket, self.rows.id_at(who.bucket, at), who.id, self.rows.sms_gateway,
            who.phone, SHOP_NUMBER, body, at, "rating", str(score), "survey",
        )  # fmt: skip
        self.rows.count(at, "inbound")
        self.rows.count(at, "inbound/rating")
        if at >= self.rows.shown_since:
            self.rows.show(who.phone or "", "from_phone", body, at)
