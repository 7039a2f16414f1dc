"""How the two demo models were made: rendered footage in, an open_clip directory and a transformers directory out."""

import anyanomaly_core.models.torchvision_compat  # noqa: F401  # before timm, open_clip and transformers
