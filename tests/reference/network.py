"""A Llama-shaped network one position at a time, with keys and values kept per position in a dictionary."""

import math

import numpy as np

MASKED_OUT = -1e4


class Network:
    """`weights` by our names, as float64 arrays. `kept[layer, position]` holds the last key and value.

    `end_id` and `filter`, the weights of learn2pd's, are what some methods need of a model.
    """

    def __init__(self, weights, heads, kv_heads, theta, eps, mask_id, shift, end_id=None, filter=None):
        self.w, self.heads, self.kv_heads = weights, heads, kv_heads
        self.theta, self.eps, self.mask_id, self.shift = theta, eps, mask_id, shift
        self.end_id, self.filter = end_id, filter
        self.layers = 1 + max(int(name.split(".")[1]) for name in weights if name.startswith("layers."))
        self.kept = {}

    def full(self, ids):
        """Log-probabilities for every position, everything computed afresh."""
        self.kept = {}
        return self.partial(ids, 0, len(ids))

    def partial(self, ids, start, end):
        """Log-probabilities for positions start .. end (others None); only their keys and values are new.

        A model whose output at a position predicts the next one also computes the position before `start`.
        """
        return self.some(ids, range(start, end), range(len(ids)))

    def some(self, ids, computed, visible, read=None):
        """Log-probabilities for the computed positions that are read (all unless it says which).

        Each attends to the visible ones. What predicts a position that is read is computed too.
        """
        asked = [p for p in computed if read is None or p in read]
        before, self.visible = [max(position - self.shift, 0) for position in asked], visible
        hidden = self._hidden(ids, sorted({*computed, *before}), visible)
        out = [None] * len(ids)
        for position in asked:
            out[position] = self._log_probs(hidden[max(position - self.shift, 0)])
        return out

    def _log_probs(self, hidden):
        logits = self.w["head.weight"] @ hidden
        logits[self.mask_id] = MASKED_OUT
        top = logits.max()
        return logits - (top + math.log(np.exp(logits - top).sum()))

    def shadows(self, ids, positions):
        """Log-probabilities for positions, from a mask in their place that sees all but what stands there.

        Keys and values, and what is visible, are those of the last forward. A model that predicts the next
        position has no place for that mask: there the token before is asked again, without seeing what it
        predicts.
        """
        x = {}
        for position in positions:
            before = ids[position - 1] if self.shift else self.mask_id
            x[position] = self.w["embed.weight"][before]
        for layer in range(self.layers):
            normed = {p: self._norm(x[p], f"layers.{layer}.attention_norm.weight") for p in x}
            places = {p: p - self.shift for p in x}
            queries = {p: self._rotate(self._project(normed[p], layer, "q"), places[p]) for p in x}
            mine = {
                p: (
                    self._rotate(self._project(normed[p], layer, "k"), places[p]),
                    self._project(normed[p], layer, "v"),
                )
                for p in x
            }
            real = {p: self.kept[layer, p] for p in self.visible}
            for p in x:
                seen = [pair for place, pair in real.items() if place != p] + list(mine.values())
                x[p] = x[p] + self._mixed(queries[p], layer, stacked(seen))
                x[p] = x[p] + self._mlp(self._norm(x[p], f"layers.{layer}.mlp_norm.weight"), layer)
        return {p: self._log_probs(self._norm(x[p], "norm.weight")) for p in x}

    def _hidden(self, ids, computed, visible):
        x = {position: self.w["embed.weight"][ids[position]] for position in computed}
        self.attended = {}
        for layer in range(self.layers):
            queries = {}
            for position in x:
                normed = self._norm(x[position], f"layers.{layer}.attention_norm.weight")
                queries[position] = self._rotate(self._project(normed, layer, "q"), position)
                key = self._rotate(self._project(normed, layer, "k"), position)
                self.kept[layer, position] = key, self._project(normed, layer, "v")
            seen = stacked([self.kept[layer, position] for position in visible])
            for position in x:
                x[position] = x[position] + self._attend(queries[position], layer, seen, visible, position)
                normed = self._norm(x[position], f"layers.{layer}.mlp_norm.weight")
                x[position] = x[position] + self._mlp(normed, layer)
        return {position: self._norm(x[position], "norm.weight") for position in x}

    def _norm(self, x, name):
        return self.w[name] * x / math.sqrt((x * x).mean() + self.eps)

    def _project(self, x, layer, part):
        name = f"layers.{layer}.attention.{part}_proj"
        out = self.w[f"{name}.weight"] @ x + self.w.get(f"{name}.bias", 0.0)
        return out.reshape(self.heads if part == "q" else self.kv_heads, -1)

    def _rotate(self, heads, position):
        half = heads.shape[1] // 2
        angles = position / self.theta ** (2 * np.arange(half) / heads.shape[1])
        a, b = heads[:, :half], heads[:, half:]
        cos, sin = np.cos(angles), np.sin(angles)
        return np.concatenate((a * cos - b * sin, b * cos + a * sin), axis=1)

    def _attend(self, query, layer, seen, visible, position):
        out = self._mixed(query, layer, seen)
        watched = max(1, self.layers // 8)
        if layer >= self.layers - watched:
            row = self.attended.setdefault(position, dict.fromkeys(visible, 0.0))
            for place, weight in zip(visible, self.weights, strict=True):
                row[place] += weight / watched
        return out

    def _mixed(self, query, layer, seen):
        """Attention over keys and values, projected back; `weights` are its mean over heads."""
        group = np.arange(self.heads) // (self.heads // self.kv_heads)
        keys, values = seen[0][:, group], seen[1][:, group]
        scores = (keys * query).sum(axis=2) / math.sqrt(query.shape[1])
        weights = np.exp(scores - scores.max(axis=0))
        weights /= weights.sum(axis=0)
        self.weights = weights.mean(axis=1)
        out = (weights[:, :, None] * values).sum(axis=0)
        return self.w[f"layers.{layer}.attention.o_proj.weight"] @ out.reshape(-1)

    def _mlp(self, x, layer):
        gate = self.w[f"layers.{layer}.mlp.gate_proj.weight"] @ x
        up = self.w[f"layers.{layer}.mlp.up_proj.weight"] @ x
        return self.w[f"layers.{layer}.mlp.down_proj.weight"] @ (gate / (1 + np.exp(-gate)) * up)


def stacked(pairs):
    """Keys and values of many positions as one array each."""
    keys, values = zip(*pairs, strict=True)
    return np.stack(keys), np.stack(values)
