"""What a new password must be: long enough, not the same sign again, not the address itself."""

from typing import Annotated

from pydantic import Field, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from ringdove.web.forms import Filled
from ringdove.web.menu import N_

PASSWORD_SIGNS_MIN = 10
PASSWORD_SIGNS_MAX = 200
DIFFERENT_SIGNS_MIN = 5
TOO_SHORT = N_("At least 10 characters, please: a short sentence makes a good password.")
TOO_PLAIN = N_("Too easy to guess: use more different characters.")
OWN_NAME = N_("Too easy to guess: not your own name or e-mail.")


class NewPassword(Filled):
    """Base of every form that sets a password. What must not be it stands before it."""

    email: Annotated[str, Field(max_length=254)] = ""
    name: Annotated[str, Field(max_length=120)] = ""
    password: Annotated[str, Field(max_length=PASSWORD_SIGNS_MAX)]

    @field_validator("password")
    @classmethod
    def _is_strong(cls, password: str, info: ValidationInfo) -> str:
        why = weakness(password, info.data.get("name", ""), info.data.get("email", ""))
        if why:
            raise PydanticCustomError("said.weak_password", why)
        return password


def weakness(password: str, *known: str) -> str:
    """Why a password will not do, or nothing."""
    if len(password) < PASSWORD_SIGNS_MIN:
        return TOO_SHORT
    if len(set(password.lower())) < DIFFERENT_SIGNS_MIN:
        return TOO_PLAIN
    bare = password.lower().strip("0123456789!.")
    if any(bare in (word.lower(), word.partition("@")[0].lower()) for word in known if word):
        return OWN_NAME
    return ""
