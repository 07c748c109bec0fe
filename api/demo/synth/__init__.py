"""A small synthesiser and fourteen composers, on numpy alone: every piece follows from its id."""

from __future__ import annotations

import hashlib
import io

import numpy as np

from api.demo.synth.dsp import SAMPLE_RATE, Wave
from api.demo.synth.effects import master
from api.demo.synth.plan import Plan
from api.demo.synth.styles import STYLES
from api.demo.synth.theory import Key
from palate.errors import InvalidInput, MissingExtra

__all__ = ["SAMPLE_RATE", "STYLES", "encode_ogg", "render"]

_CHUNK = SAMPLE_RATE


def render(piece_id: str, style: str, tempo: float, key: str) -> Wave:
    """Compose and play a piece: stereo float32 [2, samples] at ``SAMPLE_RATE``, 12 to 20 s, within -1 to 1.

    The same arguments give the same samples.

    Raises:
        InvalidInput: The style or the key is not known.

    """
    if style not in STYLES:
        raise InvalidInput(f"The style {style!r} is not known.", remedy=f"Use one of: {', '.join(STYLES)}.", param="style")
    seed = int.from_bytes(hashlib.sha256(piece_id.encode()).digest()[:8], "big")
    return master(STYLES[style](Plan(Key.parse(key), tempo, np.random.default_rng(seed))))


def encode_ogg(wave: Wave) -> bytes:
    """Return a stereo wave, float32 [2, samples], as an Ogg Vorbis file; raises :class:`MissingExtra` without soundfile."""
    try:
        import soundfile
    except ImportError:
        raise MissingExtra("soundfile", "audio") from None
    out = io.BytesIO()
    with soundfile.SoundFile(out, "w", SAMPLE_RATE, 2, format="OGG", subtype="VORBIS") as file:
        for start in range(0, wave.shape[1], _CHUNK):  # libsndfile keeps a whole write on its stack
            file.write(np.ascontiguousarray(wave[:, start : start + _CHUNK].T))
    return out.getvalue()
