"""Fewer visual tokens, without training: reverse attention (LAVIDA, arXiv 2602.19248, section on token compression).

The visual tokens of one picture or clip lie densely where it is background and sparsely where something stands out. The
densest become references, each of the others joins the reference nearest to it, and a reference becomes the mean of its
group in which what is *unlike* it weighs most. Only references stay; they keep their places and positions.

Three things differ from the published code, which does not say what happens there: tokens that are exactly alike (black
or frozen pictures) count once, else their density is endless and they take all references; a reference that nobody
joins keeps its own feature; and with a share of 1 nothing is done.
"""

from dataclasses import dataclass

import torch

NEIGHBOURS = 8  # k of the density
_ROWS = 512  # distances computed at once, against [L, L] in memory


@dataclass(frozen=True, slots=True)
class Compression:
    """How L tokens become R, the same for every kind of feature these tokens have."""

    references: torch.Tensor  # int64 [R], ascending places of the tokens that stay
    group: torch.Tensor  # int64 [L], which of the R each token belongs to
    weights: torch.Tensor  # float32 [L], sum 1 in each group

    def apply(self, features: torch.Tensor) -> torch.Tensor:
        """[R, C] for [L, C] features of the tokens, in their dtype."""
        weighted = features.float() * self.weights[:, None]  # [L, C]
        out = weighted.new_zeros(len(self.references), features.shape[1])
        return out.index_add_(0, self.group, weighted).to(features.dtype)


def compress_tokens(tokens: torch.Tensor, share: float) -> Compression:
    """Choose references among tokens and say how the others go into them.

    Args:
        tokens: [L, C] as the language model would read them, L >= 1.
        share: ρ in (0, 1], of the tokens that stay; at least one does.
    """
    length = len(tokens)
    places = torch.arange(length, device=tokens.device)
    if share >= 1 or length < 2:  # noqa: PLR2004
        return Compression(places, places, torch.ones(length, device=tokens.device))
    kept = max(1, int(share * length))
    x = tokens.float()  # [L, C]
    first = _first_alike(x)  # [L], place of the first token that is exactly the same
    distinct = torch.unique(first)  # [U], ascending
    density = local_density(x[distinct])  # [U]
    chosen = distinct[density.argsort(descending=True, stable=True)[:kept]]  # [min(R, U)]
    if len(chosen) < kept:  # fewer different tokens than places: repetitions fill them, the earliest first
        rest = places[torch.isin(places, chosen, invert=True)]
        chosen = torch.cat([chosen, rest[: kept - len(chosen)]])
    references = chosen.sort().values  # [R]
    group = _nearest(x, x[references])  # [L]
    group[references] = torch.arange(kept, device=tokens.device)  # of references that are alike, each keeps itself
    logits = -(x[references][group] * x).sum(1) / x.shape[1] ** 0.5  # [L], unlike is heavy
    return Compression(references, group, group_softmax(logits, group, kept))


def local_density(x: torch.Tensor, neighbours: int = NEIGHBOURS) -> torch.Tensor:
    """[U] local reachability density of the local outlier factor, for rows [U, C].

    The inverse of the mean distance to the k nearest, where a distance counts at least as much as that neighbour's own
    k-th.
    """
    k = min(neighbours, len(x) - 1)
    if k < 1:
        return torch.ones(len(x), device=x.device)
    distances: list[torch.Tensor] = []
    nearest: list[torch.Tensor] = []
    for part in torch.split(x, _ROWS):
        apart = torch.cdist(part, x, compute_mode="donot_use_mm_for_euclid_dist") / x.shape[1] ** 0.5  # [b, U]
        start = _ROWS * len(distances)
        apart[torch.arange(len(part)), torch.arange(start, start + len(part))] = torch.inf  # not itself
        found = apart.topk(k, largest=False)
        distances.append(found.values)
        nearest.append(found.indices)
    distance, near = torch.cat(distances), torch.cat(nearest)  # [U, k]
    reach = torch.maximum(distance[:, -1][near], distance)  # [U, k]
    return k / (reach.sum(1) + 1e-10)


def group_softmax(logits: torch.Tensor, group: torch.Tensor, groups: int) -> torch.Tensor:
    """[L] softmax of the logits [L] among those of one group."""
    highest = logits.new_full((groups,), -torch.inf).scatter_reduce_(0, group, logits, "amax")  # [R]
    weights = (logits - highest[group]).exp()  # [L]
    total = logits.new_zeros(groups).index_add_(0, group, weights)  # [R]
    return weights / total[group]


def _first_alike(x: torch.Tensor) -> torch.Tensor:
    """[L] for each row of [L, C] the place of the first row that equals it."""
    _, number = torch.unique(x, dim=0, return_inverse=True)  # [L]
    places = torch.arange(len(x), device=x.device)
    first = torch.full((int(number.max()) + 1,), len(x), device=x.device).scatter_reduce_(0, number, places, "amin")
    return first[number]


def _nearest(x: torch.Tensor, references: torch.Tensor) -> torch.Tensor:
    """[L] which of the references [R, C] is nearest to each row of [L, C]; the first of equals."""
    parts = torch.split(x, _ROWS)
    return torch.cat(
        [torch.cdist(part, references, compute_mode="donot_use_mm_for_euclid_dist").argmin(1) for part in parts]
    )
