"""The strong views of images beside kornia doing the same.

Run it from the root of the repository, with kornia 0.9 installed::

    python benchmarks/augment.py

Both sides make views of the same batch of 256 x 3 x 32 x 32 in pairs, each going first
in turn. It writes ``benchmarks/augment.csv`` and ``benchmarks/augment.rst``.
"""

import argparse
from pathlib import Path

import torch
from _methods import environment, prepare_process
from _page import heading, paragraph, simple_table, versions_table
from _results import write
from _speed import DEVICE, clock, compared, in_turns
from torch import nn

from skdeepcluster import augment

SHAPE = (256, 3, 32, 32)
CALLS = 5  # in one measurement
ABOUT = """
Milliseconds for views of a batch of 256 x 3 x 32 x 32, every image with its own draws:
crops of 0.2 to 1 of the area at full size, half of them mirrored; jitter of 0.4, 0.4,
0.4 and 0.1 with probability 0.8; grey with probability 0.2. All of them are the strong
views of this package. kornia has two ways of cropping, the second of which enlarges in
one step as we do; its jitter goes through HSV and has a random order. Medians over
pairs, each side going first in turn. ``benchmarks/augment.py`` makes this page.
"""


def sides(kornia):
    """Names of the views, how we make them, and how kornia does."""
    jitter = kornia.ColorJitter(0.4, 0.4, 0.4, 0.1, p=0.8)
    grey = kornia.RandomGrayscale(p=0.2)
    mirror = kornia.RandomHorizontalFlip()
    slices, sampling = (
        nn.Sequential(
            kornia.RandomResizedCrop(SHAPE[2:], scale=(0.2, 1.0), cropping_mode=mode),
            mirror,
        )
        for mode in ("slice", "resample")
    )
    strong = augment.strong_image_views
    return [
        ("all, crop by slices", strong, nn.Sequential(slices, jitter, grey)),
        ("all, crop by sampling", strong, nn.Sequential(sampling, jitter, grey)),
        ("crop by slices, mirror", augment.random_crop, slices),
        ("crop by sampling, mirror", augment.random_crop, sampling),
        ("jitter", augment.color_jitter, jitter),
        ("grey", augment.random_grey, grey),
    ]


def seconds(views):
    """Of one call, from several."""
    begin = clock()
    for _ in range(CALLS):
        views()
    if DEVICE.type == "cuda":
        torch.cuda.synchronize()
    return (clock() - begin) / CALLS


def measured(kornia, repeats):
    """One row for each set of views."""
    generator = torch.Generator(DEVICE).manual_seed(0)
    torch.manual_seed(0)  # kornia's draws
    images = torch.rand(SHAPE, generator=generator, device=DEVICE)
    for name, ours, theirs in sides(kornia):
        pair = (
            lambda ours=ours: seconds(lambda: ours(images, generator)),
            lambda theirs=theirs: seconds(lambda: theirs(images)),
        )
        in_turns(pair, 2)
        yield compared(*in_turns(pair, repeats), views=name)


def table(rows):
    lines = [["Views", "Ours", "kornia", "Ratio", "Least to most", "Pairs"]]
    for row in rows:
        times = [f"{1000 * row[side]:.2f}" for side in ("ours", "other")]
        extremes = f"{row['min']:.2f} to {row['max']:.2f}"
        ratio = f"{row['median']:.2f}"
        lines.append([row["views"], *times, ratio, extremes, str(row["repetitions"])])
    return simple_table(lines)


def main():
    parser = argparse.ArgumentParser(description="Views of images.")
    parser.add_argument("--repeats", type=int, default=21)
    parser.add_argument("--threads", type=int, default=1)
    output = Path(__file__).with_suffix(".csv")
    parser.add_argument("--output", type=Path, default=output)
    arguments = parser.parse_args()
    try:
        import kornia
    except ImportError:
        print("Nothing is measured: kornia is not installed.")
        return
    prepare_process(arguments.threads)

    with torch.inference_mode():
        rows = list(measured(kornia.augmentation, arguments.repeats))
    known = {**environment(), "kornia": kornia.__version__}
    rounded = [
        {name: f"{v:.4g}" if isinstance(v, float) else v for name, v in row.items()}
        for row in rows
    ]
    write(arguments.output, [{**row, **known} for row in rounded])
    parts = [heading("Views of images", "="), paragraph(ABOUT), table(rows)]
    parts += [heading("Hardware and versions"), simple_table(versions_table(known))]
    text = "\n\n".join(parts) + "\n"
    arguments.output.with_suffix(".rst").write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
