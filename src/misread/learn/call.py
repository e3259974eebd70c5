"""The trainer that a study names: a function of a module, or a command with files in and out.

Only what trains asks for one, in a worker: a function's module is imported.

A command finds in `{folder}`::

    lesson.json   arm, seed, settings, class_names
    fit.npz       images uint8 [N,H,W] or [N,H,W,C], labels int [N]: what to learn from
    read.npy      images to read, of the same form

and writes `probs.npy` there, a probability for each image of `read.npy` and each class, `[N,K]`.
Whatever else it leaves is its model, and is there again when it is called again with other images
to read.
"""

import hashlib
import importlib
import os
import shutil
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, TextIO

import numpy as np
import numpy.typing as npt

from misread.errors import StudyError, needs_extra
from misread.files import readable_json
from misread.images import Images
from misread.learn.recipe import TrainerCall
from misread.learn.trainer import Lesson, Reader, Trainer
from misread.workers.pool import Report

# Keras loads these where they are installed, for wrappers and plots: a third of the seconds that a
# worker takes to start.
UNUSED_BY_WORKERS = ("matplotlib", "pandas", "sklearn")
_OURS = ("lesson.json", "fit.npz", "read.npy", "probs.npy")


@dataclass(frozen=True)
class FunctionTrainer:
    """A function of one's own, or a command, as a trainer; a `trainer.Trainer`."""

    function: Callable[[Lesson], Reader]
    loader: Callable[[Path], Reader] | None  # the `load` beside the function, if there is one

    def prepare(self) -> None:
        """Do nothing: what it needs is there."""

    def train(self, lesson: Lesson) -> Reader:
        """Call the function."""
        return self.function(lesson)

    def load(self, folder: Path) -> Reader | None:
        """Call the loader where there is one."""
        return self.loader(folder) if self.loader else None

    def facts(self) -> dict[str, Any]:
        """Return nothing."""
        return {}


@dataclass(frozen=True)
class CommandReader:
    """A model of a command, which is called for every set of images; a `trainer.Reader`.

    The command trains when it is first called, and itself sees what it left in the folder.
    """

    call: TrainerCall
    lesson: Lesson
    at_once: ClassVar[bool] = True

    def __call__(self, images: Images) -> npt.NDArray[Any]:
        """Call the command and return the probabilities `[N,K]` that it writes."""
        lesson, folder = self.lesson, self.lesson.folder
        names = ("arm", "seed", "settings", "class_names")
        stated = {name: getattr(lesson, name) for name in names}
        (folder / "lesson.json").write_bytes(readable_json(stated))
        np.savez(folder / "fit.npz", images=lesson.images, labels=lesson.labels)
        np.save(folder / "read.npy", images)
        try:
            self._run()
            return self._answer(folder / "probs.npy")
        finally:
            for name in _OURS:
                (folder / name).unlink(missing_ok=True)

    def _run(self) -> None:
        run = self.lesson.run
        words = {"{arm}": run.arm, "{seed}": str(run.seed), "{folder}": str(self.lesson.folder)}
        arguments = [*self.call.command]
        for word, value in words.items():
            arguments = [argument.replace(word, value) for argument in arguments]
        if arguments[0] in {"python", "python3"}:  # the one that runs misread, whatever PATH says
            arguments[0] = sys.executable
        elif shutil.which(arguments[0]) is None:
            msg = f"there is no program {arguments[0]!r} for the trainer; install or correct it."
            raise StudyError(msg)
        done = subprocess.run(  # noqa: S603  the study's own command, as its author wrote it
            arguments, cwd=self.call.folder or None, stdin=subprocess.DEVNULL, check=False
        )
        if done.returncode:
            msg = f"the command ended with exit code {done.returncode}"
            raise ChildProcessError(msg)

    @staticmethod
    def _answer(path: Path) -> npt.NDArray[Any]:
        try:
            return np.asarray(np.load(path, allow_pickle=False))
        except (OSError, ValueError, EOFError) as error:
            msg = (
                f"the command left no readable {path.name} in its folder "
                f"({str(error).replace(str(path.parent) + os.sep, '')}); write it with numpy.save."
            )
            raise StudyError(msg) from None


