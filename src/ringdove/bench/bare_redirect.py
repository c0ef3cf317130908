"""The yardstick of `ringdove bench redirect`: a plain Starlette route that answers 302 to every
address, served as the product is. `python -m ringdove.bench.bare_redirect PORT`.
"""

import sys

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route


async def redirect(request: Request) -> Response:
    """Always to the same place."""
    return RedirectResponse("https://linden.example/sale?utm_source=ringdove", 302)


def main(port: int) -> None:
    """Serves until it is ended."""
    app = Starlette(routes=[Route("/l/{token}", redirect)])
    uvicorn.run(
        app, host="127.0.0.1", port=port, server_header=False, log_config=None, access_log=False
    )


if __name__ == "__main__":
    main(int(sys.argv[1]))
