"""Photo templates: a text is described to the encoder in many ways and the mean embedding taken (paper section 3.3).

The idea and the kinds of picture are WinCLIP's; the wording is ours.
"""

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


def in_templates(text: str) -> list[str]:
    """``text`` in every template; braces in the text are left alone."""
    return [template.replace("{}", text) for template in PHOTO_TEMPLATES]
