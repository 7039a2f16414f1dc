"""A run that is killed and resumed takes the same steps as one that is not; the rendered world's masks are right."""

import csv
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from squares import Squares
from tensorboardX.proto import event_pb2

from anyanomaly_core.errors import ConfigurationError
from anyanomaly_core.models.lavida.model import Lavida
from anyanomaly_core.training import demo_model
from anyanomaly_core.training.dense_start import DensePlan, align_words, start_encoder
from anyanomaly_core.training.exposure import ExposureSampler
from anyanomaly_core.training.held_out import Cameras, held_out_figures
from anyanomaly_core.training.plan import TrainingPlan
from anyanomaly_core.training.rendered import RenderedSource, rendered_clips, rendered_moments
from anyanomaly_core.training.train import HeldOutCheck, train

PLAN = TrainingPlan(
    steps=3, words_first=1, lists=2, accumulate=1, warm_up=2, save_every=2, learning_rate=1e-3, whole_sam=True
)


@pytest.fixture(scope="module")
def sampler() -> ExposureSampler:
    return ExposureSampler([(Squares(5), 1.0)], frames=2)


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo_model, "SIDE", 128)
    monkeypatch.setattr(demo_model.small_sam, "__defaults__", (128,))


def board_scalars(folder: Path) -> dict[str, list[float]]:
    """By name, in order of steps: TFRecords of 8 bytes of length, 4 of checksum, an event, 4 of checksum."""
    [file] = folder.glob("events.out.tfevents.*")
    body, found, at = file.read_bytes(), {}, 0
    while at < len(body):
        length = int.from_bytes(body[at : at + 8], "little")
        event = event_pb2.Event.FromString(body[at + 12 : at + 12 + length])
        for value in event.summary.value:
            found.setdefault(value.tag, []).append(value.simple_value)
        at += length + 16
    return found


def test_kill_and_resume_give_the_same_losses(sampler: ExposureSampler, tmp_path: Path) -> None:
    check = HeldOutCheck(2, lambda model: {"trains": float(model.projector.training)})
    train(demo_model.demo_lavida(1), sampler, PLAN, tmp_path / "whole", check=check)
    with torch.random.fork_rng():
        train(
            demo_model.demo_lavida(1), sampler, PLAN, tmp_path / "killed", stop_after=3, check=check
        )  # one step past its checkpoint
    torch.manual_seed(99)  # whatever a new process has
    train(demo_model.demo_lavida(1), sampler, PLAN, tmp_path / "killed", check=check)
    assert (tmp_path / "killed" / "losses.csv").read_text() == (tmp_path / "whole" / "losses.csv").read_text()
    assert len((tmp_path / "whole" / "losses.csv").read_text().splitlines()) == 4
    assert (tmp_path / "killed" / "held_out.csv").read_text().splitlines() == ["step,trains", "2,0.000000"]
    assert board_scalars(tmp_path / "killed" / "tensorboard")["loss/total"] == pytest.approx(
        [float(row["total"]) for row in csv.DictReader((tmp_path / "whole" / "losses.csv").open())], abs=1e-5
    )
    assert (tmp_path / "whole" / "losses.png").stat().st_size > 1000
    one, other = (Lavida.from_pretrained(tmp_path / name / "model") for name in ("whole", "killed"))
    for (name, weight), same in zip(one.state_dict().items(), other.state_dict().values(), strict=True):
        assert torch.equal(weight, same), name
    with pytest.raises(ConfigurationError, match="begun with other settings"):
        train(demo_model.demo_lavida(1), sampler, TrainingPlan(steps=5), tmp_path / "whole")


@pytest.mark.parametrize("plan", [rendered_clips, rendered_moments])
def test_a_rendered_example_knows_its_pixels(plan: Callable[..., RenderedSource], tmp_path: Path) -> None:
    source, kept = plan(5, 3), plan(5, 3, kept=tmp_path)
    random = np.random.default_rng(0)
    words = source.words(0)
    frames, masks = source.clip(0, words, 8, random)
    assert masks.shape == (len(frames), *frames[0].shape[:2])
    assert not set(words) & set(source.absent(0, random))
    assert len(source.absent(0, random)) >= source.longest_list
    for frame, mask in zip(source.rendered(0), masks, strict=True):
        for box in (box for box in frame.boxes if box.event != "person"):  # what a box is around has pixels in it
            assert mask[int(box.y0) : int(box.y1) + 1, int(box.x0) : int(box.x1) + 1].any()
    assert not source.clip(0, [], 8, random)[1].any()
    for _ in range(2):  # rendered and put away; then read
        again, same = kept.clip(0, words, 8, random)
        assert all(np.array_equal(a, b) for a, b in zip(again, frames, strict=True))
        assert np.array_equal(same, masks)
        kept.rendered.cache_clear()


def test_figures_on_held_out_cameras() -> None:
    figures = held_out_figures(demo_model.demo_lavida(1).eval(), 1, Cameras.CHECKED)
    assert figures.pixel_auc is None or 0 <= figures.pixel_auc <= 1
    assert all(0 <= value <= 1 for value in figures.frame_auc.values())


def test_the_encoders_start_is_learned_once(tmp_path: Path) -> None:
    source, said = rendered_moments(5, 2), []
    losses = []
    for _ in range(2):
        model = demo_model.demo_lavida(1)
        start_encoder(model, source, DensePlan(steps=2, warm_up=1), tmp_path, lambda *row: said.append(row))
        losses.append(model.sam.state_dict())
    assert len(said) == 2  # the second call read what the first had learned
    assert all(torch.equal(weight, losses[1][name]) for name, weight in losses[0].items())
    fresh = demo_model.demo_lavida(1).sam.state_dict()
    for part in ("neck.convs.0.weight", "backbone.network.conv1.0.weight"):
        assert not torch.equal(fresh[f"vision_encoder.{part}"], losses[0][f"vision_encoder.{part}"])


def test_words_look_where_their_thing_is_once_they_are_aligned() -> None:
    model, said = demo_model.demo_lavida(1), []
    before = {name: weight.clone() for name, weight in model.state_dict().items()}
    align_words(model, rendered_moments(5, 2), DensePlan(word_steps=6, warm_up=1), lambda *row: said.append(row[2]))
    changed = {name for name, weight in model.state_dict().items() if not torch.equal(before[name], weight)}
    trained = ("projector.from_words", "projector.from_visual", "projector.words_to_visual")
    assert all(name.startswith(trained) for name in changed)
    assert said[-1]["words"] < said[0]["words"]
    attention = model.projector.words_to_visual
    assert torch.equal(attention.k_proj.weight, 4 * attention.q_proj.weight)


@torch.inference_mode()
def test_words_are_read_as_open_clip_reads_them() -> None:
    import open_clip  # noqa: PLC0415  # after torchvision_compat

    open_clip_model = open_clip.create_model(f"local-dir:{demo_model.DEMO_ENCODER}")
    model = demo_model.demo_lavida(1)
    words = ["a dog", "riding a bicycle on the pavement"]
    found = model.encode_words(words)
    tokens = model.words_tokenizer(words, padding="max_length", max_length=32, return_tensors="pt")["input_ids"]
    expected = open_clip_model.encode_text(tokens)
    torch.testing.assert_close(found @ open_clip_model.text.text_projection, expected, atol=1e-4, rtol=1e-4)
