"""Small synthetic payloads for the viewer, in the shape of `docs/viewer.md`."""

import json
import math
from random import Random
from typing import Any

from analysis import figures

END, MASK = 0, 1
TAU_LOW, TAU_HIGH, GAMMA = 0.8, 0.95, -16.0
HOSTILE = (
    "<img src=x onerror=alert(1)>",
    "${1+1}",
    "{{x}}",
    "</script>",
    "\u202egnp.exe\u2066",
    "x" * 10_000,
    "%{customdata}",
    "<b>bold</b>",
    "`${alert(1)}`",
)
REASONS: dict[str, dict[str, Any]] = {
    "committed_high": {
        "committed": True,
        "label": "sure",
        "words": "unmasked, confidence {confidence} is at least τ_high = {tau_high}",
    },
    "committed_greedy": {
        "committed": True,
        "label": "picked",
        "words": "unmasked in round {round}, confidence {confidence}, no conflict left",
    },
    "committed_forced": {
        "committed": True,
        "label": "forced",
        "words": "unmasked as the most confident, {confidence}; a step must unmask something",
    },
    "blocked_by_high": {
        "committed": False,
        "label": "waits",
        "words": "waits, conflicts with the sure {cause_token} at {cause} (D = {d} > γ = {gamma})",
    },
    "blocked_by_pick": {
        "committed": False,
        "label": "waits",
        "words": "waits, conflicts with {cause_token} at {cause} (D = {d} > γ = {gamma})",
    },
    "below_tau_low": {
        "committed": False,
        "label": "unsure",
        "words": "waits, confidence {confidence} is below τ_low = {tau_low}",
    },
}
PROMPT = "<|user|>\nWrite a Python function that returns the squares of even numbers.\n<|assistant|>\n"
CODE = '''def even_squares(numbers):
    """Return the squares of the even numbers in a list."""
    squares = []
    for value in numbers:
        if value % 2 == 0:
            squares.append(value * value)
    return squares

The loop visits each value once, keeps the even ones,
and appends their squares in order.'''


def words(text: str) -> list[str]:
    """Pieces with their leading space or line break, much like those of a subword tokenizer."""
    pieces: list[str] = []
    current = ""
    for char in text:
        is_edge = (char in " \n" and current.strip()) or (
            char in '().,:"' and current and current[-1] not in " \n"
        )
        if is_edge or (current.endswith("\n") and char != " "):
            pieces.append(current)
            current = ""
        current += char
    return [*pieces, current]


def payload(tokens: list[str] | None = None, length: int = 128, seed: int = 3) -> dict[str, Any]:
    """A DepCap decode of `tokens` (code by default), the rest of `length` being end tokens."""
    rng = Random(seed)
    texts = words(CODE) if tokens is None else tokens
    prompt_texts = words(PROMPT)
    vocabulary = [
        "<|end|>",
        "<|mask|>",
        *dict.fromkeys([*prompt_texts, *texts, " the", " a", "(", " of", " in"]),
    ]
    ids = {text: k for k, text in enumerate(vocabulary)}
    prompt = [ids[text] for text in prompt_texts]
    final = [ids[text] for text in texts][:length]
    final += [END] * (length - len(final))
    return _document(rng, prompt, final, vocabulary)


def _document(rng: Random, prompt: list[int], final: list[int], vocabulary: list[str]) -> dict[str, Any]:
    start, length = len(prompt), len(final)
    blocks: list[dict[str, Any]] = []
    steps: list[dict[str, Any]] = []
    at = start
    while at < start + length:
        blocks.append(_block(rng, len(blocks), at, start + length, len(steps) + 1))
        steps += _steps(rng, blocks[-1], final, start, len(steps), vocabulary)
        at = blocks[-1]["end"]
    params = {
        "min_size": 8,
        "max_size": 48,
        "lambda_u": 1.2,
        "tau_low": TAU_LOW,
        "tau_high": TAU_HIGH,
        "gamma": GAMMA,
    }
    header = {
        "model": "synthetic",
        "method": "DepCap",
        "cache": "dual",
        "params": params,
        "gen_length": length,
        "prompt_length": start,
        "nfe": len(steps),
        "seconds": 0.031 * len(steps),
        "tokens_per_second": length / (0.031 * len(steps)),
        "text": "".join(vocabulary[k] for k in final if k),
        "stop": "length",
        "seed": 0,
        "temperature": 0.0,
    }
    specs = {"boundary": figures.boundary(), "conflicts": figures.conflicts(), "timeline": figures.timeline()}
    return {
        "schema": 1,
        "header": header,
        "pieces": {str(k): text for k, text in enumerate(vocabulary)},
        "prompt": prompt,
        "end_id": END,
        "mask_id": MASK,
        "blocks": blocks,
        "steps": steps,
        "reasons": REASONS,
        "figures": {
            name: {**json.loads(spec.to_json()), "config": figures.CONFIG} for name, spec in specs.items()
        },
    }


