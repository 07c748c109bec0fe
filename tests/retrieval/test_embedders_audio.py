import io
import os
import shutil
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from palate.errors import InvalidInput, MissingWeights
from retrieval.embedders import MSD_TAGS, MTT_TAGS, MusicnnConfig, MusicnnEmbedder, decode_audio
from retrieval.embedders.melspec import log_mel
from retrieval.embedders.tfbundle import read_bundle

RATE = 16_000


def checkpoint() -> Path:
    spec = find_spec("musicnn")
    if spec is None or not spec.origin:
        pytest.skip("the package musicnn with the weights is not installed: run 'make setup'")
    return Path(spec.origin).parent / "MTT_musicnn"


@pytest.fixture(scope="module")
def embedder() -> MusicnnEmbedder:
    checkpoint()
    return MusicnnEmbedder()


def drums(seconds: float, bpm: float, seed: int) -> np.ndarray:
    """Noise bursts on the beat."""
    rng = np.random.default_rng(seed)
    n = int(seconds * RATE)
    wave = np.zeros(n)
    hit = rng.standard_normal(2400) * np.exp(-np.arange(2400) / 350)
    for start in range(0, n - 2400, int(RATE * 60 / bpm / 2)):
        wave[start : start + 2400] += hit
    return (0.5 * wave / np.abs(wave).max()).astype(np.float32)


def organ(seconds: float, hertz: float) -> np.ndarray:
    """Slow sustained chords."""
    t = np.arange(int(seconds * RATE)) / RATE
    wave = sum(np.sin(2 * np.pi * hertz * k * t) / k for k in (1, 1.5, 2, 3)) * (0.7 + 0.3 * np.sin(2 * np.pi * 0.3 * t))
    return (0.3 * wave / np.abs(wave).max()).astype(np.float32)


def test_the_bundle_is_read_whole():
    tensors = read_bundle(checkpoint())
    assert tensors["conv2d/kernel"].shape == (7, 38, 1, 204)
    assert tensors["conv2d_2/kernel"].shape == (128, 1, 1, 51)
    assert tensors["dense/kernel"].shape == (1506, 200)
    assert tensors["dense_1/bias"].shape == (50,)
    assert not [name for name in tensors if "Adam" in name]
    assert all(np.isfinite(tensor).all() for tensor in tensors.values())
    assert all((tensor > 0).all() for name, tensor in tensors.items() if name.endswith("moving_variance"))


@pytest.mark.parametrize(("name", "keep"), [(".data-00000-of-00001", 5_000_000), (".index", 3000), (".index", 0)])
def test_a_truncated_checkpoint_is_named(tmp_path: Path, name: str, keep: int):
    folder = tmp_path / "MTT_musicnn"
    folder.mkdir()
    for file in (".index", ".data-00000-of-00001"):
        shutil.copy(checkpoint() / file, folder / file)
    os.truncate(folder / name, keep)
    with pytest.raises(MissingWeights, match=r"MTT_musicnn/\.(data|index).*damaged.*make setup"):
        MusicnnEmbedder(folder=folder)


def test_a_missing_checkpoint_is_named(tmp_path: Path):
    with pytest.raises(MissingWeights, match=r"\.index is not there"):
        MusicnnEmbedder(folder=tmp_path)


def test_the_mel_bands_lie_where_a_tone_is():
    t = np.arange(RATE) / RATE
    bands = [int(log_mel(np.sin(2 * np.pi * hertz * t).astype(np.float32)).mean(0).argmax()) for hertz in (200, 1000, 4000)]
    # Slaney's scale is linear to 1 kHz (15 of its 45.2 steps to 8 kHz), then logarithmic: 97 steps between 96 bands.
    step = 97 / (15 + np.log(8) / (np.log(6.4) / 27))
    expected = [200 * 3 / 200 * step - 1, 15 * step - 1, (15 + np.log(4) / (np.log(6.4) / 27)) * step - 1]
    assert bands == pytest.approx(expected, abs=1.0)


def test_the_mel_front_end_keeps_shape_and_silence():
    assert log_mel(np.zeros(48_000, dtype=np.float32)).shape == (188, 96)
    assert not log_mel(np.zeros(48_000, dtype=np.float32)).any()
    assert log_mel(np.ones(3, dtype=np.float32)).dtype == np.float32


