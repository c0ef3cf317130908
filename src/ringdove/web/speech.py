"""How the pages speak: a person's language, the store's clock, dates, numbers and money.

One `Speech` belongs to one request. Templates reach it through the filters `when`, `day`, `clock`,
`money`, `number`, `phone`. Viewers see phone numbers masked; that is decided here, in one place.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from babel import Locale, dates, numbers
from babel.support import NullTranslations
from markupsafe import Markup
from starlette.requests import Request

from ringdove.kit import i18n
from ringdove.rules.people import phones

LANGUAGE_COOKIE = "ringdove_language"
AS_DAYS_AFTER = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Speech:
    """A language, a time zone and a moment."""

    language: str
    zone: ZoneInfo
    now: datetime
    masked: bool = False
    country: str = ""
    own: Mapping[str, str] = field(default_factory=dict, compare=False)  # automations by key

    @property
    def _texts(self) -> NullTranslations:
        return i18n.catalogue(self.language)

    def gettext(self, text: str, **values: Any) -> str:
        """A text of the pages in this language, with its values."""
        said = self._texts.gettext(text)
        return said % values if values else said

    def ngettext(self, one: str, many: str, n: int, **values: Any) -> str:
        """A text that counts; the languages decide how many forms that needs."""
        return self._texts.ngettext(one, many, n) % ({"num": self.number(n), "n": n} | values)

    @property
    def locale(self) -> Locale:
        """Babel's name for the language; English dates are written day first."""
        return Locale.parse("en_GB" if self.language == "en" else self.language)

    def when(self, at: datetime | None) -> Markup:
        """How long ago, with the exact local time on the pointer and for machines."""
        if at is None:
            return Markup("")
        return Markup('<time datetime="{}" title="{}">{}</time>').format(
            at.astimezone(UTC).isoformat(timespec="seconds"), self.exact(at), self.ago(at)
        )

    def ago(self, at: datetime) -> str:
        """ "5 minutes ago"; past a week the day itself."""
        if abs(self.now - at) > AS_DAYS_AFTER:
            return self.day(at)
        if abs(self.now - at) < timedelta(seconds=10):
            return self.gettext("just now")
        return dates.format_timedelta(at - self.now, add_direction=True, locale=self.locale)

    def exact(self, at: datetime) -> str:
        """Day and time in the store's zone."""
        return dates.format_datetime(at, "d MMM y, HH:mm:ss", tzinfo=self.zone, locale=self.locale)

    def day(self, at: datetime | date | None) -> str:
        """The day, with its year only when it is not this one."""
        if at is None:
            return ""
        if isinstance(at, datetime):
            at = at.astimezone(self.zone).date()
        form = "d MMMM" if at.year == self.now.astimezone(self.zone).year else "d MMMM y"
        return dates.format_date(at, form, locale=self.locale)

    def clock(self, at: datetime | None) -> str:
        """Hours and minutes in the store's zone."""
        if at is None:
            return ""
        return dates.format_time(at, "HH:mm", tzinfo=self.zone, locale=self.locale)

    def clock_ms(self, at: datetime) -> str:
        """The clock to the thousandth of a second, in the store's zone: for packets."""
        return at.astimezone(self.zone).strftime("%H:%M:%S.%f")[:-3]

    def money(self, amount: Decimal | None, currency: str) -> str:
        """An amount with its currency, as this language writes it."""
        if amount is None:
            return ""
        if not currency:
            return numbers.format_decimal(amount, "#,##0.00", locale=self.locale)
        return numbers.format_currency(amount, currency, locale=self.locale)

    def price(self, amount: Decimal | None, currency: str) -> str:
        """A small amount with all its digits: €0.0125."""
        if amount is None:
            return ""
        return numbers.format_currency(
            amount, currency, locale=self.locale, decimal_quantization=False
        )

    def number(self, value: int | float | Decimal) -> str:
        """A number with the separators of this language."""
        return numbers.format_decimal(value, locale=self.locale)

    def percent(self, share: float) -> str:
        """A share of one as per cent; below ten of them to the tenth, so that few are not none."""
        form = "#,##0.# %" if abs(share) < 0.1 else "#,##0 %"
        return numbers.format_percent(share, form, locale=self.locale)

    def phone(self, phone: str | None) -> str:
        """A number as people write it; masked for those who only look on."""
        if not phone:
            return ""
        return phones.mask(phone) if self.masked else phones.pretty(phone)

    def at_store(
        self, zone: str, country: str, masked: bool, own: Mapping[str, str] | None = None
    ) -> "Speech":
        """The same voice by the clock of a store, which knows what the store calls its own."""
        return replace(
            self, zone=ZoneInfo(zone), country=country, masked=masked, own=own or self.own
        )


def choose_language(request: Request, own: str | None = None) -> str:
    """The person's own language; before sign-in what they picked, or what the browser asks for."""
    offered = i18n.languages()
    for asked in (own, request.cookies.get(LANGUAGE_COOKIE)):
        if asked in offered:
            return asked
    return i18n.best_language(request.headers.get("accept-language", "")[:500], offered)


def plain_speech(language: str, now: datetime | None = None) -> Speech:
    """A voice before any store is known."""
    return Speech(language, ZoneInfo("UTC"), now or datetime.now(UTC))
