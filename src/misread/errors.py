"""Every error that misread raises on purpose.

    MisreadError            caught by the command line: one sentence, exit code 2, no traceback
    ├── DataError           a dataset or a file of readings is not what it should be
    ├── StudyError          a study file, an option or a name is not allowed
    ├── PlanError           what was asked differs from what this folder holds
    ├── StoreError          a folder cannot be written, is full, or is in use
    ├── RunError            runs failed, or no worker can start
    └── JudgeError          predictions from which no evidence can be drawn

A message says what was received, what is allowed, and what to do, in that order.
"""


class MisreadError(Exception):
    """Base of all errors that a user can mend."""


class DataError(MisreadError):
    """A dataset or a file of readings is not what it should be."""


class StudyError(MisreadError):
    """A study file, an option or a name is not allowed."""


class PlanError(MisreadError):
    """What was asked differs from what the folder already holds."""


class StoreError(MisreadError):
    """A folder cannot be written, is full, or is in use."""


class RunError(MisreadError):
    """Runs failed, or no worker can start."""


class JudgeError(MisreadError):
    """Predictions from which no evidence can be drawn."""