def trainer_of(call: TrainerCall) -> Trainer:
    """Return the trainer that a study names; the module of a function is imported.

    StudyError if there is none, or what it needs cannot start.
    """
    if call.command:
        return FunctionTrainer(partial(CommandReader, call), None)
    module, _, attribute = call.call.partition(":")
    for place in ("", call.folder):  # where the study's file is comes first
        if not call.is_ours and place not in sys.path:
            sys.path.insert(0, place)
    try:
        with needs_extra(), _leaving_out(UNUSED_BY_WORKERS if call.is_ours else ()):
            imported = importlib.import_module(module)
        trainer: Any = getattr(imported, attribute)
    except (ImportError, AttributeError, ValueError) as error:
        if not call.is_ours:
            if isinstance(error, ValueError):  # of the trainer's own module
                raise
            msg = (
                f"there is no trainer {call.call} ({error}); write it as in package.module:name, "
                "with the module beside the study's file or installed."
            )
            raise StudyError(msg) from None
        backend = os.environ.get("KERAS_BACKEND", "tensorflow")
        msg = (
            f"Keras cannot start with KERAS_BACKEND={backend} ({error}); install that library, or "
            "choose one of tensorflow, jax, torch that is installed."
        )
        raise StudyError(msg) from None
    if all(hasattr(trainer, name) for name in ("prepare", "train", "load", "facts")):
        return trainer  # type: ignore[no-any-return]
    if not callable(trainer):
        msg = f"the trainer {call.call} is {trainer!r:.80}; it must be a function of a lesson."
        raise StudyError(msg)
    return FunctionTrainer(trainer, getattr(imported, "load", None))


def call_of(function: Callable[[Lesson], Reader]) -> TrainerCall:
    """Return the call by which workers find a function.

    StudyError if they could not: it does not stand at the top level of a file.
    """
    name, main = getattr(function, "__qualname__", ""), sys.modules["__main__"]
    module = getattr(function, "__module__", "")
    path = getattr(sys.modules.get(module), "__file__", None)
    if "." in name or "<" in name or not name or path is None:
        msg = (
            f"workers cannot import the trainer {name or function!r:.80}; write it into a file, at "
            "the top level (in a notebook: %%writefile trainers.py), and import it from there."
        )
        raise StudyError(msg)
    if module == "__main__":  # by its file's name, for workers start from another one
        spec = getattr(main, "__spec__", None)
        module = spec.name if spec else Path(path).stem
    return TrainerCall(call=f"{module}:{name}", folder=str(Path(path).parent.resolve()))


def source_sha256(call: TrainerCall) -> str:
    """Return the hash of a trainer's source: its module's file, or the files that a command names.

    What these call in turn is not looked at.
    """
    folder, paths = Path(call.folder), [Path(word) for word in call.command]
    if not call.command:
        module = sys.modules.get(call.call.partition(":")[0])
        paths = [Path(getattr(module, "__file__", None) or "")]
    files = [path for path in (folder / path for path in paths) if path.is_file()]
    return hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()


@contextmanager
def logged(call: TrainerCall, report: Report) -> Iterator[None]:
    """Keep what another trainer and its programs print as a file `trainer.log` of the run."""
    if call.is_ours:
        yield
        return
    kept = [os.dup(1), os.dup(2)]
    with tempfile.TemporaryFile() as log, _text_of(log.fileno()) as text:
        try:
            for output in (1, 2):
                os.dup2(log.fileno(), output)
            with redirect_stdout(text), redirect_stderr(text):
                try:
                    yield
                except Exception:
                    traceback.print_exc()
                    raise
        finally:
            text.flush()
            for output, before in zip((1, 2), kept, strict=True):
                os.dup2(before, output)
                os.close(before)
            log.seek(0)
            if printed := log.read():
                report({"trainer.log": printed})


def _text_of(descriptor: int) -> TextIO:
    """Return a file of text over an open one, which writes line by line."""
    return open(descriptor, "w", buffering=1, encoding="utf-8", closefd=False)


@contextmanager
def _leaving_out(packages: Sequence[str]) -> Iterator[None]:
    """Let imports of some packages fail for a while, as if they were not installed."""
    absent = [name for name in packages if name not in sys.modules]
    modules: dict[str, Any] = sys.modules  # None in it says that there is no such module
    modules.update(dict.fromkeys(absent))
    try:
        yield
    finally:
        for name in absent:
            modules.pop(name, None)
