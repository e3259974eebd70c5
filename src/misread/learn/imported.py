"""What a worker with our trainer imports, as a module: workers fork from a process that has it.

What cannot be imported is said by the worker that needs it; what TensorFlow prints is not shown.
"""

import os
from contextlib import suppress

from misread.errors import MisreadError
from misread.learn.call import trainer_of
from misread.learn.recipe import TrainerCall

_kept = [os.dup(1), os.dup(2)]
_nowhere = os.open(os.devnull, os.O_WRONLY)
for _output in (1, 2):
    os.dup2(_nowhere, _output)
with suppress(MisreadError):
    trainer_of(TrainerCall())
for _output, _descriptor in enumerate(_kept, 1):
    os.dup2(_descriptor, _output)
for _descriptor in (*_kept, _nowhere):
    os.close(_descriptor)
