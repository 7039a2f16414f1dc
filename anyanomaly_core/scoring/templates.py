"""Photo templates: a text is described to the encoder in many ways and the mean embedding taken (paper section 3.3).

The idea and the kinds of picture are WinCLIP's. The wording is ours, or, to repeat published figures, that of the
reference implementation of AnyAnomaly: WinCLIP's but for two slips, one template is missing and one stands twice.
"""

from collections.abc import Sequence
from itertools import product

PHOTO_TEMPLATES: tuple[str, ...] = (
    "a photo of {}",
    "a picture that shows {}",
    "a cropped photo of {}",
    "a cropped picture with {} in it",
    "a close-up photo of {}",
    "a close view of {}",
    "a bright photo of {}",
    "a bright picture of {} by day",
    "a dark photo of {}",
    "a dark picture of {} at night",
    "a jpeg corrupted photo of {}",
    "a badly compressed picture of {}",
    "a blurry photo of {}",
    "a blurred picture of {} in motion",
    "a small photo of {}",
    "a photo of {}, small and far away",
    "a large photo of {}",
    "a photo of {}, large and near",
    "a photo of {} from a surveillance camera",
    "a photo of {} for visual inspection",
    "a photo of {} for anomaly detection",
)


def _published_templates() -> tuple[str, ...]:
    articles = ("a", "the")
    starts = [*(f"a {kind} photo of" for kind in ("close-up", "bright", "dark", "blurry")), "a photo of"]
    return (
        "a cropped photo of the {}.",
        *["a jpeg corrupted photo of the {}."] * 2,
        *(f"{start} {article} {{}}." for start, article in product(starts, articles)),
        *(f"a photo of {article} {size} {{}}." for size, article in product(("small", "large"), articles)),
        *(
            f"a photo of {article} {{}} for {purpose}."
            for purpose, article in product(("visual inspection", "anomaly detection"), articles)
        ),
    )


TEMPLATES: dict[str, tuple[str, ...]] = {"product": PHOTO_TEMPLATES, "published": _published_templates()}


def fill_templates(text: str, templates: Sequence[str] = PHOTO_TEMPLATES) -> list[str]:
    """``text`` in every template; braces in the text are left alone."""
    return [template.replace("{}", text) for template in templates]
