"""How well a model predicts held-out responses, without decoding: nats per token.

For a masked diffusion model this is a bound (LLaDA, arXiv 2502.09992): of a response of T tokens mask l,
drawn uniformly from 1 to T, and weigh the masked tokens' loss by T / l. The mean over draws bounds the
negative log-likelihood from above. A causal model's is exact, from one forward. The end token counts, once.
"""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from scipy.stats import norm
from torch import Tensor

from depcap.errors import DepcapError
from depcap.models.denoiser import TransformerDenoiser
from depcap.models.loading import Model
from depcap.types import Query, Window

Progress = Callable[[int], None]
"""Called with the number of problems done since the last call."""
ROWS_AT_ONCE = 16


@dataclass(frozen=True, slots=True)
class Likelihood:
    """Nats per token with a 95 % interval over problems, and how many tokens and masks that took.

    One problem has no interval.
    """

    nats_per_token: float
    ci95: tuple[float, float] | None
    tokens: int
    masks: int


def likelihood(
    model: Model,
    pairs: Iterable[tuple[str, str]],
    masks: int = 32,
    progress: Progress = lambda _done: None,
) -> Likelihood:
    """The mean over `(prompt, response)` pairs, token for token; `masks` draws each, the same for
    any diffusion model; a causal one needs none.

    The draws' sizes are spread evenly over 1 to T (one random offset), which steadies the mean.
    """
    if masks < 1:
        raise DepcapError(f"masks {masks} must be at least 1")
    if model.tokenizer is None:
        raise DepcapError(f"{model.name} has no tokenizer, so it has no likelihood of a text")
    masks = 1 if model.denoiser.causal else masks  # exact, from one forward
    sums, lengths = [], []
    for number, (prompt, response) in enumerate(pairs):
        noise = torch.Generator().manual_seed(number)
        head = model.tokenizer.encode(prompt)
        tail = [*model.tokenizer.encode_response(response), model.denoiser.end_ids[0]]
        if (length := len(head) + len(tail)) > model.max_positions:
            raise DepcapError(
                f"problem {number + 1} has {length} tokens with its answer, and {model.name} at most"
                f" {model.max_positions}"
            )
        sums.append(_nats(model.denoiser, head, tail, masks, noise))
        lengths.append(len(tail))
        progress(1)
    return _summary(torch.tensor(sums, dtype=torch.float64), torch.tensor(lengths), masks)


def _nats(
    denoiser: TransformerDenoiser, head: list[int], tail: list[int], masks: int, noise: torch.Generator
) -> float:
    """One response's negative log-likelihood, or its bound."""
    ids = torch.tensor(head + tail, device=denoiser.device).repeat(masks, 1)
    masked = torch.ones(masks, len(tail), dtype=torch.bool)
    if not denoiser.causal:
        masked = draw_masks(len(tail), masks, noise)
        ids[:, len(head) :][masked] = denoiser.mask_id
    wanted = torch.tensor(tail, device=denoiser.device)
    losses = torch.cat([_losses(denoiser, part, wanted) for part in torch.split(ids, ROWS_AT_ONCE)]).cpu()
    weights = len(tail) / masked.sum(1)
    return float(((losses * masked).sum(1) * weights).mean())


@torch.inference_mode()
def _losses(denoiser: TransformerDenoiser, ids: Int[Tensor, "R L"], tail: Int[Tensor, "T"]) -> Tensor:
    """Cross-entropy [R T] of the last T positions."""
    rows, length = ids.shape
    end = torch.full((rows,), length, device=ids.device)
    start = end - len(tail)
    whole = torch.ones_like(ids, dtype=torch.bool)
    log_probs = denoiser(ids, Query(whole, Window.span(start, end), whole), None).log_probs
    return -log_probs.gather(2, tail.expand(rows, -1)[..., None])[..., 0]


def draw_masks(length: int, masks: int, noise: torch.Generator) -> Bool[Tensor, "K T"]:
    """`masks` rows with 1 to `length` masked positions: sizes spread evenly, positions at random."""
    offset = torch.rand(1, generator=noise)
    sizes = 1 + ((offset + torch.arange(masks) / masks) % 1 * length).long().clamp(max=length - 1)
    ranks = torch.rand(masks, length, generator=noise).argsort(1).argsort(1)
    return ranks < sizes[:, None]


def _summary(sums: Float[Tensor, "N"], lengths: Tensor, masks: int) -> Likelihood:
    """The ratio of sums, with the interval of a ratio estimator over problems."""
    total = int(lengths.sum())
    mean = float(sums.sum()) / total
    if len(sums) == 1:
        return Likelihood(mean, None, total, masks)
    spread = float((sums - mean * lengths).std()) * math.sqrt(len(sums)) / total
    half = float(norm.ppf(0.975)) * spread
    return Likelihood(mean, (mean - half, mean + half), total, masks)
