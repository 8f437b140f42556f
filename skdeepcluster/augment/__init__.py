"""Views: a batch in, a batch with one random view of each row out, on its device.

Every row has its own draws, all of them from the given generator, which must be on the
device of the batch; without one from torch's global generator, which a fit seeds while
it calls a function of the user. Nothing makes the host wait for the device.
"""

from skdeepcluster.augment._image import (
    color_jitter,
    random_blur,
    random_crop,
    random_cutout,
    random_grey,
    sobel,
    strong_image_views,
    weak_image_views,
)
from skdeepcluster.augment._tabular import add_noise, corrupt, mix

__all__ = [
    "add_noise",
    "color_jitter",
    "corrupt",
    "mix",
    "random_blur",
    "random_crop",
    "random_cutout",
    "random_grey",
    "sobel",
    "strong_image_views",
    "weak_image_views",
]