def _block(rng: Random, index: int, start: int, end: int, step: int) -> dict[str, Any]:
    size = min(48, end - start)
    if index == 0:
        return {
            "index": 0,
            "start": start,
            "end": start + min(8, size),
            "step": step,
            "clamp": "first",
            "wanted": None,
            "curves": None,
        }
    wave = rng.random() * 6
    influence = [2.4 * math.exp(-k / (7 + wave)) - 0.4 + 0.3 * math.sin(k + wave) for k in range(size)]
    entropy = [-0.9 + 0.055 * k + 0.35 * math.sin(k / 2.3 + wave) for k in range(size)]
    score = [i - 1.2 * h for i, h in zip(influence, entropy, strict=True)]
    wanted = next((k for k, value in enumerate(score) if value < 0), size)
    final = end - start if end - start < 8 else min(max(wanted, 8), 48, end - start)
    clamp = None if final == wanted else "end" if final == end - start else "min_size"
    curves = {
        "influence": [abs(v) for v in influence],
        "entropy": [abs(v) for v in entropy],
        "influence_smooth": influence,
        "entropy_smooth": entropy,
        "influence_norm": influence,
        "entropy_norm": entropy,
        "score": score,
    }
    return {
        "index": index,
        "start": start,
        "end": start + final,
        "step": step,
        "clamp": clamp,
        "wanted": wanted,
        "curves": curves,
    }


def _steps(
    rng: Random, block: dict[str, Any], final: list[int], start: int, before: int, vocabulary: list[str]
) -> list[dict[str, Any]]:
    masked = list(range(block["start"], block["end"]))
    sure = {position: 0.35 + 0.6 * rng.random() for position in masked}
    steps: list[dict[str, Any]] = []
    while masked:
        number = before + len(steps) + 1
        for position in masked:
            sure[position] = min(0.999, sure[position] + 0.16 * rng.random())
        step = _decide(rng, masked, sure, final, start, vocabulary)
        step |= {
            "step": number,
            "block": block["index"],
            "nfe": number,
            "seconds": 0.031 * number,
            "computed": len(masked),
        }
        steps.append(step)
        done = {
            p for p, code in zip(step["positions"], step["reason"], strict=True) if REASONS[code]["committed"]
        }
        masked = [position for position in masked if position not in done]
    return steps


def _decide(
    rng: Random,
    masked: list[int],
    sure: dict[int, float],
    final: list[int],
    start: int,
    vocabulary: list[str],
) -> dict[str, Any]:
    edges = [
        [i, j, -16.0 + 12 * rng.random()]
        for i in masked
        for j in masked
        if i < j and min(sure[i], sure[j]) >= TAU_LOW and rng.random() < 0.3
    ]
    near: dict[int, set[int]] = {position: set() for position in masked}
    for i, j, _ in edges:
        near[i].add(j)
        near[j].add(i)
    reason: dict[int, tuple[str, int, int]] = {}
    for position in sorted(masked, key=lambda p: -sure[p]):
        picked = [
            p for p, (code, _, _) in reason.items() if code.startswith("committed") and p in near[position]
        ]
        if sure[position] >= TAU_HIGH:
            reason[position] = ("committed_high", -1, -1)
        elif sure[position] < TAU_LOW:
            reason[position] = ("below_tau_low", -1, -1)
        elif picked:
            high = sure[picked[0]] >= TAU_HIGH
            reason[position] = ("blocked_by_high" if high else "blocked_by_pick", picked[0], -1)
        else:
            reason[position] = ("committed_greedy", -1, len(reason))
    if not any(code.startswith("committed") for code, _, _ in reason.values()):
        reason[max(masked, key=lambda p: sure[p])] = ("committed_forced", -1, -1)
    others = range(2, len(vocabulary))
    top = []
    for position in masked:
        rest = 1 - sure[position]
        top.append(
            [
                [final[position - start], sure[position]],
                *([rng.choice(others), rest * share] for share in (0.5, 0.25, 0.1)),
            ]
        )
    return {
        "positions": list(masked),
        "tokens": [final[p - start] for p in masked],
        "confidence": [sure[p] for p in masked],
        "reason": [reason[p][0] for p in masked],
        "cause": [reason[p][1] for p in masked],
        "round": [reason[p][2] for p in masked],
        "top": top,
        "edges": edges,
    }
