"""Reads forms: what was typed, what it means, and what is wrong with it in the reader's words.

A model says what a form holds; its own errors are PydanticCustomError whose message is an English
text of the pages. What was typed is kept, so that nobody types anything twice; passwords are not.
"""

from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request

from ringdove.web.menu import N_
from ringdove.web.speech import Speech

FORM_BYTES_MAX = 200_000
FORM_FIELDS_MAX = 500

T = TypeVar("T", bound="Filled")

WRONG = {
    "missing": N_("Please fill this in."),
    "string_too_short": N_("Please fill this in."),
    "string_too_long": N_("This is too long."),
    "string_pattern_mismatch": N_("This does not look right."),
    "literal_error": N_("Choose one of the list."),
    "int_parsing": N_("A whole number, please."),
    "time_parsing": N_("A time like 21:00, please."),
    "time_type": N_("A time like 21:00, please."),
    "too_short": N_("Choose at least one."),
}
TOO_SHORT = N_("This is too short.")
WRONG_SOMEHOW = N_("This does not look right.")


class Filled(BaseModel):
    """Base of what a form holds once it is right."""

    model_config = ConfigDict(str_strip_whitespace=True, extra="ignore", frozen=True)


@dataclass(slots=True)
class Form(Generic[T]):
    """A form on its way: typed values, errors by field ("" for the whole), and its meaning."""

    values: dict[str, Any] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)
    filled: T | None = None

    def refuse(self, name: str, why: str) -> "Form[T]":
        """Not this way: the form is shown again with the reason beside its field."""
        self.errors[name] = why
        self.filled = None
        return self


async def read_form(request: Request, model: type[T], say: Speech) -> Form[T]:
    """The form that came with a request."""
    if int(request.headers.get("content-length") or FORM_BYTES_MAX + 1) > FORM_BYTES_MAX:
        raise HTTPException(413)
    given = await request.form(max_files=0, max_fields=FORM_FIELDS_MAX)
    values: dict[str, Any] = {}
    for name, about in model.model_fields.items():
        is_list = getattr(about.annotation, "__origin__", None) in (list, tuple)
        if is_list:
            values[name] = [_storable(one) for one in given.getlist(name)]
        elif name in given:
            values[name] = _storable(given[name])
    return understand(values, model, say)


def _storable(value: Any) -> Any:
    """PostgreSQL keeps no NUL; browsers send two signs for the end of a line, phones want one."""
    return value.replace("\x00", "").replace("\r\n", "\n") if isinstance(value, str) else value


def understand(values: dict[str, Any], model: type[T], say: Speech) -> Form[T]:
    """What typed values mean, or what is wrong with them."""
    shown = {name: value for name, value in values.items() if "password" not in name}
    try:
        return Form(shown, {}, model.model_validate(values))
    except ValidationError as error:
        errors: dict[str, str] = {}
        for one in error.errors():
            name = str(one["loc"][0]) if one["loc"] else ""
            errors.setdefault(name, say.gettext(_text_of(dict(one))))
        return Form(shown, errors)


def _text_of(error: dict[str, Any]) -> str:
    if error["type"].startswith("said."):
        return str(error["msg"])
    if error["type"] == "string_too_short" and str(error.get("input", "")).strip():
        return TOO_SHORT
    return WRONG.get(error["type"], WRONG_SOMEHOW)
