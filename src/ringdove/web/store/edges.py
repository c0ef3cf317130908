"""Forms of shops and gateways, drawn from the Settings model in the plug-in's own file.

A secret that is typed is sealed at once and never shown again; an empty field leaves it as it is.
Titles and hints are English texts of the plug-ins; `extract` hands them to the translators.
"""

import types
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, SecretStr, ValidationError
from pydantic.fields import FieldInfo
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from ringdove.gateways import edge as operators
from ringdove.kit.crypto import new_token
from ringdove.runtime import GATEWAYS, STORES
from ringdove.stores import edge
from ringdove.web.forms import FORM_BYTES_MAX, FORM_FIELDS_MAX, WRONG, WRONG_SOMEHOW, Form
from ringdove.web.menu import N_
from ringdove.web.speech import Speech
from ringdove.web.store import places
from ringdove.web.views import StorePage

SHOWN_FIRST = 7  # a plug-in's file names first what everybody fills in; the rest is folded away
NAME_CHARS_MAX = 80
TITLES = {"sandbox": N_("Sandbox")}
HELPS = {
    "sandbox": N_(
        "Virtual phones instead of real ones: texts appear on the page Virtual phones and cost"
        " nothing."
    )
}
WITHOUT_SETTINGS = ("sandbox",)  # our own: there is nothing to know about it


@dataclass(frozen=True, slots=True)
class Field:
    """One line of a form."""

    name: str
    title: str
    hint: str
    kind: str  # text, number, password, select, switch, lines
    is_required: bool
    options: tuple[tuple[str, str], ...] = ()
    more: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Kept:
    """Settings as they are kept: what owners read, and what is sealed."""

    name: str
    plain: dict[str, Any]
    secrets: dict[str, Any]


def title(say: Speech, kind: str) -> str:
    """What a kind of shop or gateway is called."""
    module = {**STORES, **GATEWAYS}.get(kind)
    return say.gettext(TITLES.get(kind) or (module.TITLE if module else kind))


def help_text(say: Speech, kind: str) -> str:
    """What it is for, in a sentence."""
    return say.gettext(HELPS.get(kind) or {**STORES, **GATEWAYS}[kind].HELP)


def callbacks(say: Speech, kind: str) -> str:
    """What is to be entered at an operator so that receipts and texts come; "": nothing."""
    words = getattr(GATEWAYS.get(kind), "CALLBACKS", "")
    return say.gettext(words) if words else ""


def model_of(kind: str) -> type[BaseModel] | None:
    """Its settings; None: there are none to fill in."""
    if kind in WITHOUT_SETTINGS:
        return None
    model: type[BaseModel] = {**STORES, **GATEWAYS}[kind].Settings
    return model


def secret_names(model: type[BaseModel]) -> frozenset[str]:
    """The fields that are sealed."""
    typed = {name for name, one in model.model_fields.items() if one.annotation is SecretStr}
    return edge.secret_names(model) | typed


def fields(say: Speech, kind: str, kept: frozenset[str] = frozenset()) -> list[Field]:
    """The form's lines; `kept` are secrets that are there already."""
    model = model_of(kind)
    if model is None:
        return []
    secret = secret_names(model)
    return [
        _field(say, name, about, name in secret, name in kept) for name, about in _in_order(model)
    ]


def shown_first(kind: str) -> int:
    """How many lines of its form are not folded away: the pace and the patience that all operators
    over HTTP have in common are good as they are."""
    model = model_of(kind)
    if model is None or not issubclass(model, operators.Settings):
        return SHOWN_FIRST
    return min(SHOWN_FIRST, len(model.model_fields.keys() - _shared()))


def _shared() -> set[str]:
    return set(operators.Settings.model_fields) - {"sender"}


def _in_order(model: type[BaseModel]) -> list[tuple[str, FieldInfo]]:
    """What all operators over HTTP have in common comes last, but for the sender: one's own account
    is asked for first."""
    own = model.model_fields.items()
    if not issubclass(model, operators.Settings):
        return list(own)
    shared = _shared()
    return sorted(own, key=lambda field: field[0] in shared)


