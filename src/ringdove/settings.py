"""Every knob once: name, type, default, one line of help. Read from the environment, frozen.

`RINGDOVE_DATABASE_URL` sets `database_url`, and so on. `ringdove doctor` and docs/settings.md are
made from the same lines. Nothing else in the program reads the environment.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any


class SettingWrong(ValueError):
    """A value in the environment that cannot be read; the text says which and what to do."""


def _knob(default: Any, help_text: str) -> Any:
    return field(default=default, metadata={"help": help_text})


def _home() -> Path:
    if os.geteuid() == 0:  # the embedded server runs as another user, who may not enter /root
        return Path("/var/lib/ringdove")
    base = os.environ.get("XDG_DATA_HOME") or str(Path.home() / ".local" / "share")
    return Path(base) / "ringdove"


@dataclass(frozen=True, slots=True)
class Settings:
    """How this installation runs. Merchants' settings live in the database, not here."""

    home: Path = field(
        default_factory=_home,
        metadata={"help": "Folder for the embedded database and the secrets key."},
    )
    database_url: str = _knob(
        "", "PostgreSQL server, postgresql://user:password@host/name. Empty: the embedded one."
    )
    database_connections_max: int = _knob(10, "Connections that one process keeps at most.")
    listen_host: str = _knob("127.0.0.1", "Address that the page and the doors listen on.")
    listen_port: int = _knob(8000, "Port that the page and the doors listen on.")
    public_url: str = _knob(
        "", "Address under which shops and phones reach this server; signatures depend on it."
    )
    trusted_proxies: str = _knob("127.0.0.1", "Proxies whose X-Forwarded-* headers are believed.")
    sandbox_port: int = _knob(27750, "Local port of the sandbox SMSC with its virtual phones.")
    sandbox: bool = _knob(True, "Run the sandbox SMSC beside the workers.")
    secrets_key: str = _knob("", "Fernet keys, newest first, by comma. Empty: the key file.")
    signup_open: bool = _knob(False, "Whether anybody may make a new store once an owner exists.")
    fact_body_bytes_max: int = _knob(1_000_000, "Largest webhook or API body that is taken.")
    reroute_after_s: float = _knob(
        60.0, "A gateway that is not connected for so long: its texts go over the next one."
    )
    campaign_page: int = _knob(5_000, "People of a campaign that are written at once.")
    idle_poll_s: float = _knob(5.0, "How long an idle worker sleeps when no notice wakes it.")
    sign_in_hint: str = _knob("", "A line that the sign-in page shows; the demo names its account.")
    log_level: str = _knob("info", "debug, info, warning or error.")
    log_format: str = _knob("text", "text for people, json for machines.")

    @property
    def key_file(self) -> Path:
        """Where the secrets key lies when it is not in the environment."""
        return self.home / "secrets.key"

    @property
    def outside_url(self) -> str:
        """The address that shops are told, without a slash at the end."""
        return (self.public_url or f"http://{self.listen_host}:{self.listen_port}").rstrip("/")


def read_settings(environ: Mapping[str, str] | None = None) -> Settings:
    """The settings of this process. Raises SettingWrong, naming the variable."""
    given = os.environ if environ is None else environ
    values: dict[str, Any] = {}
    for knob in fields(Settings):
        name = "RINGDOVE_" + knob.name.upper()
        if name in given:
            values[knob.name] = _read(name, given[name], knob.type)
    return Settings(**values)


def _read(name: str, text: str, kind: Any) -> Any:
    try:
        if kind in (bool, "bool"):
            return {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}[
                text.strip().lower()
            ]
        return kind(text)
    except (ValueError, KeyError):
        raise SettingWrong(
            f"{name}={text!r} cannot be read as {kind.__name__}: correct it."
        ) from None


def manual() -> str:
    """docs/settings.md: every knob with its variable, default and meaning."""
    lines = [
        "# Settings",
        "",
        "Read from the environment when a process starts. `ringdove settings` prints this page.",
        "",
        "| Variable | Default | Meaning |",
        "| --- | --- | --- |",
    ]
    for knob in fields(Settings):
        default = "`$XDG_DATA_HOME/ringdove`" if knob.name == "home" else _shown(knob.default)
        lines.append(f"| `RINGDOVE_{knob.name.upper()}` | {default} | {knob.metadata['help']} |")
    return "\n".join(lines) + "\n"


def _shown(default: Any) -> str:
    return "" if default == "" else f"`{str(default).lower()}`"
