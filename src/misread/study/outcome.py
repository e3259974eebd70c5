"""What a study comes to, as its `verdict.json` holds it."""

from misread.files import Frozen
from misread.judge.verdict import Verdict


class StudyVerdict(Frozen):
    """The verdict on every treated arm of a study.

    Attributes
    ----------
    study : str
        Name of the study.
    smoke : bool
        Whether everything was shrunk to see that it works; the result then proves nothing.
    exploratory : str
        Why the result cannot count as confirmed; "" when it can.
    plan_sha256 : str
        Identity of the locked plan.
    seeds : tuple of int
        The seeds of every arm; one that was settled early has the first of them.
    saved : int or None
        Runs that looks saved, of arms × seeds at most; None where the seeds were fixed.
    arms : mapping of str to Verdict
        The evidence on each treated arm, in the order of the plan.
    """

    study: str
    smoke: bool
    exploratory: str
    plan_sha256: str
    seeds: tuple[int, ...]
    saved: int | None = None
    arms: dict[str, Verdict]