def _field(say: Speech, name: str, about: FieldInfo, is_secret: bool, is_kept: bool) -> Field:
    annotation, more = about.annotation, dict[str, Any]()
    options: tuple[tuple[str, str], ...] = ()
    if get_origin(annotation) in (Union, types.UnionType):
        annotation = next(one for one in get_args(annotation) if one is not type(None))
    kind = "text"
    if is_secret:
        kind, more = "password", {"autocomplete": "new-password"}
    elif annotation is bool:
        kind = "switch"
    elif annotation in (int, float):
        kind, more = "number", {"step": "any" if annotation is float else "1"}
    elif get_origin(annotation) is Literal:
        kind = "select"
        options = tuple((one, _option(say, name, one)) for one in get_args(annotation))
    elif get_origin(annotation) in (tuple, dict) or _is_long(about):
        kind = "lines"
    hint = say.gettext(about.description) if about.description else ""
    more_hint = ""
    if is_kept:
        more_hint = say.gettext("It is there: leave this empty to keep it.")
    elif _is_generated(about):
        more_hint = say.gettext("Empty: a good one is made and shown once.")
        if name == "callback_secret":  # its gateway's page shows it again, in our address
            more_hint = say.gettext("Empty: a good one is made.")
    hint = f"{hint} {more_hint}".strip()
    is_required = about.is_required() and not is_kept
    return Field(name, say.gettext(about.title or name), hint, kind, is_required, options, more)


def _option(say: Speech, name: str, value: str) -> str:
    """National letters by the language's name; other words as the operators' papers have them."""
    return places.language_name(value, say.language) if name == "shift" and value else value


def _is_generated(about: FieldInfo) -> bool:
    extra = about.json_schema_extra
    return isinstance(extra, dict) and bool(extra.get("generate"))


def _is_long(about: FieldInfo) -> bool:
    extra = about.json_schema_extra
    return isinstance(extra, dict) and bool(extra.get("lines"))


def typed(kind: str, name: str, plain: Mapping[str, Any]) -> Form[Any]:
    """The form as it stands: kept values, else the plug-in's own defaults."""
    model, values = model_of(kind), {"name": name}
    for field, about in model.model_fields.items() if model else ():
        if model and field not in secret_names(model):
            default = None if about.is_required() else about.get_default(call_default_factory=True)
            values[field] = _shown(plain.get(field, default))
    return Form(values)


def _shown(value: Any) -> Any:
    if isinstance(value, Mapping):
        return "\n".join(f"{key} = {meaning}" for key, meaning in value.items())
    if isinstance(value, (list, tuple)):
        return "\n".join(map(str, value))
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return "" if value is None else value


async def read(
    request: Request, kind: str, say: Speech, kept: Mapping[str, Any]
) -> tuple[Form[Any], Kept | None, dict[str, str]]:
    """The form, what it means (None: something is wrong), and secrets that were made for it."""
    if int(request.headers.get("content-length") or FORM_BYTES_MAX + 1) > FORM_BYTES_MAX:
        raise HTTPException(413)
    given = await request.form(max_files=0, max_fields=FORM_FIELDS_MAX)
    name = str(given.get("name", "")).replace("\0", "").strip()
    form: Form[Any] = Form({"name": name})
    if not 0 < len(name) <= NAME_CHARS_MAX:
        why = "string_too_long" if name else "missing"
        form.refuse("name", say.gettext(WRONG[why]))
    model, made = model_of(kind), dict[str, str]()
    if model is None:
        return form, None if form.errors else Kept(name, {}, {}), made
    secret, told = secret_names(model), dict[str, Any]()
    for field, about in model.model_fields.items():
        words = str(given.get(field, "")).replace("\0", "").strip()
        if about.annotation is bool:
            told[field] = form.values[field] = field in given
            continue
        if field in secret:
            if not words and not kept.get(field) and _is_generated(about):
                words = made[field] = new_token()
            words = words or str(kept.get(field, ""))
        else:
            form.values[field] = words
        if words:
            told[field] = words
    try:
        settings = model.model_validate(told)
    except ValidationError as error:
        for one in error.errors():
            field = str(one["loc"][0]) if one["loc"] else ""
            form.errors.setdefault(field, _wrong(say, dict(one)))
        return form, None, made
    if form.errors:
        return form, None, made
    plain = settings.model_dump(mode="json", exclude_defaults=True, exclude=set(secret))
    sealed = {field: told[field] for field in secret if field in told}
    return form, Kept(name, plain, sealed), made


