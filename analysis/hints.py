"""What the tables and figures of each study show, by title: for its report and for the page."""

ADDITIVITY = {
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
    "Drawn instead of masked": "Q hides the last block behind masks. Here A is computed again with that block"
    " drawn from the model instead, to see whether masks are a fair way of hiding it.",
    "What the gap is made of": "J − A' is what dependence between the tokens does: above zero the last block"
    " couples them, below they learn the same thing from it. A' − A is what the model's one-shot marginals"
    " miss of those of its own joint.",
    "Between orders": "The same block, its tokens revealed in another order: how J differs, beside what"
    " sampling alone would make of it and the floor below which the numbers themselves are noise.",
    "Along the decoded tokens": "J along the one history that was decoded, beside J over all of them.",
    "Compared with": "The same blocks beside worlds that differ in something else: the last block's tokens in"
    " another order, or an earlier span masked in its place; and J with the A of other blocks of that size.",
    "J against A": "Statistics of the verdict's blocks. Those without an interval say how much of the"
    " scatter sampling alone would make. Of the slopes read the plain one; that of total least squares is"
    " there to be compared with others', since only J is noisy.",
    "By size and order": "All blocks that were moved, those of a fixed size too, and in every order.",
    "By stratum": "The verdict's blocks, sorted; p is of the ratio of sums being one, corrected within this"
    " table.",
    "By place in the block": "Blocks of one size, from left to right, at the k-th candidate and up to it.",
    "Parts of the gap": "Means over blocks; T, X and κ mix dependence with the model's incoherence, TC, J −"
    " A' and A' − A do not. Beyond sampling error: of the blocks whose error is known.",
    "Top-K influence": "DepCap's own estimate from the K likeliest tokens, beside the exact sum.",
}
BOUNDARIES = {
    "Blocks that end with a line or sentence, beyond chance": "How much more often a signal's blocks end"
    " where a unit of the text ends than the same sizes would if dealt to the openings in any order. Right of"
    " zero is more often.",
    "Block sizes": "How long every signal would make the block at the same openings.",
    "Forwards with another signal": "Forwards of whole decodes with a signal in charge of the blocks, beside"
    " those of DepCap's own on the same problems. Left of one is fewer. What the signal itself asks the model"
    " is not counted: J would be dear.",
    "Ends of blocks and of text": "The share of blocks that end with a unit, and what chance would give; only"
    " blocks that end inside the response count.",
    "Sizes": "What a signal wanted, and what came of it; *clamped* is the share that a limit or the row's end"
    " gave.",
    "J in place of A": "Whether the joint influence would give the size that the sum gives, beside whether J"
    " drawn from other histories would: a difference below zero is more than sampling makes.",
    "Sizes at the same opening": "How often two signals give the same size, or nearly so.",
    "Rows": "All that was measured.",
    "Another signal in charge": "The same problems decoded with a signal in charge of the blocks: forwards,"
    " blocks and accuracy, paired with the decodes of *against*.",
}
CONFLICTS = {
    "Pairs": "All that were measured.",
    "Precision and recall of the rule": "For every γ: of the pairs that the rule would flag the share that"
    " depend, and of those that depend the share that it would flag.",
    "Mutual information against D": "Every point is a pair of positions that were candidates in one step"
    " (2,000 of them at most). If the rule were right about every pair, dependent ones would all be on the"
    " right.",
    "Signals": "How often a dependent pair scores above one that is not: 0.5 is chance, 1 is perfect."
    " *Less that of low confidence*: whether D is the better of these two scores.",
    "The rule as decoded": "At each decode's own γ: how often flagged pairs depend, and how often the others"
    " do. Flagging at random would have the share of *dependent* as its precision.",
    "The rule at every gamma": "As above, at other γ: a lower one flags more pairs.",
    "Unmasked together": "Pairs that were committed in one step, of those sure enough to be in conflict and"
    " committed all the same: how often deciding one first would have changed the other's token.",
    "By task": "D's AUC, and how much of a position's mass the tokens have that the mutual information is"
    " over.",
}
CALIBRATION = {
    "Reliability of proposals that waited": "On the dotted line confidence is what it says; above it"
    " proposals are right more often than they are sure.",
    "Steps that a right token still waited": "How many steps a position already proposed its final token and"
    " was not unmasked: forwards that a decoder who knew could have saved.",
    "Reliability": "The points of the figure: bins of confidence, and the share of right proposals in each.",
    "How early a token is right": "Shares of tokens, by the steps in which they were seen and those in which"
    " they were right for good.",
    "Right at first sight": "Of the tokens that waited, those that were right from the first step on.",
    "By task": "Confidence beside the share right. The calibration error is above zero by sampling alone: *of"
    " sampling* is what it would be of confidences that are what they say, were proposals independent.",
}
