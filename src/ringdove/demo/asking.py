"""What customers said when they were asked how it was: scores of the past, with what lies behind
them, so that reports have something to tell. Deterministic as all of the past.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from ringdove.demo.chance import Chance, Weighed
from ringdove.demo.rows import SHOP_NUMBER, Known, Rows, refusal
from ringdove.rules.surveys import surveys
from ringdove.rules.surveys.surveys import READY

ANSWERS, BY_LINK, SAYS_WHY, AGREES_TO_SHOW = 0.38, 0.3, 0.4, 0.7
WENT_WELL = Weighed({6: 52.0, 5: 27.0, 4: 11.0, 3: 5.0, 2: 3.0, 1: 2.0})
WENT_BADLY = Weighed({6: 9.0, 5: 13.0, 4: 20.0, 3: 24.0, 2: 18.0, 1: 16.0})
STARS = Weighed({5: 58.0, 4: 24.0, 3: 9.0, 2: 5.0, 1: 4.0})
POOR_STARS = Weighed({5: 14.0, 4: 20.0, 3: 26.0, 2: 22.0, 1: 18.0})
POOR_GOODS = 11  # one product in so many pleases less, as the report shows
SLOW_CARRIER = "RU"  # its parcels please less
Said = Mapping[str, Mapping[str, tuple[str, ...]]]
OF_DELIVERY: Said = {
    "en": {
        "": ("Came a day early, thank you!", "Packed with care. I will order again.", "All good."),
        "delivery": ("Waited two days longer than promised.", "The courier did not call."),
        "packing": ("The box was torn.", "Nothing around the cup, a wonder it is whole."),
        "service": ("Nobody answered the phone.", "I had to explain it three times."),
    },
    "ru": {
        "": ("Привезли на день раньше, спасибо!", "Упаковано бережно, закажу ещё.",
             "Всё отлично."),
        "delivery": ("Ждали на два дня дольше обещанного.", "Курьер не позвонил."),
        "packing": ("Коробка порвана.", "Чашка без упаковки, чудо, что цела."),
        "service": ("До вас не дозвониться.", "Пришлось объяснять три раза."),
    },
    "be": {
        "": ("Прывезлі раней, дзякуй!", "Спакавана старанна."),
        "delivery": ("Чакалі даўжэй, чым абяцалі.",),
        "packing": ("Скрынка парвана.",),
        "service": ("Ніхто не адказваў на званок.",),
    },
    "it": {
        "": ("Arrivato prima, grazie!", "Imballato con cura."),
        "delivery": ("Due giorni di ritardo.", "Il corriere non ha suonato."),
        "packing": ("La scatola era rotta.",),
        "service": ("Al telefono non risponde nessuno.",),
    },
    "es": {
        "": ("Llegó antes, gracias.", "Muy bien embalado."),
        "delivery": ("Dos días más tarde de lo prometido.",),
        "packing": ("La caja venía rota.",),
        "service": ("Nadie contesta al teléfono.",),
    },
}  # fmt: skip
OF_GOODS: Said = {
    "en": {
        "": ("Even nicer than in the picture.", "A present for my mother: she loves it.",
             "Feels solid and is easy to clean."),
        "quality": ("The glaze chipped in a week.", "The seam came apart."),
        "description": ("The colour is not the one in the photo.", "Smaller than I thought."),
        "price": ("Nice, but dear for what it is.",),
    },
    "ru": {
        "": ("Красивее, чем на фото.", "Подарила маме, она в восторге.",
             "Добротная, легко мыть."),
        "quality": ("Глазурь откололась через неделю.", "Разошёлся шов."),
        "description": ("Цвет не тот, что на фото.", "Меньше, чем я думала."),
        "price": ("Мило, но дороговато.",),
    },
    "be": {
        "": ("Прыгажэй, чым на фота.", "Падарыла маме, у захапленні."),
        "quality": ("Палiва адкалолася.",),
        "description": ("Колер не той.",),
        "price": ("Дарагавата.",),
    },
    "it": {
        "": ("Più bello che in foto.", "Un regalo per mia madre: felice."),
        "quality": ("Si è scheggiato in una settimana.",),
        "description": ("Il colore è diverso dalla foto.",),
        "price": ("Bello ma caro.",),
    },
    "es": {
        "": ("Más bonito que en la foto.", "Regalo para mi madre: encantada."),
        "quality": ("Se rompió en una semana.",),
        "description": ("El color no es el de la foto.",),
        "price": ("Bonito, pero caro.",),
    },
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Kind:
    """How one of the ready surveys is asked and answered."""

    survey: str
    recipe: str
    after: timedelta
    within: timedelta
    share: float  # of orders that came
    low_until: int
    reasons: Weighed[str]
    said: Said


DELIVERY = Kind(
    "delivery", "survey", timedelta(days=2), timedelta(days=3), 0.7, 3,
    Weighed({"delivery": 5.0, "packing": 3.0, "service": 2.0}), OF_DELIVERY,
)  # fmt: skip
PRODUCT = Kind(
    "product", "review_request", timedelta(days=5), timedelta(days=14), 0.4, 2,
    Weighed({"quality": 4.0, "description": 4.0, "price": 2.0}), OF_GOODS,
)  # fmt: skip


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
        """One order, if its customer gets offers."""
        for kind in (DELIVERY, PRODUCT):
            asked_at = order.at + kind.after
            is_asked = self._chance.happens(kind.share) and asked_at < self.rows.now
            if is_asked and not refusal(who, asked_at):
                self._ask(who, order, kind, asked_at)

    def _ask(self, who: Known, order: Arrived, kind: Kind, asked_at: datetime) -> None:
        answer_id = self.rows.id_at(who.bucket, asked_at)
        survey = READY[kind.survey]
        words = {
            "order.number": order.number, "customer.first_name": who.name.split()[0],
            "survey.link": f"{self.address}/a/{answer_id:x}",
            "survey.question": surveys.question_of(survey, who.language),
            "stop_url": f"{self.address}/x/{who.id:x}",
        }  # fmt: skip
        self.rows.say(
            who, f"recipes.{kind.recipe}.sms", words, asked_at, klass="marketing",
            topic="surveys", cause="automation", recipe=kind.recipe,
            why=f"automation/{kind.recipe}/parcel.moved", order_id=order.order_id,
        )  # fmt: skip
        answered_at = asked_at + self._chance.span(60, kind.within.total_seconds())
        answers = self._chance.happens(ANSWERS) and answered_at < self.rows.now
        self._keep(who, order, kind, answer_id, asked_at, answered_at if answers else None)

    def _keep(
        self, who: Known, order: Arrived, kind: Kind, answer_id: int, asked_at: datetime,
        answered_at: datetime | None,
    ) -> None:  # fmt: skip
        score, reason, comment, way, shown_as = None, "", "", "", ""
        if answered_at:
            score, reason, comment = self._said(who, order, kind)
            by_link = kind is PRODUCT or self._chance.happens(BY_LINK)
            way = "link" if by_link else "reply"
            if comment and kind is PRODUCT and self._chance.happens(AGREES_TO_SHOW):
                shown_as = who.name.split()[0]
            if way == "reply":
                self._text(who, score, comment, answered_at)
        is_decided = bool(shown_as) and answered_at is not None and self._chance.happens(0.85)
        published = ("hidden" if self._chance.happens(0.06) else "shown") if is_decided else ""
        self.rows.put(
            "survey_answer", who.bucket, answer_id, who.id, kind.survey, asked_at,
            READY[kind.survey].until(asked_at), order.order_id,
            order.sku if kind is PRODUCT else "", order.carrier, order.pickup_point, who.language,
            answered_at, way, score, reason, comment, json.dumps({}), bool(shown_as), shown_as,
            published, answered_at + timedelta(hours=20) if published and answered_at else None,
            "page/Demo" if published else "",
        )  # fmt: skip

    def _said(self, who: Known, order: Arrived, kind: Kind) -> tuple[int, str, str]:
        if kind is PRODUCT:
            is_poor = int(order.sku[-2:], 36) % POOR_GOODS == 0
            score = self._chance.weighed(POOR_STARS if is_poor else STARS)
        else:
            is_slow = who.country == SLOW_CARRIER and self._chance.happens(0.5)
            went_well = order.went_well and not is_slow
            score = self._chance.weighed(WENT_WELL if went_well else WENT_BADLY)
        reason = self._chance.weighed(kind.reasons) if score <= kind.low_until else ""
        comment = ""
        if self._chance.happens(SAYS_WHY):
            comment = self._chance.one_of(kind.said[who.language][reason])
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
