"""The multi-scale semantic projector: what the language model means by <SEG>, looked for in each frame.

The words look at the frame's features (one cross-attention). Then learned queries look at the <SEG> token and at the
words in turn (two-way blocks as in SAM's mask decoder). All queries together become one prompt token a frame.
"""

from dataclasses import dataclass

import torch
from torch import nn
from transformers import Sam2MaskDecoderConfig
from transformers.models.sam2.modeling_sam2 import Sam2Attention, Sam2TwoWayAttentionBlock


@dataclass(frozen=True)
class ProjectorSizes:
    """Widths and counts; the defaults are the published ones (54 million parameters with a language model of 3584)."""

    hidden: int = 768
    queries: int = 48
    blocks: int = 5
    heads: int = 12
    word_heads: int = 8
    mlp: int = 2048


class SemanticProjector(nn.Module):
    """<SEG>, words and features of T frames -> one prompt token a frame."""

    def __init__(self, sizes: ProjectorSizes, *, language: int, visual: int, words: int | None) -> None:
        """Sizes of what comes in.

        Args:
            sizes: of the projector.
            language: width of the language model.
            visual: width of SAM 2's features and prompts.
            words: width of the text encoder; None: no words, the queries see <SEG> alone.
        """
        super().__init__()
        width = sizes.hidden
        self.from_language = nn.Linear(language, width)
        self.has_words = words is not None
        if words is not None:
            self.from_visual = nn.Linear(visual, width)
            self.from_words = nn.Linear(words, width)
            self.words_to_visual = Sam2Attention(_attention(sizes, sizes.word_heads))  # type: ignore[no-untyped-call]
            self.word_norm = nn.LayerNorm(width)
            self.word_out = nn.Linear(width, width)
        self.queries = nn.Parameter(torch.randn(sizes.queries, width) * 0.02)
        config = _attention(sizes, sizes.heads)
        self.blocks = nn.ModuleList(Sam2TwoWayAttentionBlock(config) for _ in range(sizes.blocks))
        self.to_prompt = nn.Linear(sizes.queries * width, visual)

    def forward(
        self, seg: torch.Tensor, features: torch.Tensor, positions: torch.Tensor, words: torch.Tensor | None
    ) -> torch.Tensor:
        """Prompt tokens [T, visual].

        Args:
            seg: [language] hidden state at <SEG>.
            features: [T, HW, visual] of the coarsest level.
            positions: [T, HW, visual] sine positions of these.
            words: [n, words] one row a category; None without a text branch.
        """
        frames = len(features)
        keys = self.from_language(seg).expand(frames, 1, 1, -1)  # [T, 1, 1, hidden]
        if self.has_words and words is not None:
            seen = self.from_visual(features + positions)[:, None]  # [T, 1, HW, hidden]
            asked = self.from_words(words).expand(frames, 1, -1, -1)  # [T, 1, n, hidden]
            found, _ = self.words_to_visual(query=asked, key=seen, value=seen)  # [T, 1, n, hidden]
            keys = torch.cat([keys, self.word_out(self.word_norm(asked + found))], dim=2)  # [T, 1, 1 + n, hidden]
        start = self.queries.expand(frames, 1, -1, -1)  # [T, 1, queries, hidden]
        queries, places = start, keys
        for block in self.blocks:  # what was there at first is added again in every block
            queries, keys, _ = block(queries, keys, start, places, None)
        prompt: torch.Tensor = self.to_prompt(queries.flatten(1))  # [T, visual]
        return prompt


def _attention(sizes: ProjectorSizes, heads: int) -> Sam2MaskDecoderConfig:
    config = Sam2MaskDecoderConfig(hidden_size=sizes.hidden, num_attention_heads=heads, mlp_dim=sizes.mlp)
    config._attn_implementation = "sdpa"  # noqa: SLF001  # a part of a model has nobody else to tell it
    return config
