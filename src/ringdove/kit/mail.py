"""Mail servers: one way to reach them, and a look whether they let us in."""

import aiosmtplib

TROUBLES = (OSError, aiosmtplib.SMTPException, TimeoutError)


def server(
    host: str, port: int, security: str, username: str, password: str, timeout_s: float
) -> aiosmtplib.SMTP:
    """A mail server, not yet connected. `security`: tls, starttls or none."""
    return aiosmtplib.SMTP(
        hostname=host,
        port=port,
        use_tls=security == "tls",
        start_tls=security == "starttls",
        username=username or None,
        password=password or None,
        timeout=timeout_s,
    )


async def trouble_with(mail: aiosmtplib.SMTP) -> str:
    """Signs in and out: empty when all is well, else what is wrong."""
    try:
        async with mail:
            await mail.noop()
        return ""
    except TROUBLES as error:
        return str(error)[:300] or type(error).__name__
