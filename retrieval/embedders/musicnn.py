"""Embeds music by the penultimate layer of musicnn, and tags it."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydantic import Field

from palate.domain import Value
from palate.errors import InvalidInput, MissingWeights
from retrieval.base import Float32
from retrieval.embedders.melspec import N_MELS, SAMPLE_RATE, log_mel
from retrieval.embedders.tfbundle import read_bundle
from retrieval.embedders.vectors import unit
from retrieval.embedders.weights import REMEDY, fingerprint, need, package_file

__all__ = ["MSD_TAGS", "MTT_TAGS", "MusicnnConfig", "MusicnnEmbedder"]

_PATCH_FRAMES = 187  # three seconds, on which the network was trained
_PATCH_SAMPLES = 3 * SAMPLE_RATE

MTT_TAGS: tuple[str, ...] = (
    "guitar", "classical", "slow", "techno", "strings", "drums", "electronic", "rock", "fast", "piano", "ambient", "beat",
    "violin", "vocal", "synth", "female", "indian", "opera", "male", "singing", "vocals", "no vocals", "harpsichord", "loud",
    "quiet", "flute", "woman", "male vocal", "no vocal", "pop", "soft", "sitar", "solo", "man", "classic", "choir", "voice",
    "new age", "dance", "male voice", "female vocal", "beats", "harp", "cello", "no voice", "weird", "country", "metal",
    "female voice", "choral",
)  # fmt: skip
MSD_TAGS: tuple[str, ...] = (
    "rock", "pop", "alternative", "indie", "electronic", "female vocalists", "dance", "00s", "alternative rock", "jazz",
    "beautiful", "metal", "chillout", "male vocalists", "classic rock", "soul", "indie rock", "Mellow", "electronica", "80s",
    "folk", "90s", "chill", "instrumental", "punk", "oldies", "blues", "hard rock", "ambient", "acoustic", "experimental",
    "female vocalist", "guitar", "Hip-Hop", "70s", "party", "country", "easy listening", "sexy", "catchy", "funk", "electro",
    "heavy metal", "Progressive rock", "60s", "rnb", "indie pop", "sad", "House", "happy",
)  # fmt: skip


class MusicnnConfig(Value):
    """Which checkpoint, and how much of a piece is heard.

    ``model``: trained on MagnaTagATune (``MTT_musicnn``) or the Million Song Dataset (``MSD_musicnn``).
    ``seconds``: at most so much of a piece, in three-second patches spread evenly over it: the cost of a piece is bounded.
    """

    model: Literal["MTT_musicnn", "MSD_musicnn"] = "MTT_musicnn"
    seconds: float = Field(default=30.0, ge=3.0, le=600.0)


class MusicnnEmbedder:
    """Maps music to the mean of musicnn's penultimate layer over three-second patches; 200 dimensions, space ``audio``.

    J. Pons and X. Serra, "musicnn: Pre-trained convolutional neural networks for music audio tagging", ISMIR 2019
    (late-breaking demo).

    Args:
        config: Checkpoint and length.
        folder: Folder of the checkpoint (``.index`` and ``.data-00000-of-00001``); ``None`` for the packaged one.

    Raises:
        MissingWeights: The checkpoint is not there or is damaged.
        MissingExtra: torch is not installed.

    """

    space = "audio"
    dim = 200

    def __init__(self, config: MusicnnConfig | None = None, *, folder: Path | None = None) -> None:
        self.config = config or MusicnnConfig()
        self.tag_names = MTT_TAGS if self.config.model == "MTT_musicnn" else MSD_TAGS
        need("torch", "audio")
        if folder is None:
            for name in (".index", ".data-00000-of-00001"):
                folder = package_file("musicnn", "musicnn", f"{self.config.model}/{name}").parent
        assert folder is not None  # noqa: S101 (the loop ran)
        self._net = _load(folder)
        self.version = f"{self.config.model}-{self.config.seconds:g}s-{fingerprint(folder.glob('.data*'))}"
        self._lock = threading.Lock()

    def embed_audio(self, waves: Sequence[Float32]) -> Float32:
        """Return unit vectors, float32 [len(waves), 200], of 16 kHz mono waves, each float32 [samples] in -1 to 1.

        Raises:
            InvalidInput: A wave is empty, of another shape, or holds values that are not finite.

        """
        vectors = np.zeros((len(waves), self.dim), dtype=np.float32)
        for row, wave in enumerate(waves):
            vectors[row] = self._run(wave)[0]
        return unit(vectors)

    def tags(self, wave: Float32) -> list[tuple[str, float]]:
        """Return the 50 tags with their mean probability over the piece, most probable first.

        Raises:
            InvalidInput: As :meth:`embed_audio`.

        """
        probabilities = self._run(wave)[1]
        order = np.argsort(-probabilities, kind="stable")
        return [(self.tag_names[i], float(probabilities[i])) for i in order]

    def _run(self, wave: Float32) -> tuple[Float32, Float32]:
        with self._lock:  # one piece at a time: each already uses all torch threads
            penultimate, tags = self._net(self._patches(wave))
        return penultimate.mean(0), tags.mean(0)

    def _patches(self, wave: Float32) -> Float32:
        """Return float32 [patches, 187, 96]. A piece shorter than a patch is repeated to fill one."""
        wave = np.asarray(wave, dtype=np.float32)
        if wave.ndim != 1 or wave.size == 0:
            raise InvalidInput(f"A wave has the shape {list(wave.shape)}.", remedy="Give 16 kHz mono samples, float32 [samples].")
        if not np.isfinite(wave).all():
            raise InvalidInput("A wave holds values that are not finite.", remedy="Decode the file again.")
        if len(wave) < _PATCH_SAMPLES:
            wave = np.resize(wave, _PATCH_SAMPLES)
        room = max(1, int(self.config.seconds // 3))
        whole = len(wave) // _PATCH_SAMPLES
        chosen = range(whole) if whole <= room else np.linspace(0, whole - 1, room).round().astype(int)
        # Each patch has its own spectrogram, so that only what is heard is computed.
        mels = [log_mel(wave[i * _PATCH_SAMPLES : (i + 1) * _PATCH_SAMPLES])[:_PATCH_FRAMES] for i in chosen]
        patches = np.stack(mels)
        assert patches.shape[1:] == (_PATCH_FRAMES, N_MELS)  # noqa: S101 (follows from the constants)
        return patches


def _load(folder: Path) -> Any:
    from retrieval.embedders.musicnn_net import MusicnnNet

    try:
        return MusicnnNet(read_bundle(folder))
    except KeyError as error:
        raise MissingWeights(f"The checkpoint in {folder} has no variable {error}.", remedy=REMEDY) from error
