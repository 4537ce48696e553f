"""The command line: `depcap decode | eval | methods | models`, and what entry points add."""

import json
import sys
from collections.abc import Iterable
from dataclasses import asdict
from importlib.metadata import entry_points
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from depcap.errors import DepcapError

app = typer.Typer(
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="Decode with diffusion language models, and see how they decide.",
)

DEFAULT_MODEL = "tiny-llada"
ModelName = Annotated[str, typer.Option("--model", help="bundled name, local folder or Hub id")]
MethodName = Annotated[str, typer.Option("--method", help="see `depcap methods`")]
Cache = Annotated[str, typer.Option(help="none, prefix, dual, dkv:refresh=4, ...: see `depcap methods`")]
GenLength = Annotated[int, typer.Option("--gen-length", help="positions to fill")]
Settings = Annotated[list[str], typer.Option("--set", metavar="KEY=VALUE", help="a parameter of the method")]
Stop = Annotated[str, typer.Option(help="eos, run_to_end or eotp: see docs/methods.md")]
Seed = Annotated[int, typer.Option(help="for temperatures above 0")]
Temperature = Annotated[float, typer.Option(help="0 is greedy")]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda, ...")]
Dtype = Annotated[str, typer.Option(help="auto, float32, bfloat16, ...")]
Revision = Annotated[str | None, typer.Option(help="commit or tag of a Hub id")]
DECODING = ("method", "cache", "gen_length", "set_", "stop", "seed", "temperature", "batch_size", "out")
"""Options of `eval` that say how to decode."""
AsJson = Annotated[bool, typer.Option("--json", help="one JSON object on stdout and nothing else")]


