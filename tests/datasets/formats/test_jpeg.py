import io

import numpy as np
import pytest
from PIL import Image

from zoo.datasets.formats.jpeg import count_scans, decode_plain_jpeg


def by_pillow(content):
    with Image.open(io.BytesIO(content)) as image:
        pixels = np.asarray(image)
    return pixels[..., None] if pixels.ndim == 2 else pixels


@pytest.fixture
def photograph(rng):
    """Smooth pixels, as a photograph has them: chroma and rounding differ most at edges."""
    noise = rng.integers(0, 256, (9, 11, 3), dtype=np.uint8)
    return Image.fromarray(noise).resize((83, 61), Image.Resampling.BICUBIC)


@pytest.mark.parametrize("mode", ["RGB", "L"])
@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"subsampling": 0, "quality": 30}])
def test_plain_files_have_the_pixels_that_pillow_gives(image_bytes, photograph, mode, options):
    content = image_bytes(photograph.convert(mode), "JPEG", **options)
    np.testing.assert_array_equal(decode_plain_jpeg(content, 10**6), by_pillow(content))


def test_all_other_files_are_left_to_pillow(image_bytes, photograph):
    exif = Image.Exif()
    exif[0x0112] = 6
    plain = image_bytes(photograph, "JPEG")
    others = {
        "orientation": image_bytes(photograph, "JPEG", exif=exif.tobytes()),
        "four inks": image_bytes(photograph.convert("CMYK"), "JPEG"),
        "another format": image_bytes(photograph, "PNG"),
        "cut short": plain[: len(plain) * 2 // 3],
        "without an end": plain[:-2],
        "damaged": plain[:700] + b"\xff\xc4" + plain[702:],
        "empty": b"",
    }
    assert [name for name, content in others.items() if decode_plain_jpeg(content, 10**6)] == []
    assert decode_plain_jpeg(plain, 61 * 83 - 1) is None


def test_scans_are_those_of_the_image(image_bytes, photograph):
    plain = image_bytes(photograph, "JPEG")
    progressive = image_bytes(photograph, "JPEG", progressive=True)
    assert count_scans(plain) == 1
    assert count_scans(progressive) == progressive.count(b"\xff\xda") == 10
    assert count_scans(progressive + b"\xff\xda" * 500) == 10
    comment = b"\xff\xfe" + (1002).to_bytes(2, "big") + b"\xff\xda" * 500
    assert count_scans(plain[:2] + comment + plain[2:]) == 1
    assert count_scans(image_bytes(photograph, "PNG") + b"\xff\xda" * 500) == 0
