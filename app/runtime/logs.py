"""Log format: the server's lines and those of its libraries go through one formatter."""

from __future__ import annotations

import logging
import sys
from typing import Any

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from app.settings import LogFormat, Settings

_RENDERERS: dict[LogFormat, tuple[Processor, ...]] = {
    "json": (
        structlog.processors.format_exc_info,
        structlog.processors.EventRenamer("message"),
        structlog.processors.JSONRenderer(ensure_ascii=True),
    ),
    "console": (
        structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
        ),
    ),
}


def log_config(settings: Settings) -> dict[str, Any]:
    """Return the argument of `logging.config.dictConfig`, which can be pickled for workers."""
    level = settings.log_level.upper()
    how = settings.log_format or ("console" if sys.stderr.isatty() else "json")
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"lines": {"()": f"{__name__}.formatter", "how": how}},
        "handlers": {
            "stderr": {
                "class": "logging.StreamHandler",
                "formatter": "lines",
                "stream": "ext://sys.stderr",
            }
        },
        "root": {"handlers": ["stderr"], "level": "WARNING"},
        "loggers": {
            name: {"level": level} for name in ("app", "stepzero", "uvicorn", "uvicorn.error")
        },
    }


def formatter(how: LogFormat) -> logging.Formatter:
    """Return the formatter that turns a record into a line."""
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[
            structlog.stdlib.add_logger_name,
            structlog.stdlib.add_log_level,
            structlog.stdlib.ExtraAdder(),
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _plain,
        ],
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *_RENDERERS[how]],
    )


def _plain(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """Drop uvicorn's colors, and escape characters that end a line or control a terminal."""
    event.pop("color_message", None)
    return {
        key: x.encode("unicode_escape").decode()
        if isinstance(x, str) and not x.isprintable()
        else x
        for key, x in event.items()
    }
