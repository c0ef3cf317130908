"""Logs, set up once: a line of text for people or of JSON for machines, on standard error.

Whatever looks like a phone number is masked before it is written, wherever in a record it stands.
"""

import logging
import re
import sys
from typing import Any

import structlog

# Eight digits or more with a plus, as our own records write numbers.
_NUMBER = re.compile(r"\+(\d{3})\d{3,10}(\d{2})(?!\d)")
_QUIET = ("uvicorn.error", "asyncio", "aiosmtplib", "alembic")


def configure(level: str, style: str) -> None:
    """Sets up structlog and the standard library's logging. `style`: text or json."""
    number = logging.getLevelName(level.upper())
    if not isinstance(number, int):
        number = logging.INFO
    last: Any = (
        structlog.processors.JSONRenderer()
        if style == "json"
        else structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(),
            pad_event_to=0,
            exception_formatter=structlog.dev.plain_traceback,  # the others show local variables
        )
    )
    trouble = [structlog.processors.format_exc_info] if style == "json" else []
    shared: list[Any] = [
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        *trouble,
    ]
    structlog.configure(
        processors=[*shared, last, masked],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.PrintLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    meta = structlog.stdlib.ProcessorFormatter.remove_processors_meta
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            processors=[meta, last, masked], foreign_pre_chain=shared
        )
    )
    logging.basicConfig(handlers=[handler], level=max(number, logging.INFO), force=True)
    for name in _QUIET:
        logging.getLogger(name).setLevel(max(number, logging.WARNING))


def masked(_logger: Any, _name: str, line: Any) -> Any:
    """The finished line with every phone number in it masked: +375•••33."""
    return _NUMBER.sub(r"+\1•••\2", line) if isinstance(line, str) else line
