"""Work on images: operations, corruptions, their shape, digits on paper.

Images are `uint8 [N,H,W]` or `[N,H,W,C]` at rest; 255 is ink, 0 is paper. Every function here takes
a batch and changes nothing in place; what is random comes from a stream that it is given.
"""

import numpy as np
import numpy.typing as npt

Images = npt.NDArray[np.uint8]
Ids = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
