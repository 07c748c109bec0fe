import json

import numpy as np
import pytest

from finetune.examples import RankExample, TextExample
from finetune.lora import LoraTrainer, LoraTrainerConfig
from palate.errors import ConfigurationError, InvalidInput, MissingExtra, MissingWeights

QUICK = LoraTrainerConfig(rank=4, steps=12, batch=2, warmup=2, rate=1e-2, save_every=5, threads=1)
WORDS = ["Heat", "Alien", "Fargo", "Up"]


def rank_example(good, order):
    lines = [f"{word} [y]" for word in order]
    text = f"Like {good}:\n" + "\n".join(lines)
    spots = [text.index(f"{word} [y]", 6 + len(good)) + len(word) + 2 for word in order]
    return RankExample(text=text, spots=tuple(spots), gains=tuple(float(word == good) for word in order))


def examples(n=24):
    rng = np.random.default_rng(0)
    ranks = [rank_example(WORDS[i % 4], list(rng.permutation(WORDS))) for i in range(n)]
    return [*ranks, *(TextExample(prompt=f"Say {word}: ", completion=f"{word}.") for word in WORDS)]


class Killed(Exception):
    pass


def kill_after(step):
    def told(done, loss):
        if done == step:
            raise Killed

    return told


def test_what_is_trained_is_learned_and_written_in_half_precision(base, tmp_path):
    from safetensors.numpy import load_file

    config = QUICK.model_copy(update={"steps": 60, "rank": 8})
    told = []
    ranks = [rank_example("Heat", [*WORDS[at:], *WORDS[:at]]) for at in range(4)]  # the same is right, wherever it stands
    trained = LoraTrainer(base, config).train(ranks, tmp_path / "a", progress=lambda *said: told.append(said))
    assert np.mean(trained.losses[:5]) > 1.0
    assert np.mean(trained.losses[-5:]) < 0.5
    assert told[0] == ("train", 0, 60)
    assert told[-1] == ("train", 60, 60)
    tensors = load_file(trained.folder / "adapter_model.safetensors")
    assert {tensor.dtype for tensor in tensors.values()} == {np.dtype(np.float16)}
    assert json.loads((trained.folder / "adapter_config.json").read_text())["base_model_name_or_path"] == "tiny"
    assert sorted(path.name for path in trained.folder.iterdir()) == ["adapter_config.json", "adapter_model.safetensors"]


@pytest.mark.parametrize("killed_at", [3, 5, 11])
def test_a_run_that_was_killed_goes_on_to_the_same_losses(base, tmp_path, killed_at):
    whole = LoraTrainer(base, QUICK).train(examples(), tmp_path / "whole")
    with pytest.raises(Killed):
        LoraTrainer(base, QUICK).train(examples(), tmp_path / "broken", told=kill_after(killed_at))
    again = LoraTrainer(base, QUICK).train(examples(), tmp_path / "broken", resume=True)
    assert again.losses == pytest.approx(whole.losses, abs=1e-3)
    one, other = ((tmp_path / name / "adapter_model.safetensors").read_bytes() for name in ("whole", "broken"))
    assert one == other


def test_a_run_that_was_not_finished_is_not_overwritten_by_chance(base, tmp_path):
    with pytest.raises(Killed):
        LoraTrainer(base, QUICK).train(examples(), tmp_path, told=kill_after(6))
    with pytest.raises(InvalidInput, match="--resume"):
        LoraTrainer(base, QUICK).train(examples(), tmp_path)
    with pytest.raises(ConfigurationError, match="another run"):
        LoraTrainer(base, QUICK).train(examples()[1:], tmp_path, resume=True)
    with pytest.raises(ConfigurationError, match="another run"):
        LoraTrainer(base, QUICK.model_copy(update={"rate": 1e-3})).train(examples(), tmp_path, resume=True)


def test_only_the_layers_near_the_output_are_adapted(base, tmp_path):
    from safetensors.numpy import load_file

    LoraTrainer(base, QUICK.model_copy(update={"top_layers": 1, "steps": 2})).train(examples(), tmp_path)
    assert {name.split(".layers.")[1][0] for name in load_file(tmp_path / "adapter_model.safetensors")} == {"2"}
    with pytest.raises(ConfigurationError, match="has 3"):
        LoraTrainer(base, QUICK.model_copy(update={"top_layers": 4})).train(examples(), tmp_path / "b")


def test_reading_several_at_a_time_changes_nothing(base, tmp_path):
    one = LoraTrainer(base, QUICK.model_copy(update={"batch": 4, "steps": 4})).train(examples(), tmp_path / "one")
    four = LoraTrainer(base, QUICK.model_copy(update={"batch": 4, "steps": 4, "group": 4})).train(examples(), tmp_path / "four")
    assert four.losses == pytest.approx(one.losses, abs=1e-3)


def test_what_cannot_be_trained_is_refused(base, tmp_path):
    with pytest.raises(InvalidInput, match="no examples"):
        LoraTrainer(base).train([], tmp_path)
    with pytest.raises(MissingWeights, match=r"tokenizer\.json"):
        LoraTrainer(tmp_path).train(examples(), tmp_path / "out")
    with pytest.raises(InvalidInput, match="tokens"):
        LoraTrainer(base, LoraTrainerConfig(max_tokens=16)).train(examples(), tmp_path / "out")


def test_four_bits_without_their_package_name_the_extra(base, tmp_path):
    pytest.importorskip("transformers")
    from importlib.util import find_spec

    if find_spec("bitsandbytes") is not None:
        pytest.skip("bitsandbytes is installed")
    with pytest.raises(MissingExtra, match="qlora"):
        LoraTrainer(base, LoraTrainerConfig(bits=4)).train(examples(), tmp_path)


def test_a_run_that_stops_early_is_the_beginning_of_a_whole_one(base, tmp_path):
    whole = LoraTrainer(base, QUICK).train(examples(), tmp_path / "whole")
    stopped = LoraTrainer(base, QUICK.model_copy(update={"stop": 7})).train(examples(), tmp_path / "stopped")
    assert stopped.losses == whole.losses[:7]
    assert (stopped.folder / "adapter_model.safetensors").is_file()