def test_vectors_are_of_unit_length_and_repeatable(embedder):
    waves = [drums(4, 120, 0), organ(7, 220), np.zeros(100, dtype=np.float32)]
    vectors = embedder.embed_audio(waves)
    assert vectors.shape == (3, 200)
    assert vectors.dtype == np.float32
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(1.0, abs=1e-5)
    assert np.array_equal(vectors[1], embedder.embed_audio([waves[1]])[0])
    assert embedder.embed_audio([]).shape == (0, 200)
    assert (embedder.space, embedder.dim) == ("audio", 200)


def test_pieces_of_one_kind_are_near(embedder):
    vectors = embedder.embed_audio([drums(6, 120, 0), drums(6, 126, 1), organ(6, 220), organ(6, 196)])
    cosines = vectors @ vectors.T
    assert min(cosines[0, 1], cosines[2, 3]) > cosines[:2, 2:].max() + 0.1


def test_tags_say_what_is_heard(embedder):
    beats, chords = dict(embedder.tags(drums(6, 128, 0))), dict(embedder.tags(organ(6, 220)))
    assert set(beats) == set(MTT_TAGS)
    assert all(0 <= p <= 1 for p in beats.values())
    assert list(beats.values()) == sorted(beats.values(), reverse=True)
    assert max(beats["drums"], beats["beat"], beats["techno"], beats["fast"]) > max(chords["drums"], chords["beat"])
    assert chords["slow"] + chords["ambient"] > beats["slow"] + beats["ambient"]


def test_a_long_piece_costs_no_more_than_thirty_seconds(embedder):
    assert embedder._patches(np.zeros(600 * RATE, dtype=np.float32)).shape == (10, 187, 96)
    assert embedder._patches(np.zeros(7 * RATE, dtype=np.float32)).shape == (2, 187, 96)


@pytest.mark.parametrize("wave", [np.zeros(0), np.zeros((2, 9)), np.array([0.1, np.nan])])
def test_faulty_waves_are_refused(embedder, wave):
    with pytest.raises(InvalidInput):
        embedder.embed_audio([wave.astype(np.float32)])


@pytest.mark.slow
def test_the_other_checkpoint_has_tags_of_its_own():
    checkpoint()
    other = MusicnnEmbedder(MusicnnConfig(model="MSD_musicnn"))
    assert {name for name, _ in other.tags(organ(3, 220))} == set(MSD_TAGS)
    assert other.version.startswith("MSD_musicnn")


def test_sound_is_decoded_to_16_khz_mono(tmp_path: Path):
    soundfile = pytest.importorskip("soundfile", reason="needs the extra 'audio'")
    t = np.arange(44_100) / 44_100
    stereo = np.stack([np.sin(2 * np.pi * 440 * t), np.sin(2 * np.pi * 440 * t)], 1).astype(np.float32) * 0.5
    for name in ("a.wav", "a.ogg"):
        soundfile.write(tmp_path / name, stereo, 44_100)
        wave = decode_audio(tmp_path / name)
        assert wave.shape == (RATE,)
        assert wave.dtype == np.float32
        assert int(np.abs(np.fft.rfft(wave)).argmax()) == 440
        assert np.array_equal(decode_audio((tmp_path / name).read_bytes()), wave)
    empty = io.BytesIO()
    soundfile.write(empty, np.zeros(0, dtype=np.float32), RATE, format="WAV")
    for bad in (b"no sound", b"", empty.getvalue()):
        with pytest.raises(InvalidInput):
            decode_audio(bad)


@pytest.mark.slow
def test_real_clips_music_apart_from_speech(embedder):
    root = os.environ.get("PALATE_DATASETS")
    folder = Path(root) / "audio-clips" if root else None
    if folder is None or not folder.is_dir():
        pytest.skip("PALATE_DATASETS holds no audio-clips")
    speech = ["198-209-0000.ogg", "3436-172162-0000.ogg", "5703-47212-0000.ogg"]
    music = [
        "Hungarian_Dance_number_5_-_Allegro_in_F_sharp_minor_(string_orchestra).ogg",
        "Kevin_MacLeod_-_P_I_Tchaikovsky_Dance_of_the_Sugar_Plum_Fairy.ogg",
        "442789__lena-orsa__happy-music-pistachio-ice-cream-ragtime.ogg",
        "147793__setuniman__sweet-waltz-0i-22mi.ogg",
    ]
    waves = [decode_audio(folder / name) for name in speech + music]
    cosines = (vectors := embedder.embed_audio(waves)) @ vectors.T
    assert cosines[:3, :3].min() > cosines[:3, 3:].max()
    strings, ragtime = (dict(embedder.tags(waves[i])) for i in (3, 5))
    assert {"violin", "strings", "classical"} == set(list(strings)[:3])
    assert next(iter(ragtime)) == "piano"