def _wrong(say: Speech, error: dict[str, Any]) -> str:
    limits = error.get("ctx") or {}
    if least := limits.get("ge", limits.get("gt")):
        return say.gettext("At least %(least)s, please.", least=least)
    if most := limits.get("le"):
        return say.gettext("At most %(most)s, please.", most=most)
    if error["type"] == "value_error":
        return say.gettext(_sentence(str(error["msg"]).removeprefix("Value error, ")))
    return say.gettext(WRONG.get(error["type"], WRONG_SOMEHOW))


def _sentence(words: str) -> str:
    return words[:1].upper() + words[1:] + "."


def extract(
    source: Any, keywords: Any, comments: Any, options: Any
) -> Iterator[tuple[int, str, str, list[str]]]:
    """For Babel: the texts of the plug-ins' own files (locales/extract.cfg)."""
    yield 1, "gettext", _sentence(operators.SENDER_WRONG), []
    for module in {**STORES, **GATEWAYS}.values():
        yield 1, "gettext", module.TITLE, []
        for words in getattr(module, "WRONGS", ()):
            yield 1, "gettext", _sentence(words), []
        yield 1, "gettext", module.HELP, []
        if callbacks := getattr(module, "CALLBACKS", ""):
            yield 1, "gettext", callbacks, []
        for about in module.Settings.model_fields.values():
            for text in (about.title, about.description):
                if text:
                    yield 1, "gettext", text, []
        for step in module.steps("%(url)s") if hasattr(module, "steps") else ():
            yield 1, "gettext", step, []


def choice(
    page: StorePage,
    what: str,
    catalogue: Mapping[str, types.ModuleType],
    kind: str,
    refused: Form[Any] | None = None,
    taken: Collection[str] = (),
) -> Response:
    """Which kind of shop or gateway (`what`), then its form; again with what was wrong in it.
    `taken`: names that others have."""
    if kind and kind not in catalogue:
        raise HTTPException(404)
    say = page.say
    kinds = [(one, title(say, one), help_text(say, one)) for one in catalogue]
    fresh: Form[Any] = typed(kind, free_name(title(say, kind), taken), {}) if kind else Form()
    return page.render(
        "store/connection_new.html",
        422 if refused else 200,
        what=what,
        kind=kind,
        kinds=kinds,
        groups=_grouped(say, kinds) if what == "gateways" else [("", kinds)],
        callbacks=callbacks(say, kind),
        form=refused or fresh,
        fields=fields(say, kind) if kind else [],
        shown_first=shown_first(kind) if kind else SHOWN_FIRST,
    )


def free_name(name: str, taken: Collection[str]) -> str:
    """Twilio, then Twilio 2: two of a name could not be told apart on any page."""
    numbered = (name if n == 1 else f"{name} {n}" for n in range(1, len(taken) + 2))
    return next(one for one in numbered if one not in taken)


def _grouped(
    say: Speech, kinds: list[tuple[str, str, str]]
) -> list[tuple[str, list[tuple[str, str, str]]]]:
    """Gateways by how they speak; operators by name, the one that is described by a form last."""
    headings = {
        "trial": say.gettext("To try it out"),
        "smpp": say.gettext("Directly, over SMPP"),
        "http": say.gettext("Operators, over their web address"),
        "email": say.gettext("E-mail"),
    }
    groups: dict[str, list[tuple[str, str, str]]] = {name: [] for name in headings}
    for one in kinds:
        module = GATEWAYS[one[0]]
        name = getattr(module, "CHANNEL", "sms")
        if one[0] in WITHOUT_SETTINGS:
            name = "trial"
        elif name != "email":
            name = "http" if getattr(module, "TRANSPORT", "") == "http" else "smpp"
        groups[name].append(one)
    groups["http"].sort(key=lambda one: (one[0] == "template", one[1].casefold()))
    return [(headings[name], some) for name, some in groups.items() if some]
