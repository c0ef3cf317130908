"""What the lists of the editor hold: pairs of a value and its words, in the reader's language."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ringdove.rules.people.own_fields import OwnField
from ringdove.web.automations import fact_words, recipe_words
from ringdove.web.automations.step_words import Named
from ringdove.web.speech import Speech

Options = list[tuple[object, str]]


@dataclass(frozen=True, slots=True)
class Offered:
    """All lists of a page."""

    say: Speech
    named: Named

    def of(self, table: Mapping[str, str]) -> Options:
        """A table of words."""
        return [(key, self.say.gettext(text)) for key, text in table.items()]

    def facts(self, chosen: Sequence[str] = ()) -> Options:
        """Facts that end a wait or a run; those in one state where one was chosen or is usual."""
        both = {**fact_words.FACTS, **fact_words.STATES}
        offered: Options = [(kind, self.say.gettext(said[1])) for kind, said in both.items()]
        return offered + [(kind, kind) for kind in chosen if kind not in both]

    def states(self, kind: str) -> Options:
        """The states of a fact."""
        return [
            (one, self.say.gettext(fact_words.STATES[f"{kind}/{one}"][0]))
            for one in fact_words.states_of(kind)
        ]

    def only(self, kind: str) -> Options:
        """What else can be asked of a fact; of one that is not known yet, all of it."""
        keys = fact_words.ONLY_OF.get(kind, tuple(fact_words.ONLY))
        return [(key, self.say.gettext(fact_words.ONLY[key])) for key in keys]

    def triggers(self, chosen: str = "") -> list[tuple[str, Options]]:
        """What may begin an automation, by groups; what a program chose stays chosen."""
        _ = self.say.gettext
        heard: Options = [
            (f"fact:{key}", _(said[0]))
            for key, said in fact_words.FACTS.items()
            if key not in fact_words.ONLY_ENDS or f"fact:{key}" == chosen
        ]
        if chosen.startswith("fact:") and chosen not in dict(heard):
            heard.append((chosen, chosen.removeprefix("fact:")))
        return [
            (_("When it happens"), heard),
            (_("When its time comes"), self.of(fact_words.OTHERS)),
        ]

    def weekdays(self) -> Options:
        """Monday first."""
        return list(enumerate(fact_words.weekdays(self.say)))

    def offers(self) -> Options:
        """The store's offers."""
        known = self.named.names.offers.items()
        return [(0, self.say.gettext("None")), *known]

    def surveys(self, chosen: str = "") -> Options:
        """The store's surveys; one that is no more stays chosen."""
        known = dict(self.named.surveys)
        if chosen:
            known.setdefault(chosen, chosen)
        return [("", self.say.gettext("None")), *known.items()]

    def members(self) -> Options:
        """Who can have a task."""
        return [(0, self.say.gettext("whoever")), *self.named.members.items()]

    def fields(self, kind: str = "", chosen: str = "") -> Options:
        """The store's own fields, of a kind or of all."""
        used: list[OwnField] = [
            one
            for one in self.named.names.fields.values()
            if (not one.is_retired and kind in ("", one.kind)) or one.key == chosen
        ]
        return [("", self.say.gettext("None")), *((one.key, one.title) for one in used)]

    def topics(self, chosen: str = "") -> Options:
        """The store's topics, and the one that the automation has."""
        known = dict(self.named.names.topics)
        if chosen not in known:
            known = {chosen: recipe_words.topic(self.say, known, chosen), **known}
        return list(known.items())
