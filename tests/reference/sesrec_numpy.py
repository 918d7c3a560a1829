"""SESRec in float64 NumPy, written from the equations alone, one function per block.

Numbers in brackets are the paper's equations. `B` batch, `T_r`, `T_s` history lengths, `L` words,
`C` clicks, `K` candidates, `d` model width. Masks are boolean, True = valid. Where padding plays
no part the functions take an instance at a time and drop it, instead of masking it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tests.reference.central_differences import note_kink
from tests.reference.parameters import (
    Alignment,
    Array,
    CoAttention,
    Dense,
    Embedding,
    Encoder,
    Indices,
    Normalization,
    Options,
    Parameters,
    TransformerBlock,
    named_arrays,
)
from tests.reference.random_batches import AlignmentNegatives

Mask = npt.NDArray[np.bool_]

LEAKY_SLOPE = 0.01
NORMALIZATION_EPSILON = 1e-8
DISTANCE_EPSILON = 1e-6
THRESHOLD_TOLERANCE = 1e-6


def dense(inputs: Array, layer: Dense) -> Array:
    """`x W + b`."""
    return inputs @ layer.kernel + layer.bias


def relu(inputs: Array, slope: float = 0.0) -> Array:
    """`max(x, 0) + slope · min(x, 0)`; notes the kink at 0."""
    note_kink("relu", inputs)
    return np.where(inputs > 0, inputs, slope * inputs)


def layer_normalization(inputs: Array, norm: Normalization) -> Array:
    """Over the last axis, biased variance; notes rows so flat that the result is steep."""
    centred = inputs - inputs.mean(-1, keepdims=True)
    variance = (centred**2).mean(-1, keepdims=True)
    note_kink("flat row in layer normalisation", np.sqrt(variance))
    return centred / np.sqrt(variance + NORMALIZATION_EPSILON) * norm.gamma + norm.beta


def masked_softmax(logits: Array, mask: Mask) -> Array:
    """Softmax of the last axis over the valid entries; 0 at the others, and if there are none."""
    weights = np.zeros(np.broadcast_shapes(logits.shape, mask.shape))
    logits, mask = np.broadcast_to(logits, weights.shape), np.broadcast_to(mask, weights.shape)
    for index in np.ndindex(weights.shape[:-1]):
        valid = mask[index]
        if valid.any():
            row = logits[index][valid]
            powers = np.exp(row - row.max())
            weights[index][valid] = powers / powers.sum()
    return weights


def log_sum_exp(logits: Array) -> Array:
    """`ln Σ exp` of the last axis."""
    top = logits.max(-1, keepdims=True)
    return top[..., 0] + np.log(np.exp(logits - top).sum(-1))


def lookup(table: Array, ids: Indices, padding: bool) -> Array:
    """Rows of a table, `[..., width]`; with `padding`, index 0 is the constant zero vector."""
    rows = table[ids]
    return np.where((ids == 0)[..., None], 0.0, rows) if padding else rows


def user_embedding(embedding: Embedding, users: Indices, closed_tables: bool = False) -> Array:
    """`e_u`: id and attributes concatenated, `[..., d_u]`, not projected.

    In closed tables index 0 of users and of attributes is an ordinary row.
    """
    parts = [lookup(embedding.user, users, not closed_tables)]
    for column, table in enumerate(embedding.user_attributes):
        ids = embedding.user_attribute_ids[users, column]
        parts.append(lookup(table, ids, not closed_tables))
    return np.concatenate(parts, -1)


def item_embedding(embedding: Embedding, items: Indices, closed_tables: bool = False) -> Array:
    """`e^i`: id and attributes concatenated, `[..., d_i]`; padding is all zeros."""
    parts = [lookup(embedding.item, items, True)]
    for column, table in enumerate(embedding.item_attributes):
        ids = embedding.item_attribute_ids[items, column]
        parts.append(lookup(table, ids, not closed_tables))
    return np.where((items == 0)[..., None], 0.0, np.concatenate(parts, -1))


def query_embedding(embedding: Embedding, queries: Indices, words: Indices) -> Array:
    """`e^q`: id ‖ mean of the real words, `[..., d_q]`; no words give a zero text part."""
    total = lookup(embedding.word, words, True).sum(-2)
    count = np.maximum(1, (words != 0).sum(-1))
    return np.concatenate([lookup(embedding.query, queries, True), total / count[..., None]], -1)


def projected_items(embedding: Embedding, items: Indices, closed_tables: bool = False) -> Array:
    """`ê^i = e^i W_i + b_i` (1), `[..., d]`; `b_i` at padding."""
    return dense(item_embedding(embedding, items, closed_tables), embedding.item_projection)


def projected_queries(embedding: Embedding, queries: Indices, words: Indices) -> Array:
    """`ê^q = e^q W_q + b_q` (1), `[..., d]`; `b_q` at padding."""
    return dense(query_embedding(embedding, queries, words), embedding.query_projection)


def mean_of_clicks(clicked: Array, click_mask: Mask) -> Array:
    """`Ê_c` of (3): mean over the clicks of a session, `[B, T_s, C, d]` to `[B, T_s, d]`.

    A session without clicks gets the zero vector.
    """
    total = np.where(click_mask[..., None], clicked, 0.0).sum(-2)
    return total / np.maximum(1, click_mask.sum(-1))[..., None]


def rec_inputs(items: Array, positions: Array) -> Array:
    """(2): `E_r = Ê_i + P_r`, `[B, T_r, d]`; the first `T_r` rows of `positions`."""
    return items + positions[: items.shape[1]]


def search_inputs(queries: Array, clicks: Array, positions: Array, sources: Array) -> Array:
    """(3): `E_s = Ê_q + Ê_c + P_s + M̂_s`, all `[B, T_s, d]` but `positions [>= T_s, d]`."""
    return queries + clicks + positions[: queries.shape[1]] + sources


def multi_head_attention(states: Array, mask: Mask, block: TransformerBlock, heads: int) -> Array:
    """(4) of one instance, `states [T, d]`, `mask [T]`: every row attends to the valid rows."""
    query, key, value = (dense(states, layer) for layer in (block.query, block.key, block.value))
    width = states.shape[-1] // heads
    contexts = []
    for head in range(heads):
        columns = slice(head * width, (head + 1) * width)
        logits = query[:, columns] @ key[:, columns].T / np.sqrt(width)
        contexts.append(masked_softmax(logits, mask) @ value[:, columns])
    return dense(np.concatenate(contexts, -1), block.output)


def transformer_block(inputs: Array, mask: Mask, block: TransformerBlock, heads: int) -> Array:
    """One post-norm block (4)-(5), `[B, T, d]` to `[B, T, d]`, without dropout.

    `F = LN(E + MHA(E))`, `H = LN(F + W_2 LeakyReLU(W_1 F))`. A padded position beside valid ones
    is an ordinary query: it attends to the valid positions and its output is not zero (only
    `mask_both_axes=False` ever reads it). An instance without valid positions is all zeros.
    """
    outputs = np.zeros_like(inputs)
    for instance in np.flatnonzero(mask.any(-1)):
        states = inputs[instance]
        attended = multi_head_attention(states, mask[instance], block, heads)
        states = layer_normalization(states + attended, block.attention_norm)
        hidden = relu(dense(states, block.inner), LEAKY_SLOPE)
        states = layer_normalization(states + dense(hidden, block.outer), block.feed_forward_norm)
        outputs[instance] = states
    return outputs


def encode_history(inputs: Array, mask: Mask, encoder: Encoder, heads: int) -> Array:
    """`H [B, T, d]` of `E [B, T, d]`: every block in turn."""
    for block in encoder.blocks:
        inputs = transformer_block(inputs, mask, block, heads)
    return inputs


@dataclass(frozen=True)
class AlignmentLosses:
    """Scalars: (6), (7) and their mean (8); all 0 if the batch has no pair."""

    query_to_item: float
    item_to_query: float
    total: float


def similarity(left: Array, bilinear: Array, right: Array) -> Array:
    """`tanh(x W y^T)` of every row of `left [N, d]` and of `right [M, d]`: `[N, M]`."""
    return np.tanh(left @ bilinear @ right.T)


def alignment_losses(
    queries: Array,
    clicked: Array,
    click_mask: Mask,
    negative_items: Array,
    negative_queries: Array,
    alignment: Alignment,
    shared_bilinear: bool = True,
    positive_in_denominator: bool = True,
    reduction: str = "mean",
) -> AlignmentLosses:
    """(6)-(8) on projected embeddings.

    Args:
        queries: `ê^q`, `[B, T_s, d]`.
        clicked: `ê^i` of the clicks, `[B, T_s, C, d]`; click_mask: `[B, T_s, C]`, one True a pair.
        negative_items, negative_queries: `[N, d]`, shared by the batch.
        shared_bilinear: item to query with `W_A` transposed, hence the same `s(q, i)`.
        positive_in_denominator: whether the positive joins the negatives below.
        reduction: `mean` over the pairs of the batch, or `sum` of all of them over `B`.
    """
    bilinear, temperature = alignment.bilinear, float(alignment.temperature)
    backward = bilinear.T if shared_bilinear else bilinear
    sums = [0.0, 0.0]
    pairs = np.argwhere(click_mask)
    for instance, session, click in pairs:
        query, item = queries[instance, session][None], clicked[instance, session, click][None]
        for direction, (left, matrix, right, negatives) in enumerate(
            ((query, bilinear, item, negative_items), (item, backward, query, negative_queries))
        ):
            positive = similarity(left, matrix, right)[0] / temperature
            below = similarity(left, matrix, negatives)[0] / temperature
            if positive_in_denominator:
                below = np.concatenate([positive, below])
            sums[direction] += float(log_sum_exp(below) - positive[0])
    divisor = max(1, len(pairs)) if reduction == "mean" else len(queries)
    query_to_item, item_to_query = (total / divisor for total in sums)
    return AlignmentLosses(query_to_item, item_to_query, (query_to_item + item_to_query) / 2)


@dataclass(frozen=True)
class Contrast:
    """What (9)-(16) yield.

    `*_weights [B, T]` of (10), zero at padding; `*_positive`, `*_negative` `[B, T]` the sets of
    (11)-(12) after the fallback; `*_loss` scalars, each triplet averaged over the batch.
    """

    rec_weights: Array
    search_weights: Array
    rec_positive: Mask
    rec_negative: Mask
    search_positive: Mask
    search_negative: Mask
    rec_loss: float
    search_loss: float

    @property
    def total(self) -> float:
        """(16)."""
        return self.rec_loss + self.search_loss


def co_attention(
    rec_states: Array,
    search_states: Array,
    rec_mask: Mask,
    search_mask: Mask,
    parameters: CoAttention,
    mask_both_axes: bool = True,
) -> tuple[Array, Array]:
    """(9)-(10): weights `a^r [B, T_r]` and `a^s [B, T_s]`, zero at padding.

    States of either history score the positions of the other. `mask_both_axes` keeps the padded
    rows of the scoring history out of the sums; an empty one then scores everything 0.
    """
    rec_scores = np.zeros(rec_mask.shape)
    search_scores = np.zeros(search_mask.shape)
    for instance in range(len(rec_mask)):
        rec, search = rec_states[instance], search_states[instance]
        scoring_rec = rec[rec_mask[instance]] if mask_both_axes else rec
        scoring_search = search[search_mask[instance]] if mask_both_axes else search
        affinity = np.tanh(search @ parameters.bilinear @ scoring_rec.T)
        search_scores[instance] = affinity @ (scoring_rec @ parameters.rec)
        affinity = np.tanh(scoring_search @ parameters.bilinear @ rec.T)
        rec_scores[instance] = (scoring_search @ parameters.search) @ affinity
    return masked_softmax(rec_scores, rec_mask), masked_softmax(search_scores, search_mask)


def partition(
    weights: Array,
    mask: Mask,
    threshold: str | float = "mean",
    strict: bool = False,
    immovable: Mask | None = None,
) -> tuple[Mask, Mask]:
    """Positive and negative sets of (11)-(12), both `[B, T]`, within the valid positions.

    γ is `1/n`, the median of the valid weights, or the constant. A weight is positive if
    `a·n >= γ·n - 1e-6`, or if strict `a·n > γ·n + 1e-6`, so that uniform weights are never split
    by rounding. A set that comes out empty becomes all valid positions.

    Notes the kinks at γ, except where a weight cannot move away from it: a single event, the
    middle event of an odd number under the median, and the instances marked in `immovable [B]`.
    """
    positive, negative = np.zeros_like(mask), np.zeros_like(mask)
    for instance in np.flatnonzero(mask.any(-1)):
        valid = np.flatnonzero(mask[instance])
        scaled = weights[instance, valid] * len(valid)
        limits = {"mean": 1.0, "median": float(np.median(scaled))}
        limit = limits[threshold] if isinstance(threshold, str) else threshold * len(valid)
        movable = len(valid) > 1 and not (immovable is not None and immovable[instance])
        if movable:
            note_kink("threshold", _threshold_gaps(scaled, limit, threshold))
        above = (
            scaled > limit + THRESHOLD_TOLERANCE
            if strict
            else scaled >= limit - THRESHOLD_TOLERANCE
        )
        positive[instance, valid] = above if above.any() else True
        negative[instance, valid] = ~above if not above.all() else True
    return positive, negative


def _threshold_gaps(scaled: Array, limit: float, threshold: str | float) -> Array:
    gaps = np.sort(np.abs(scaled - limit))
    # Of an odd number of weights the median is one of them, and stays it while it moves.
    return gaps[1:] if threshold == "median" and len(gaps) % 2 else gaps


def distance(left: Array, right: Array) -> float:
    """`‖x - y + 1e-6·1‖₂` of two vectors `[d]`."""
    return float(np.sqrt(((left - right + DISTANCE_EPSILON) ** 2).sum()))


def triplet_loss(anchor: Array, positive: Array, negative: Array, margin: float) -> float:
    """(15) of three vectors `[d]`; notes the kinks of the hinge and of the distances."""
    near, far = distance(anchor, positive), distance(anchor, negative)
    # Equal sets cancel exactly, whatever moves: the loss is m and flat.
    if not np.array_equal(positive, negative):
        note_kink("hinge", near - far + margin)
        note_kink("distance", [near, far])
    return max(near - far + margin, 0.0)


def contrast_loss(
    states: Array,
    weights: Array,
    positive: Mask,
    negative: Mask,
    counted: Mask,
    margin: float = 0.1,
) -> float:
    """(13)-(15) of one side: triplets of the instances `counted [B]`, summed and divided by `B`.

    `states [B, T, d]`; `weights`, `positive`, `negative` `[B, T]`. Only instances with events in
    both histories count; the others contribute 0.
    """
    total = 0.0
    for instance in np.flatnonzero(counted):
        rows = states[instance]
        anchor = weights[instance] @ rows
        means = (rows[chosen[instance]].mean(0) for chosen in (positive, negative))
        total += triplet_loss(anchor, *means, margin)
    return total / len(states)


def interest_contrast(
    rec_states: Array,
    search_states: Array,
    rec_mask: Mask,
    search_mask: Mask,
    parameters: CoAttention,
    options: Options,
) -> Contrast:
    """(9)-(16) of states `[B, T_r, d]`, `[B, T_s, d]` and masks `[B, T_r]`, `[B, T_s]`."""
    rec_weights, search_weights = co_attention(
        rec_states, search_states, rec_mask, search_mask, parameters, options.mask_both_axes
    )
    rule = (options.threshold, options.threshold_strict)
    # Scored by nothing but zeros, weights are uniform whatever the parameters.
    rec_unscored = _scores_nothing(search_states, search_mask, options.mask_both_axes)
    search_unscored = _scores_nothing(rec_states, rec_mask, options.mask_both_axes)
    rec_sets = partition(rec_weights, rec_mask, *rule, immovable=rec_unscored)
    search_sets = partition(search_weights, search_mask, *rule, immovable=search_unscored)
    both = rec_mask.any(-1) & search_mask.any(-1)
    rec_loss = contrast_loss(rec_states, rec_weights, *rec_sets, both, options.margin)
    search_loss = contrast_loss(search_states, search_weights, *search_sets, both, options.margin)
    return Contrast(rec_weights, search_weights, *rec_sets, *search_sets, rec_loss, search_loss)


def _scores_nothing(states: Array, mask: Mask, mask_both_axes: bool) -> Mask:
    scoring = np.where(mask[..., None], states, 0.0) if mask_both_axes else states
    return ~scoring.any((-2, -1))


def target_weights(states: Array, chosen: Mask, bilinear: Array, candidates: Array) -> Array:
    """Softmax over the chosen positions of `h_j^T W_d ê_v`: `[B, K, T]`, zero elsewhere."""
    logits = np.swapaxes(states @ bilinear @ np.swapaxes(candidates, -1, -2), -1, -2)
    return masked_softmax(logits, chosen[:, None])


def multi_interest(
    states: Array,
    mask: Mask,
    positive: Mask,
    negative: Mask,
    bilinear: Array,
    candidates: Array,
    enabled: bool = True,
) -> Array:
    """(17)-(20) of one side: `u^all ‖ u^sim ‖ u^diff`, `[B, K, 3d]`; `u^all [B, K, d]` if off.

    `states [B, T, d]`, masks `[B, T]`, `candidates [B, K, d]`. An empty history gives zeros.
    """
    sets = (mask, positive, negative) if enabled else (mask,)
    pooled = [target_weights(states, chosen, bilinear, candidates) @ states for chosen in sets]
    return np.concatenate(pooled, -1)


def predict(
    rec_interests: Array,
    search_interests: Array,
    candidates: Array,
    users: Array,
    layers: tuple[Dense, ...],
) -> Array:
    """(21) before σ: logits `[B, K]` of `u_r ‖ u_s ‖ ê_v ‖ e_u`, `users [B, d_u]`."""
    repeated = np.repeat(users[:, None], candidates.shape[1], 1)
    states = np.concatenate([rec_interests, search_interests, candidates, repeated], -1)
    for layer in layers[:-1]:
        states = relu(dense(states, layer))
    return dense(states, layers[-1])[..., 0]


def binary_cross_entropy(logits: Array, labels: npt.ArrayLike) -> float:
    """(22): mean over `B × K` of `ln(1 + e^x) - y x`."""
    return float((np.logaddexp(0.0, logits) - np.asarray(labels) * logits).mean())


def l2_penalty(arrays: dict[str, Array], weight_decay: float) -> float:
    """Coupled L2 of (23), `½ λ Σ θ²`."""
    return 0.5 * weight_decay * sum(float((array**2).sum()) for array in arrays.values())


@dataclass(frozen=True)
class Forward:
    """Every intermediate of one pass; shapes are those of the functions that make them."""

    rec_mask: Mask
    search_mask: Mask
    click_mask: Mask
    users: Array
    candidates: Array
    queries: Array
    clicked: Array
    rec_states: Array
    search_states: Array
    contrast: Contrast
    rec_interests: Array
    search_interests: Array
    logits: Array


@dataclass(frozen=True)
class Losses:
    """Scalars: the terms of (23) and their weighted sum."""

    cross_entropy: float
    alignment: AlignmentLosses
    contrast: Contrast
    l2: float
    total: float


def forward(parameters: Parameters, batch: dict[str, Indices], options: Options) -> Forward:
    """(1)-(21) of a batch of the contract, without dropout."""
    table, closed = parameters.embedding, options.closed_tables
    rec_mask, search_mask = batch["rec_items"] != 0, batch["queries"] != 0
    click_mask = (batch["clicked_items"] != 0) & search_mask[..., None]
    items = projected_items(table, batch["rec_items"], closed)
    queries = projected_queries(table, batch["queries"], batch["query_words"])
    clicked = projected_items(table, batch["clicked_items"], closed)
    embed_candidates = projected_items if options.project_candidates else item_embedding
    candidates = embed_candidates(table, batch["candidates"], closed)
    users = user_embedding(table, batch["user"], closed)

    rec, search = parameters.rec_encoder, parameters.search_encoder
    rec_states = encode_history(rec_inputs(items, rec.positions), rec_mask, rec, options.heads)
    inputs = search_inputs(
        queries,
        mean_of_clicks(clicked, click_mask),
        search.positions,
        lookup(table.source, batch["query_sources"], not closed),
    )
    search_states = encode_history(inputs, search_mask, search, options.heads)
    contrast = interest_contrast(
        rec_states, search_states, rec_mask, search_mask, parameters.co_attention, options
    )
    rec_interests = multi_interest(
        rec_states,
        rec_mask,
        contrast.rec_positive,
        contrast.rec_negative,
        parameters.interests.rec,
        candidates,
        options.multi_interest,
    )
    search_interests = multi_interest(
        search_states,
        search_mask,
        contrast.search_positive,
        contrast.search_negative,
        parameters.interests.search,
        candidates,
        options.multi_interest,
    )
    return Forward(
        rec_mask=rec_mask,
        search_mask=search_mask,
        click_mask=click_mask,
        users=users,
        candidates=candidates,
        queries=queries,
        clicked=clicked,
        rec_states=rec_states,
        search_states=search_states,
        contrast=contrast,
        rec_interests=rec_interests,
        search_interests=search_interests,
        logits=predict(rec_interests, search_interests, candidates, users, parameters.prediction),
    )


def losses(
    parameters: Parameters,
    batch: dict[str, Indices],
    labels: npt.ArrayLike,
    negatives: AlignmentNegatives,
    options: Options,
    weight_decay: float = 0.0,
) -> Losses:
    """(23): `BCE + α L_ali + β L_con + ½ λ Σ θ²` over every trainable array."""
    result = forward(parameters, batch, options)
    table = parameters.embedding
    alignment = alignment_losses(
        result.queries,
        result.clicked,
        result.click_mask,
        projected_items(table, negatives.items, options.closed_tables),
        projected_queries(table, negatives.queries, negatives.query_words),
        parameters.alignment,
        options.alignment_shared_bilinear,
        options.alignment_positive_in_denominator,
        options.alignment_reduction,
    )
    cross_entropy = binary_cross_entropy(result.logits, labels)
    l2 = l2_penalty(named_arrays(parameters), weight_decay)
    weighted = options.alpha * alignment.total + options.beta * result.contrast.total
    return Losses(cross_entropy, alignment, result.contrast, l2, cross_entropy + weighted + l2)