@app.callback(invoke_without_command=True)
def _help(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        sys.stdout.write(context.get_help() + "\n")


@app.command()
def decode(
    context: typer.Context,
    model: ModelName = DEFAULT_MODEL,
    prompt: Annotated[str | None, typer.Option(help="the prompt")] = None,
    prompt_file: Annotated[Path | None, typer.Option(help="a UTF-8 file with the prompt")] = None,
    prompt_ids: Annotated[
        str | None, typer.Option(metavar="JSON", help="the prompt as token ids: [1, 2]")
    ] = None,
    method: MethodName = "depcap",
    cache: Cache = "none",
    gen_length: GenLength = 256,
    set_: Settings = [],  # noqa: B006 - typer copies it
    stop: Stop = "eos",
    seed: Seed = 0,
    temperature: Temperature = 0.0,
    device: Device = "auto",
    dtype: Dtype = "auto",
    revision: Revision = None,
    trace: Annotated[Path | None, typer.Option(help="write the trace to this file")] = None,
    record: Annotated[
        str, typer.Option(help="the trace's level: decisions, scores, distributions")
    ] = "distributions",
    as_json: AsJson = False,
) -> None:
    """Decode one prompt."""
    if trace is None:
        refuse_given(context, ["record"], "is of a trace: give --trace too")
    elif not trace.absolute().parent.is_dir():
        raise DepcapError(f"cannot write {trace}: there is no such folder")
    given = _prompt(prompt, prompt_file, prompt_ids)
    from depcap.generation import start
    from depcap.models.loading import load
    from depcap.request import Settings
    from depcap.trace import LEVELS, json_params, save

    if record not in LEVELS:
        raise DepcapError(f"unknown recording level {record!r} (known: {', '.join(LEVELS)})")
    settings = Settings(method, cache, gen_length, stop, seed, temperature, params(set_))
    decoding = start(load(model, device, dtype, revision), given, settings, record if trace else None)
    console = Console(stderr=as_json)
    if as_json:
        decoding.run()
    else:
        from depcap.terminal import show

        show(decoding, console)
    result = decoding.results()[0]
    if as_json:
        named = decoding.request.method
        _print_json(
            model=model, method=named.name, cache=named.cache, params=json_params(named.params),
            gen_length=gen_length,
            prompt_ids=result.prompt_ids, tokens=result.tokens, text=result.text, nfe=result.nfe,
            block_sizes=result.block_sizes, unmask_step=result.unmask_step, seconds=result.seconds,
            tokens_per_second=result.tokens_per_second,
        )  # fmt: skip
    else:
        from depcap.terminal import print_result

        print_result(result, console)
    if trace and result.trace:  # last: what was decoded is told whatever comes of the file
        save(result.trace, trace)


@app.command(name="eval")
def evaluate_(
    context: typer.Context,
    task: Annotated[str, typer.Option(help="arithmetic, python, or a file of problems: *.jsonl")],
    limit: Annotated[int, typer.Option(help="held-out problems, the first of 1,000 or of the file")] = 200,
    model: ModelName = DEFAULT_MODEL,
    metric: Annotated[
        str, typer.Option(help="accuracy, or nll: nats per token, without decoding")
    ] = "accuracy",
    masks: Annotated[int, typer.Option(help="random masks per problem, for nll")] = 32,
    method: MethodName = "depcap",
    cache: Cache = "none",
    gen_length: GenLength = 256,
    set_: Settings = [],  # noqa: B006 - typer copies it
    stop: Stop = "eos",
    seed: Annotated[int, typer.Option(help="for temperatures above 0; problem n draws with seed + n")] = 0,
    temperature: Temperature = 0.0,
    batch_size: Annotated[int, typer.Option(help="problems decoded together")] = 8,
    device: Device = "auto",
    dtype: Dtype = "auto",
    revision: Revision = None,
    out: Annotated[
        Path | None, typer.Option(help="keep every problem's outcome here; goes on with what is there")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Score a model with a method on a task's held-out problems."""
    from tqdm import tqdm

    from depcap.evaluation import LikelihoodReport, Report, check_problems, evaluate, evaluate_likelihood
    from depcap.models.loading import load
    from depcap.request import Settings
    from depcap.terminal import print_report

    if metric not in ("accuracy", "nll"):
        raise DepcapError(f"unknown metric {metric!r} (known: accuracy, nll)")
    if metric == "nll":
        refuse_given(context, DECODING, "is of decoding: not for --metric nll")
    else:
        refuse_given(context, ["masks"], "is for --metric nll")
    loaded = load(model, device, dtype, revision)
    settings = Settings(method, cache, gen_length, stop, seed, temperature, params(set_))
    with tqdm(total=limit, unit="problem", disable=as_json or None) as bar:
        found: Report | LikelihoodReport
        how: dict[str, Any] = {}
        if metric == "nll":
            found = evaluate_likelihood(loaded, task, limit, masks, bar.update)
        else:
            check_problems(loaded, task, limit, gen_length)
            found = evaluate(loaded, task, limit, settings, batch_size, bar.update, out)
            how = {"method": method, "cache": cache, "gen_length": gen_length, "stop": stop}
    if as_json:
        _print_json(**asdict(found), model=model, **how)
    else:
        print_report(found, Console())


@app.command()
def methods(as_json: AsJson = False) -> None:
    """List the decoding methods with their parameters, defaults and papers."""
    from depcap.methods import METHODS

    if as_json:
        _print_json(
            **{
                name: {
                    "paper": preset.paper,
                    "caches": preset.caches,
                    "params": {key: field.default for key, field in preset.params.model_fields.items()},
                }
                for name, preset in METHODS.items()
            }
        )
        return
    console = Console()
    for name, preset in METHODS.items():
        console.print(f"[b]{name}[/b]  {preset.summary}", highlight=False)
        table = Table(box=None, show_header=False, padding=(0, 2))
        for key, field in preset.params.model_fields.items():
            default = "" if field.default is None else str(field.default)
            table.add_row(key, default, field.description or "")
        others = f"or {', '.join(preset.caches[1:])}" if preset.caches[1:] else ""
        table.add_row("--cache", preset.caches[0], others, style="bright_black")
        console.print(table)
        console.print()


@app.command()
def models(as_json: AsJson = False) -> None:
    """List the models that can be loaded by name; any folder or Hub id of the same families can be too."""
    from depcap.models.loading import CARDS

    if as_json:
        _print_json(**{name: {"summary": c.summary, "bundled": c.bundled} for name, c in CARDS.items()})
        return
    table = Table(box=None, show_header=False, padding=(0, 2))
    for name, card in CARDS.items():
        table.add_row(f"[b]{name}[/b]", "bundled" if card.bundled else "Hub", card.summary)
    Console().print(table)


def _prompt(prompt: str | None, file: Path | None, ids: str | None) -> Any:
    """The one prompt that was given, as `generate` takes it."""
    given = [value for value in (prompt, file, ids) if value is not None]
    if len(given) != 1:
        raise DepcapError("give exactly one of --prompt, --prompt-file and --prompt-ids")
    if file is not None:
        try:
            return file.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise DepcapError(
                f"cannot read {file}: {getattr(error, 'strerror', None) or 'not UTF-8'}"
            ) from None
    if ids is None:
        return prompt
    try:
        parsed = json.loads(ids)
    except (ValueError, RecursionError):
        parsed = None
    if not isinstance(parsed, list):
        raise DepcapError("--prompt-ids takes a JSON list of token ids, such as [1, 2, 3]")
    return [parsed]


def refuse_given(context: typer.Context, names: Iterable[str], why: str) -> None:
    """DepcapError if one of these options stands on the command line, where it would change nothing."""
    for name in names:
        source = context.get_parameter_source(name)
        if source is not None and source.name != "DEFAULT":
            raise DepcapError(f"--{name.strip('_').replace('_', '-')} {why}")


def params(settings: list[str]) -> dict[str, Any]:
    """`key=value` pairs; the method checks names and values."""
    found: dict[str, Any] = {}
    for setting in settings:
        key, equals, value = setting.partition("=")
        if not equals or not key:
            raise DepcapError(f"--set takes KEY=VALUE, got {setting!r}")
        found[key.strip().replace("-", "_")] = value.strip()
    return found


def _print_json(**fields: Any) -> None:
    sys.stdout.write(json.dumps(fields, allow_nan=False) + "\n")


def main() -> None:
    """Run the command line: bad input is one line on stderr and exit code 2."""
    for command in entry_points(group="depcap.commands"):  # what other packages add, such as `compare`
        app.command(name=command.name)(command.load())
    try:
        code = app(standalone_mode=False)
    except DepcapError as error:
        _fail(str(error), 2)
    except (KeyboardInterrupt, typer.Abort):
        _fail("stopped", 130)
    except BrokenPipeError:
        sys.exit(1)
    except OSError as error:  # a folder that may not be written, a full disk
        _fail(": ".join(map(str, filter(None, (error.filename, error.strerror or error)))), 2)
    except Exception as error:
        if not hasattr(
            error, "format_message"
        ):  # a usage error; which click raises it depends on typer's version
            raise
        _fail(error.format_message(), 2)
    else:
        sys.exit(code or 0)


def _fail(message: str, code: int) -> None:
    line = " ".join(message.split())
    sys.stderr.write(f"depcap: {line}\n")
    sys.exit(code)
