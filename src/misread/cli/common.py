"""What the commands share."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console


def console(*, stderr: bool) -> "Console":
    """Return a console on standard output or standard error."""
    from rich.console import Console

    return Console(stderr=stderr, soft_wrap=False)
