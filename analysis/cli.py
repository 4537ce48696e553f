"""The commands that need analysis: `depcap compare` and `depcap analyze`.

The engine's command line finds them as entry points.
"""

import shlex
import sys
from contextlib import closing
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from depcap.errors import DepcapError

if TYPE_CHECKING:
    from analysis.study import Finding, Study
    from depcap.models.loading import Model
    from depcap.request import Settings


def compare(
    out: Annotated[Path, typer.Option(help="folder of the results; what is there is not decoded again")],
    task: Annotated[
        str, typer.Option(help="arithmetic, python, files (*.jsonl), separated by commas")
    ] = "arithmetic,python",
    model: Annotated[str, typer.Option(help="separated by commas")] = "tiny-llada",
    methods: Annotated[
        str, typer.Option(help="all, variants, or names separated by commas: see above")
    ] = "all",
    cache: Annotated[
        str,
        typer.Option(
            help="separated by commas, as dkv or dkv:refresh=4; a method takes those it has, and its"
            " own, or else its first (none)"
        ),
    ] = "none,dual",
    gen_length: Annotated[int, typer.Option("--gen-length", help="positions to fill")] = 256,
    limit: Annotated[
        int, typer.Option(help="held-out problems per task, the first of 1,000 or of a file")
    ] = 200,
    batch_size: Annotated[
        int, typer.Option(help="problems decoded together; intervals of time need 10 batches")
    ] = 20,
    stop: Annotated[
        str, typer.Option(help="eos, run_to_end or eotp, for methods without one of their own")
    ] = "eos",
    baseline: Annotated[
        list[str],
        typer.Option(
            metavar="METHOD[@CACHE]",
            help="what paired tests compare with, in its first cache unless one is given; can be given more"
            " than once; default: llada and depcap, or else the first method",
        ),
    ] = [],  # noqa: B006 - typer copies it
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, ...")] = "auto",
    dtype: Annotated[str, typer.Option(help="auto, float32, bfloat16, ...")] = "auto",
    revision: Annotated[str | None, typer.Option(help="commit or tag of a Hub id")] = None,
) -> None:
    """Decode the same held-out problems with many methods: accuracy, work and time side by side.

    A method is its name, or name:key=value:key=value with parameters, and with a stop, temperature or seed
    of its own, such as learn2pd:stop=eotp; a list is written adablock:delimiter_ids=[198,271]. `all` is every
    method with its defaults, `variants` what is compared besides (docs/methods.md).

    All decoders take turns, a batch of problems each, so that whatever else the machine does meets them all.
    Tables are written after a batch, and after ever twice as many more. Models can be decoded at the same
    time, each by a process of its own with the same --out; the same command with all of them then only writes
    the tables. Never give one model to two processes.
    """
    from rich.console import Console

    import depcap
    from analysis.comparison import cells, choose_baselines, kept, outcomes, rounds, run
    from analysis.progress import Progress
    from analysis.report import write
    from analysis.spec import specs
    from depcap.evaluation import check_problems

    if out.exists() and not out.is_dir():
        raise DepcapError(f"{out} is no folder")
    chosen = specs(methods)
    models = [depcap.load(name, device, dtype, revision) for name in _listed(model)]
    console = Console()
    left_out: dict[str, None] = {}
    found = cells(models, _listed(task), chosen, _listed(cache), gen_length, stop, left_out.setdefault)
    baselines = choose_baselines(found, baseline)
    for one, name in product(models, _listed(task)):
        check_problems(one, name, limit, gen_length)
    for why in left_out:
        console.print(f"left out: {why}", style="bright_black", highlight=False)
    how = _how(models[0], gen_length, stop, batch_size)
    how |= {"left out": "; ".join(left_out)} if left_out else {}
    with closing(Progress(kept(found, batch_size, out), limit)) as progress:
        for goal in rounds(limit, batch_size):
            if run(found, goal, batch_size, out, progress) and goal < limit:
                write(outcomes(found, goal, out), baselines, out, how)
    console.print(write(outcomes(found, limit, out), baselines, out, how), highlight=False)


def _how(model: "Model", gen_length: int, stop: str, batch_size: int) -> dict[str, object]:
    """What all decoders of a comparison have in common, and the command that was given."""
    return {
        "command": f"`{shlex.join(['depcap', *sys.argv[1:]])}`", "positions to fill": gen_length,
        "stop rule": f"{stop}, where a method's name gives no other", "problems per batch": batch_size,
        "device": model.denoiser.device, "dtype": str(model.dtype).removeprefix("torch."),
    }  # fmt: skip


OF_DECODING = ("task", "limit", "method", "gen_length", "set_", "batch_size")
"""Options of `analyze` that say what to decode, and how."""


