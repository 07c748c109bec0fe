import io
from collections import Counter

import numpy as np
import pytest
import soundfile

from api.demo.music import audio_bytes, piece_wave, track_items
from api.demo.synth import SAMPLE_RATE, STYLES, render
from api.demo.synth.dsp import hz
from api.demo.synth.theory import MODES, Key, melody
from api.demo.synth.voices import harpsichord, nylon, piano, plucked, strings
from palate.domain import Item
from palate.errors import InvalidInput

FIRST_OF_STYLE = {item.genres[0]: item for item in reversed(track_items())}


@pytest.fixture(scope="module")
def waves():
    return {style: piece_wave(item) for style, item in FIRST_OF_STYLE.items()}


def test_sixty_pieces_in_fourteen_styles_with_their_own_titles():
    items = track_items()
    assert [item.item_id for item in items] == [f"pal-{n:03d}" for n in range(1, 61)]
    assert len({item.title for item in items}) == len({item.description for item in items}) == 60
    assert set(STYLES) == {item.genres[0] for item in items}
    assert min(Counter(item.genres[0] for item in items).values()) >= 4
    assert all(item.language == "zh" for item in items if not item.title.isascii() and "é" not in item.title)
    assert all(item.description and item.creators and item.year for item in items)


@pytest.mark.parametrize("style", STYLES)
def test_sound_is_legal(style, waves):
    wave = waves[style]
    assert wave.dtype == np.float32
    assert wave.shape[0] == 2
    assert 12 <= wave.shape[1] / SAMPLE_RATE <= 20
    assert np.isfinite(wave).all()
    assert 0.3 < np.abs(wave).max() < 0.95
    seconds = wave[:, : 11 * SAMPLE_RATE].reshape(2, 11, -1)
    assert np.sqrt((seconds**2).mean(axis=(0, 2))).min() > 0.01  # no second is silent
    assert abs(wave.mean()) < 0.005


def test_same_piece_same_samples_and_other_id_other_piece(waves):
    item = FIRST_OF_STYLE["Jazz"]
    assert np.array_equal(waves["Jazz"], piece_wave(item))
    other = render("pal-other", "Jazz", float(item.attributes["tempo"]), item.attributes["key"])
    assert other.shape == waves["Jazz"].shape
    assert not np.allclose(other, waves["Jazz"], atol=0.05)


def centroid(wave):
    mono = wave.mean(axis=0)
    power = np.abs(np.fft.rfft(mono)) ** 2
    return float((power * np.fft.rfftfreq(len(mono), 1 / SAMPLE_RATE)).sum() / power.sum())


def onsets(wave):
    """Return sudden rises of energy a second."""
    mono = wave.mean(axis=0)
    frames = mono[: len(mono) // 640 * 640].reshape(-1, 640)
    energy = np.log((frames**2).mean(axis=1) + 1e-5)
    rise = np.diff(energy)
    return float(((rise[1:-1] > 0.7) & (rise[1:-1] > rise[:-2]) & (rise[1:-1] >= rise[2:])).sum() / (len(mono) / SAMPLE_RATE))


def test_styles_sound_as_they_say(waves):
    bright = {style: centroid(wave) for style, wave in waves.items()}
    busy = {style: onsets(wave) for style, wave in waves.items()}
    assert bright["Baroque"] > 2 * bright["Piano"] > 1.5 * bright["Ambient"]
    assert busy["Ambient"] < 1.5 < 3 < busy["Techno"]
    assert busy["Drum and Bass"] > 2 * busy["Ambient"]
    assert max(bright.values()) > 3 * min(bright.values())


def long_string(frequency, seconds):
    return plucked(frequency, seconds, bright=8000, fall=4.5)


@pytest.mark.parametrize("voice", [piano, nylon, harpsichord, long_string, strings])
@pytest.mark.parametrize("midi", [48, 60, 72])
def test_instruments_are_in_tune(voice, midi):
    tone = voice(hz(midi), 1.5)[9600:41600].astype(np.float64)
    spectrum = np.abs(np.fft.rfft(tone * np.hanning(len(tone)), 8 * len(tone)))
    places = np.fft.rfftfreq(8 * len(tone), 1 / SAMPLE_RATE)
    near = (places > hz(midi) * 0.94) & (places < hz(midi) * 1.06)
    found = places[near][spectrum[near].argmax()]
    assert abs(1200 * np.log2(found / hz(midi))) < 15  # cents


@pytest.mark.parametrize("mode", MODES)
def test_melodies_stay_in_key_and_bar(mode):
    key = Key(2, mode)
    scale = {key.note(degree) % 12 for degree in range(12)}
    notes = melody(np.random.default_rng(3), key, [0, 3, 4, 0], [[1, 1, 2], [2, -1, 1]])
    assert notes
    assert {note.midi % 12 for note in notes} <= scale
    assert all(note.beat >= 0 and note.beat + note.beats <= 16 for note in notes)


def test_key_and_style_must_be_known():
    with pytest.raises(InvalidInput, match="H minor"):
        Key.parse("H minor")
    with pytest.raises(InvalidInput, match="Polka"):
        render("x", "Polka", 100, "C major")
    with pytest.raises(InvalidInput, match="ml-1"):
        piece_wave(Item(item_id="ml-1", type="movie", title="Toy Story", origin="movielens"))


def test_file_is_vorbis_that_decodes_to_the_piece(waves):
    content = audio_bytes(FIRST_OF_STYLE["Lullaby"])
    decoded, rate = soundfile.read(io.BytesIO(content), dtype="float32")
    wave = waves["Lullaby"]
    assert rate == SAMPLE_RATE
    assert content[:4] == b"OggS"
    assert decoded.shape == wave.T.shape
    assert np.corrcoef(decoded[:, 0], wave[0])[0, 1] > 0.98
    assert len(content) < 500_000


@pytest.mark.slow
def test_all_sixty_are_different_and_legal():
    seen = []
    for item in track_items():
        wave = piece_wave(item)
        assert np.isfinite(wave).all()
        assert 12 <= wave.shape[1] / SAMPLE_RATE <= 20
        assert 0.25 < np.abs(wave).max() < 0.95
        seen.append(wave[:, : 8 * SAMPLE_RATE : 64].mean(axis=0))
    table = np.corrcoef(np.stack(seen)) - np.eye(len(seen))
    assert table.max() < 0.9
