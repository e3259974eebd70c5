"""Imports of every worker with our trainer, as a module: workers fork from a process that has it.

That process says nothing, as TensorFlow does on loading, and holds no pipe of its parent's open;
what cannot be imported is said by the worker that needs it.
"""

import os
import signal
from contextlib import suppress

from misread.errors import MisreadError
from misread.learn.call import trainer_of
from misread.learn.recipe import TrainerCall

signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle
_nowhere = os.open(os.devnull, os.O_WRONLY)
for _output in (1, 2):
    os.dup2(_nowhere, _output)
os.close(_nowhere)
with suppress(MisreadError):
    trainer_of(TrainerCall())
