"""The live view of a decode in a terminal: the canvas, a progress bar, and a line of numbers."""

import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console, Group
from rich.live import Live
from rich.panel import Panel
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from depcap.evaluation import LikelihoodReport, Report
from depcap.generation import Decoding
from depcap.result import Result
from depcap.types import Step

MASK_GLYPH = "░"
NEW, DECIDED, MASKED, PROMPT = "bold black on bright_cyan", "default", "bright_black", "bright_black"


def visible(text: str) -> str:
    """Text that cannot move the cursor: control and formatting characters become a dot."""
    return "".join("·" if unicodedata.category(c) in ("Cc", "Cf") and c != "\n" else c for c in text)


def show(decoding: Decoding, console: Console) -> None:
    """Run a decode of one prompt to its end, drawing every step."""
    gen_length = decoding.request.settings.gen_length
    with _live(console, gen_length) as (live, progress, task):
        for step in decoding:
            done = gen_length - int(step.canvas.masked()[0].sum())
            progress.update(task, completed=done, info=_numbers(step, done))
            live.update(Group(Panel(_canvas(decoding, step), border_style="bright_black"), progress))


@contextmanager
def _live(console: Console, total: int) -> Iterator[tuple[Live, Progress, TaskID]]:
    progress = Progress(
        BarColumn(bar_width=None), MofNCompleteColumn(), TextColumn("{task.fields[info]}"),
        TimeElapsedColumn(), console=console, expand=True,
    )  # fmt: skip
    task = progress.add_task("decode", total=total, info="")
    with Live(progress, console=console, refresh_per_second=20, transient=True) as live:
        yield live, progress, task


def _numbers(step: Step, done: int) -> str:
    nfe = int(step.nfe[0])
    return f"block {int(step.block.index[0]) + 1}  NFE {nfe}  {done / nfe:.1f} positions per forward"


def _canvas(decoding: Decoding, step: Step) -> Text:
    """Prompt, decided tokens, tokens of this step, masks."""
    ids, prompt = step.canvas.ids[0].tolist(), decoding.request.prompts[0]
    at = step.proposal.window.positions[0][step.selection.unmask[0]].tolist()
    new, text = set(at), Text()
    text.append(_text(decoding, prompt), style=PROMPT)
    for position in range(len(prompt), int(step.canvas.end[0])):
        if ids[position] == step.canvas.mask_id:
            text.append(MASK_GLYPH, style=MASKED)
        else:
            style = NEW if position in new else DECIDED
            text.append(_text(decoding, [ids[position]]), style=style)
    return text


def _text(decoding: Decoding, ids: list[int]) -> str:
    model = decoding.request.model
    if model.tokenizer is None:
        return "".join(f"{i} " for i in ids)
    ends = model.denoiser.end_ids
    return visible("".join("∎" if i in ends else model.tokenizer.piece(i) for i in ids))


def print_report(report: Report | LikelihoodReport, console: Console) -> None:
    """What an evaluation found."""
    table = Table(box=None, show_header=False)
    if isinstance(report, LikelihoodReport):
        interval = "  (95 %: {:.4f} to {:.4f})".format(*report.ci95) if report.ci95 else ""
        table.add_row("nats per token", f"{report.nats_per_token:.4f}{interval}")
        table.add_row("tokens", f"{report.tokens:,}  ({report.n} problems, {report.masks} masks each)")
    else:
        low, high = report.ci95
        table.add_row(
            "accuracy", f"[b]{report.accuracy:.1%}[/b]  (95 %: {low:.1%} to {high:.1%}, n = {report.n})"
        )
        for level, found in report.levels.items() if len(report.levels) > 1 else ():
            low, high = found.ci95
            interval = f"(95 %: {low:.1%} to {high:.1%}, n = {found.n})"
            table.add_row(f"  level {level}", f"{found.accuracy:.1%}  {interval}", style="bright_black")
        table.add_row("forwards per problem", f"{report.nfe_mean:.1f}")
        if report.auxiliary_mean:
            table.add_row("  of a second model", f"{report.auxiliary_mean:.1f}")
        table.add_row("positions computed", f"{report.computed_mean:,.0f}")
        table.add_row("tokens/s", f"{report.tokens_per_second:.1f}  (batch {report.batch_size})")
        table.add_row(
            "response tokens", f"{report.mean_response_tokens:.1f}  ({report.overlong:.1%} overlong)"
        )
    table.add_row("seconds", f"{report.seconds:.1f}")
    console.print(table)


def print_result(result: Result, console: Console) -> None:
    """The final text and what it cost."""
    body = result.text if result.text is not None else " ".join(map(str, result.tokens))
    console.print(Text(visible(body)))
    table = Table.grid(padding=(0, 3))
    per_forward = result.response_length / result.nfe
    table.add_row(
        f"[b]{result.nfe}[/b] forwards", f"[b]{per_forward:.2f}[/b] tokens per forward",
        f"[b]{result.tokens_per_second:.1f}[/b] tokens/s", f"[b]{len(result.block_sizes)}[/b] blocks",
    )  # fmt: skip
    console.print()
    console.print(table, style="bright_black")
