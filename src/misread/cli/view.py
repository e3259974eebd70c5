"""`misread view`: a page, live on this machine."""

from contextlib import suppress

import click

from misread.cli.options import say
from misread.view.app import HOST, listening, serving
from misread.view.site import site_of


@click.command()
@click.argument("source", metavar="FOLDER|PAGE")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=8765,
    show_default=True,
    help="Port on this machine; 0 takes any that is free.",
)
def view(source: str, port: int) -> None:
    """Open the page of a study's FOLDER, or a PAGE that misread wrote, and work on it.

    What you draw, or the digits on a photo that you drop, is read by every seed of two arms. An
    image whose label you call wrong or unclear stands at once in `flags.csv` beside the page, which
    `misread judge --answers` takes. Only this machine can open it; Ctrl-C ends it.
    """
    site = site_of(source)
    listener = listening(port)
    say(f"Open http://{HOST}:{listener.getsockname()[1]}/ in a browser; Ctrl-C ends it.")
    say(f"What is flagged there is written to {site.flags.path}.")
    with suppress(KeyboardInterrupt), listener:
        serving(site, listener).run(sockets=[listener])
    say("Ended.")
