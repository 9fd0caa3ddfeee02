"""Draw the pictures of the README from boards of the published database.

Run as ``python -m tools.readme_pictures [--to FOLDER]``; ``make pictures`` does. Only boards that
show sums and means are drawn: that of the study has a point for each of many customers, that of the
customer experience names sellers.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import sys
import tempfile
from pathlib import Path

import yaml

from customer_segmentation.boards import CHARTS, render
from customer_segmentation.publishing import CommandError, database_path

DEFAULT_FOLDER = "docs/pictures"
BOARDS = ("overview", "segment", "evolution")
STEMS = ("overview", "segment_big", "evolution")
WIDTH = 1000
SHADES = 10


def main(arguments: list[str] | None = None) -> int:
    """Draw the pictures.

    Parameters
    ----------
    arguments : list of str, optional
        Those of the command line by default.

    Returns
    -------
    int
        0 when every picture was drawn.
    """
    parser = argparse.ArgumentParser(
        prog="python -m tools.readme_pictures",
        description="Draw the README's pictures.",
    )
    parser.add_argument("--to", default=DEFAULT_FOLDER, help="folder (default: %(default)s)")
    folder = Path(parser.parse_args(arguments).to)
    try:
        database = database_path(os.environ.get("SEGMENTATION_DATABASE", ""))
        with tempfile.TemporaryDirectory(prefix="pictures-") as place:
            # It names each file that it makes; these are gone when the reader looks for them.
            with contextlib.redirect_stdout(io.StringIO()):
                render(database, Path(place), boards=BOARDS, formats=["png"], languages=["en"])
            palette = board_palette()
            folder.mkdir(parents=True, exist_ok=True)
            for stem in STEMS:
                shrink(Path(place) / f"{stem}.png", folder / f"{stem}.png", palette)
    except (CommandError, FileNotFoundError) as error:
        print(f"make pictures: {error}", file=sys.stderr)
        return 1
    return 0


def board_palette(shades: int = SHADES) -> list[tuple[int, int, int]]:
    """Return the colours of the boards, each in shades towards the white that it is drawn on.

    The palettes that Pillow computes merge colours of small areas: two segments would look alike.
    """
    brand = yaml.safe_load((CHARTS / "_brand.yml").read_text(encoding="utf-8"))["style"]["charts"]
    colours = [*brand["category_colors"]["segment"]["values"].values()]
    colours += brand["color"]["categorical"]["palette"]
    whole = [tuple(bytes.fromhex(colour.removeprefix("#"))) for colour in dict.fromkeys(colours)]
    white = (255, 255, 255)
    mixed = [
        tuple(round(c + (w - c) * step / shades) for c, w in zip(colour, white, strict=True))
        for colour in whole
        for step in range(shades)
    ]
    # The labels of lines are darker than the lines.
    darker = [tuple(round(0.7 * c) for c in colour) for colour in whole]
    return [white, *mixed, *darker]


def shrink(
    source: Path, target: Path, palette: list[tuple[int, int, int]], *, width: int = WIDTH
) -> None:
    """Save a picture small enough for a repository, with nothing in it but its pixels."""
    from PIL import Image

    with Image.open(source) as picture:
        size = (width, round(picture.height * width / picture.width))
        small = picture.convert("RGB").resize(size, Image.Resampling.LANCZOS)
    colours = Image.new("P", (1, 1))
    colours.putpalette([channel for colour in palette for channel in colour])
    # Without dithering, so that areas of one colour stay so and compress.
    small.quantize(palette=colours, dither=Image.Dither.NONE).save(target, optimize=True)
    print(target)


if __name__ == "__main__":
    sys.exit(main())
