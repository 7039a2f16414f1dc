"""Which of the model's weights learn: the projector, SAM 2's decoder and prompts, LoRA, and <SEG>'s row."""

from collections.abc import Iterator

from torch import nn

from anyanomaly_core.models.lavida.model import Lavida

RANK, DROPOUT = 8, 0.05
LANGUAGE_LAYERS = r"^(?!.*(vision|visual)).*\.(q_proj|v_proj)$"  # not the image encoder's


def make_trainable(model: Lavida, *, rank: int = RANK, whole_sam: bool = False) -> Lavida:
    """Freeze all but what learns. In the published code whole embedding tables do, and <SEG>'s row never moves.

    Args:
        model: changed in place.
        rank: of LoRA.
        whole_sam: SAM 2's image encoder learns as well.
    """
    from peft import LoraConfig, get_peft_model  # noqa: PLC0415  # training alone needs it

    model.requires_grad_(requires_grad=False)
    lora = LoraConfig(
        r=rank,
        lora_alpha=2 * rank,
        lora_dropout=DROPOUT,
        bias="none",
        target_modules=LANGUAGE_LAYERS,
        trainable_token_indices=[model.seg_id],
    )
    model.lvlm = get_peft_model(model.lvlm, lora)
    sam = [model.sam] if whole_sam else [model.sam.mask_decoder, model.sam.prompt_encoder]
    for part in (model.projector, *sam):
        part.requires_grad_()
    return model


def trainable_parameters(model: nn.Module) -> Iterator[tuple[str, nn.Parameter]]:
    """Names and weights that learn."""
    return ((name, weight) for name, weight in model.named_parameters() if weight.requires_grad)
