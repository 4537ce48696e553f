"""What the additivity study's tables and figures show, by title: for its report and for the page."""

HINTS = {
    "Joint influence against the sum": "Every point is one block. On the dotted line the influence adds up;"
    " above it the tokens of the block moved more together than one by one, below it less. Of open points"
    " all histories were equal, so that their error is not known. Click a point to replay that block.",
    "Relative gap": "How far J is from A, as a share of the larger of the two: −1 where J is nothing, 1 where"
    " A is nothing.",
    "Where it holds": "Sum of J over sum of A in one kind of block and in another, with 95 % intervals over"
    " prompts.",
    "Cumulative influence": "J and A of the first k candidates, the mean over blocks of one size.",
    "Cumulative ratio": "J over A of the first k candidates: of all blocks in sum, with its 95 % interval,"
    " and of the median block, with the middle half.",
    "Blocks left out": "What the verdict does not count, and what it would be if it did.",
    "Drawn instead of masked": "A with last blocks drawn from the model where masks stand for not knowing"
    " it.",
    "What the gap is made of": "J − A = T − X + κ: dependence that is there, less dependence that was known"
    " before, plus the model's inconsistency.",
    "Between orders": "The same block, its tokens revealed in another order: how J differs, beside what"
    " sampling alone would make of it and the floor below which the numbers themselves are noise.",
    "Along the decoded tokens": "J along the one history that was decoded, beside J over all of them.",
    "Compared with": "The same blocks beside worlds that differ in something else: the last block's tokens in"
    " another order, or an earlier span masked in its place; and J beside the A of other blocks.",
    "J against A": "Every statistic of the verdict's blocks; those without bounds say what sampling does.",
    "By size and order": "All blocks that were moved, those of a fixed size too, and in every order.",
    "By stratum": "The verdict's blocks, sorted; p is of the ratio of sums being one, corrected within this"
    " table.",
    "By place in the block": "Blocks of one size, from left to right, at the k-th candidate and up to it.",
    "Parts of the gap": "Means over blocks; the shares count blocks whose gap is beyond sampling error, and"
    " those whose histories were all equal, of which that is not known.",
    "Top-K influence": "DepCap's own estimate from the K likeliest tokens, beside the exact sum.",
}
