"""Makes the .npy files of this folder as numpy.save writes them."""
from pathlib import Path

import numpy as np

np.save(Path(__file__).parent / "float32.npy", np.array([[1.5, -2.0, 0.25]], np.float32))
np.save(Path(__file__).parent / "int64.npy", np.arange(-3, 1000, 17))
np.save(Path(__file__).parent / "scalar.npy", np.array(2.5))
