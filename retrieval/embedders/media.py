"""Decodes pictures and sounds into what embedders take, within bounds."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError

from palate.errors import InvalidInput
from retrieval.base import Float32
from retrieval.embedders.weights import need

__all__ = ["MAX_PIXELS", "MAX_SECONDS", "decode_audio", "decode_image"]

MAX_PIXELS = 50_000_000
MAX_SECONDS = 600.0
_RATE = 16_000


def decode_image(source: bytes | Path) -> Image.Image:
    """Return the picture in ``source`` as RGB.

    Raises:
        InvalidInput: It is no picture, is damaged, or has more than 50 million pixels.

    """
    name = str(source) if isinstance(source, Path) else f"{len(source)} bytes"
    try:
        with Image.open(io.BytesIO(source) if isinstance(source, bytes) else source) as image:
            if image.width * image.height > MAX_PIXELS:
                raise InvalidInput(f"The picture {name} is {image.width} × {image.height}.", remedy="Make it smaller.")
            return image.convert("RGB")
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError, Image.DecompressionBombError, Warning) as error:
        raise InvalidInput(f"The picture {name} cannot be read: {error}.", remedy="Give a PNG, JPEG or WebP file.") from error


def decode_audio(source: bytes | Path) -> Float32:
    """Return the sound in ``source`` as 16 kHz mono, float32 [samples] in -1 to 1; at most its first ten minutes.

    Raises:
        InvalidInput: It is no sound, is damaged, or is empty.
        MissingExtra: soundfile is not installed.

    """
    soundfile = need("soundfile", "audio")
    name = str(source) if isinstance(source, Path) else f"{len(source)} bytes"
    try:
        with soundfile.SoundFile(io.BytesIO(source) if isinstance(source, bytes) else str(source)) as file:
            rate = int(file.samplerate)
            samples = file.read(frames=int(MAX_SECONDS * rate), dtype="float32", always_2d=True)
    except (soundfile.SoundFileError, OSError, ValueError) as error:
        raise InvalidInput(f"The sound {name} cannot be read: {error}.", remedy="Give a WAV, FLAC, OGG or MP3 file.") from error
    wave: Float32 = np.asarray(samples, dtype=np.float32).mean(axis=1)
    if wave.size == 0:
        raise InvalidInput(f"The sound {name} is empty.", remedy="Give a file with samples in it.")
    return _resample(wave, rate)


def _resample(wave: Float32, rate: int) -> Float32:
    if rate == _RATE:
        return wave
    from scipy.signal import resample_poly

    common = int(np.gcd(rate, _RATE))
    resampled: Float32 = np.clip(resample_poly(wave, _RATE // common, rate // common), -1.0, 1.0).astype(np.float32)
    return resampled