def analyze(
    context: typer.Context,
    question: Annotated[str, typer.Argument(help="additivity, boundaries, conflicts or calibration")],
    out: Annotated[Path, typer.Option(help="folder of the results; what is there is not measured again")],
    model: Annotated[str, typer.Option(help="bundled name, local folder or Hub id")] = "tiny-llada",
    task: Annotated[
        str, typer.Option(help="arithmetic, python, files (*.jsonl), separated by commas")
    ] = "arithmetic,python",
    limit: Annotated[
        int, typer.Option(help="held-out problems per task, the first of 1,000 or of a file")
    ] = 20,
    traces: Annotated[
        Path | None, typer.Option(help="measure the traces in this folder instead of decoding")
    ] = None,
    method: Annotated[str, typer.Option(help="the decoder that is studied")] = "depcap",
    gen_length: Annotated[int, typer.Option("--gen-length", help="positions to fill")] = 256,
    set_: Annotated[
        list[str], typer.Option("--set", metavar="KEY=VALUE", help="a parameter of the method")
    ] = [],  # noqa: B006 - typer copies it
    samples: Annotated[int, typer.Option(help="histories per block (additivity, boundaries)")] = 16,
    sizes: Annotated[str, typer.Option(help="fixed candidate sizes (additivity)")] = "4,8,16,32",
    orders: Annotated[
        str, typer.Option(help="orders of the candidates (additivity)")
    ] = "left-to-right,confidence,random,random 2,random 3",
    seed: Annotated[int, typer.Option(help="of all draws")] = 0,
    batch_size: Annotated[int, typer.Option(help="problems decoded together")] = 20,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, ...")] = "auto",
    dtype: Annotated[str, typer.Option(help="auto, float32, bfloat16, ...")] = "auto",
    revision: Annotated[str | None, typer.Option(help="commit or tag of a Hub id")] = None,
) -> None:
    """Decode problems, measure what the decoder did, and conclude: tables, figures and a report."""
    from rich.console import Console
    from rich.markdown import Markdown

    import depcap
    from analysis.findings import emphasised
    from analysis.studies import choose_study, plan
    from depcap.cli import params, refuse_given
    from depcap.request import Settings

    if traces is not None:
        refuse_given(context, OF_DECODING, "is of decoding: not with --traces")
    if out.exists() and not out.is_dir():
        raise DepcapError(f"{out} is no folder")
    study = choose_study(question, plan(sizes, orders, samples))
    loaded = depcap.load(model, device, dtype, revision)
    settings = Settings(method, "none", gen_length, params=params(set_))
    wanted = dict.fromkeys(_listed(task), limit) if traces is None else {}
    finding, report = _study(study, loaded, settings, wanted, traces, out, seed, batch_size)
    Console().print(Markdown(emphasised(finding.verdict)), f"\n{report}", highlight=False)


def _study(
    study: "Study",
    model: "Model",
    settings: "Settings",
    wanted: dict[str, int],
    traces: Path | None,
    out: Path,
    seed: int,
    batch_size: int,
) -> tuple["Finding", Path]:
    """Record (or find) the decodes, measure them, conclude and write."""
    from tqdm import tqdm

    from analysis.findings import write
    from analysis.study import measure, record, recorded

    with tqdm(total=sum(wanted.values()), desc="decoding", unit="problem", disable=not wanted or None) as bar:
        paths = [
            path
            for name, limit in wanted.items()
            for path in record(model, name, limit, settings, out / "traces", batch_size, bar.update)
        ]
    paths = recorded(traces) if traces is not None else paths
    with tqdm(total=len(paths), desc=study.name, unit="decode", smoothing=0.05) as bar:
        rows = measure(study, model, paths, out / f"{study.name}.jsonl", seed, bar.update)
    finding = study.finding(rows)
    how = _made(study, model, seed, len(paths), wanted)
    if wanted:
        how |= {"method": settings.method, "positions to fill": settings.gen_length, **settings.params}
    else:
        how["traces"] = traces
    source = "\n".join(f"- {name}: {value}" for name, value in how.items())
    return finding, write(study, finding, rows, out, source)


def _made(
    study: "Study", model: "Model", seed: int, decodes: int, wanted: dict[str, int]
) -> dict[str, object]:
    """How a study was made, and the command that was given."""
    options = {
        name: ", ".join(map(str, value)) if isinstance(value, tuple) else value
        for name, value in study.options.items()
    }
    tasks = ", ".join(f"{name} (the first {limit} held-out problems)" for name, limit in wanted.items())
    return {
        "command": f"`{shlex.join(['depcap', *sys.argv[1:]])}`", "model": model.name,
        "weights": f"`{model.weights}`", "device": model.denoiser.device,
        "dtype": str(model.dtype).removeprefix("torch."), "tasks": tasks or "those of the traces",
        "decodes": decodes, "seed": seed, **options,
    }  # fmt: skip


def _listed(text: str) -> list[str]:
    return list(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))
