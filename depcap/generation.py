"""Prompts in, results out: `generate` and `stream`, over the loop in `decoder`."""

import time
from collections.abc import Iterator
from typing import Any

import torch

from depcap.decoder import Ledger, canvas_for, steps
from depcap.models.loading import Model
from depcap.recorder import Recorder
from depcap.request import Prompts, Request, Settings, check
from depcap.result import Result
from depcap.speculative import Speculation, speculate
from depcap.trace import response_length
from depcap.types import Step


def generate(
    model: Model,
    prompts: Prompts,
    method: str = "depcap",
    cache: str = "none",
    gen_length: int = 256,
    stop: str = "eos",
    record: str | None = None,
    seed: int = 0,
    temperature: float = 0.0,
    **params: Any,
) -> list[Result]:
    """Decode prompts as one batch.

    Args:
        model: from `load`.
        prompts: one string, a list of strings, or a list of token-id lists (ragged lengths are fine).
        method: a name in `METHODS`.
        cache: a name in the method's `caches`, such as `none` or `dual`; with parameters `dkv:refresh=4`.
        gen_length: positions to fill.
        stop: `eos` (a row ends once an end token and all before it are decided), `run_to_end`, or `eotp`
            (the row is cut where an end token is predicted).
        record: None, or the trace's level: `decisions`, `scores` or `distributions`.
        seed: of row 0's draws at a temperature above 0; row r uses `seed + r`.
        temperature: 0 is greedy.
        **params: parameters of the method; the others keep their defaults.

    Returns:
        One Result per prompt, in order. A row's result does not depend on the others.

    Raises:
        DepcapError: bad input, in one line.
    """
    settings = Settings(method, cache, gen_length, stop, seed, temperature, params)
    return start(model, prompts, settings, record).run()


def stream(
    model: Model,
    prompts: Prompts,
    method: str = "depcap",
    cache: str = "none",
    gen_length: int = 256,
    stop: str = "eos",
    seed: int = 0,
    temperature: float = 0.0,
    **params: Any,
) -> Iterator[Step]:
    """Decode prompts and yield every Step as it happens; arguments as for `generate`.

    A Step is frozen: nothing a consumer does can change the decode. Bad input raises here, not at the
    first step.
    """
    settings = Settings(method, cache, gen_length, stop, seed, temperature, params)
    return iter(start(model, prompts, settings))


def start(model: Model, prompts: Prompts, settings: Settings, record: str | None = None) -> "Decoding":
    """A checked decode that has not begun."""
    request = check(model, prompts, settings, record)
    return Decoding(request, Recorder(request, record) if record else None)


class Decoding:
    """One decode: iterate over its steps, then ask for the results.

    Time spent by whoever iterates is not counted in `seconds`.
    """

    def __init__(self, request: Request, recorder: Recorder | None) -> None:
        self.request, self._recorder = request, recorder
        denoiser = request.model.denoiser
        canvas = canvas_for(request.prompts, request.settings.gen_length, denoiser, denoiser.device)
        method = request.method.method
        if isinstance(method, Speculation):
            self._steps = speculate(denoiser, canvas, method)
        else:
            self._steps = steps(denoiser, canvas, method)
        self._ledger = Ledger.empty(canvas)
        self._canvas = canvas
        self.seconds = 0.0
        self._row_seconds = [0.0] * len(request.prompts)

    def __iter__(self) -> Iterator[Step]:
        """Yield every step as it happens."""
        while True:
            began = self._now()
            step = next(self._steps, None)
            self.seconds += self._now() - began
            if step is None:
                return
            self._take(step)
            yield step

    def _now(self) -> float:
        """The clock, once a GPU has done what is queued there: a recorder's work is not a decoder's time."""
        device = self.request.model.denoiser.device
        if device.type != "cpu":
            torch.accelerator.synchronize(device)
        return time.perf_counter()

    def _take(self, step: Step) -> None:
        self._ledger, self._canvas = self._ledger.add(step), step.canvas
        for row in step.proposal.eligible.any(dim=1).nonzero().flatten().tolist():
            self._row_seconds[row] = self.seconds
        if self._recorder is not None:
            self._recorder.step(step, self.seconds)

    def run(self) -> list[Result]:
        """Decode to the end."""
        for _ in self:
            pass
        return self.results()

    def results(self) -> list[Result]:
        """One Result per prompt, with its trace if the decode was recorded."""
        results = [self._result(row) for row in range(len(self.request.prompts))]
        return self._recorder.finish(results) if self._recorder is not None else results

    def _result(self, row: int) -> Result:
        prompt, end = self.request.prompts[row], int(self._canvas.end[row])
        region = self._canvas.ids[row, len(prompt) : len(prompt) + self.request.settings.gen_length].tolist()
        filled = len(region) - region.count(self._canvas.mask_id)
        tokens = region[: end - len(prompt)]
        when = self._ledger.unmask_step[row, len(prompt) : end].tolist()
        length = response_length(tokens, self.request.model.denoiser.end_ids)
        tokenizer = self.request.model.tokenizer
        text = tokenizer.decode(tokens[:length]) if tokenizer else None
        ledger = self._ledger
        return Result(
            prompt, tokens, text, int(ledger.nfe[row]), int(ledger.computed[row]), int(ledger.auxiliary[row]),
            int(ledger.auxiliary_computed[row]), filled, ledger.block_sizes(row), when,
            self._row_seconds[row], length,
        )  # fmt: skip
