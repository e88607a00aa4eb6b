"""The command line. What was asked for is checked in full before anything is written."""

import argparse
import importlib
import os
import sys
import tempfile
from dataclasses import asdict, fields, replace

import izvod

from . import checkpoint
from .config import PRESETS, GPTConfig, SampleConfig, TrainConfig
from .data import Corpus, load_text
from .errors import InputError
from .generate import generate
from .plot import save_loss_curve
from .train import Run, train


def main(argv=None):
    """Runs the program and returns its exit status: 0, 2 after bad input, 130 after Ctrl-C."""
    try:
        train_and_generate(parse(argv))
        return 0
    except InputError as error:
        status, message = 2, f"error: {error}"
    except MemoryError:
        status, message = 2, "error: not enough memory; try a smaller model or --batch-size"
    except KeyboardInterrupt:
        status, message = 130, "interrupted; what was saved stays, and --resume goes on from there"
    print(f"gpt: {message}", file=sys.stderr)
    return status


def train_and_generate(args):
    require_extras()
    sample = SampleConfig(**given(args, SampleConfig))
    path = os.path.join(args.out, "checkpoint.safetensors")
    saved = checkpoint.load(path) if args.resume else None
    model_config, train_config = resumed_configs(args, saved, path) if saved else new_configs(args)

    text_path = saved["text"]["path"] if saved and args.text is None else args.text
    text_name = "Python's own documentation" if text_path is None else f"text '{text_path}'"
    text = load_text(text_path)
    corpus = Corpus(text, model_config.context_length, text_name)
    if saved and saved["text"]["digest"] != corpus.digest:
        raise InputError(f"{path}: was trained on another text than {text_name}")
    model_config = with_vocabulary(model_config, len(corpus.tokenizer), text_name)
    prompt = corpus.tokenizer.encode(sample.prompt or text.split()[0][:20]).tolist()
    require_writable(args.out)

    run = Run(model_config, train_config, corpus)
    if saved:
        checkpoint.restore(run, saved, path)
        saved = None  # frees three times the size of the model
    n_params = sum(p.numel() for p in run.model.parameters())
    print(f"{n_params:,} parameters, {len(text):,} characters of {text_name}, ", end="")
    print(f"step {run.step} of {train_config.steps}")
    train(run, save=lambda: checkpoint.save(run, path, text_path))
    save_loss_curve(run, os.path.join(args.out, "loss.png"))
    print(f"checkpoint.safetensors and loss.png are in {args.out}\n")
    write_sample(run, prompt, sample)


def write_sample(run, prompt, sample):
    """Prints the prompt and what the model makes of it, as it comes."""
    tokenizer = run.corpus.tokenizer
    generator = izvod.Generator().manual_seed(run.config.seed)
    print(tokenizer.decode(prompt), end="", flush=True)
    for token in generate(run.model, prompt, sample, len(tokenizer), generator):
        print(tokenizer.decode([token]), end="", flush=True)
    print()


# --- checks -----------------------------------------------------------------------------------


def require_extras():
    for name in ("tqdm", "matplotlib"):
        try:
            importlib.import_module(name)
        except ImportError:
            raise InputError(f"{name} is missing: pip install 'izvod[examples]'") from None


def require_writable(folder):
    try:
        os.makedirs(folder, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        raise InputError(f"{folder}: cannot be written to: {error.strerror}") from None


def given(args, config):
    """The fields of a config class that the command line sets."""
    values = {field.name: getattr(args, field.name, None) for field in fields(config)}
    return {name: value for name, value in values.items() if value is not None}


def new_configs(args):
    model_config, train_config = PRESETS[args.config or "tiny"]
    return (
        replace(model_config, **given(args, GPTConfig)),
        replace(train_config, **given(args, TrainConfig)),
    )


def resumed_configs(args, saved, path):
    """Those of the checkpoint. The model must be what was asked for, if anything was."""
    asked = asdict(PRESETS[args.config][0]) if args.config else {}
    for name, value in (asked | given(args, GPTConfig)).items():
        has = getattr(saved["model_config"], name)
        if value not in (None, has):
            raise InputError(f"{path}: its model has {name} {has}, not {value}")
    return saved["model_config"], replace(saved["train_config"], **given(args, TrainConfig))


def with_vocabulary(config, n_chars, text_name):
    """The config with room for the text's characters: exactly so much unless it names a number."""
    if config.vocab_size is None:
        return replace(config, vocab_size=n_chars)
    if config.vocab_size < n_chars:
        raise InputError(
            f"{text_name}: its {n_chars} different characters exceed vocab_size {config.vocab_size}"
        )
    return config


# --- arguments --------------------------------------------------------------------------------


class Parser(argparse.ArgumentParser):
    def error(self, message):
        raise InputError(message)


def parse(argv):
    """Options that are not given are None: then the preset or the checkpoint decides."""
    parser = Parser(
        usage="python -m izvod.examples.gpt [options]",
        description="Train a GPT on plain text, then let it write.",
        epilog=presets_table(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    files = parser.add_argument_group("files")
    files.add_argument(
        "--text", metavar="FILE", help="UTF-8 text to learn (default: Python's own documentation)"
    )
    files.add_argument(
        "--out",
        metavar="DIR",
        default="gpt-run",
        help="for the checkpoint and the loss curve; a new run replaces those of the last "
        "(default: gpt-run)",
    )
    files.add_argument(
        "--resume",
        action="store_true",
        help="go on from the checkpoint in DIR with the settings in it, except those given now",
    )

    model = parser.add_argument_group("model (defaults from the preset)")
    model.add_argument("--config", choices=PRESETS, help="the preset (default: tiny)")
    model.add_argument("--vocab-size", type=int, metavar="N", help="default: the text's characters")
    model.add_argument("--context-length", type=int, metavar="N", help="characters seen at once")
    model.add_argument("--emb-dim", type=int, metavar="N", help="width")
    model.add_argument("--n-heads", type=int, metavar="N", help="attention heads in a layer")
    model.add_argument("--n-layers", type=int, metavar="N", help="depth")
    model.add_argument("--drop-rate", type=float, metavar="P", help="dropout in training")
    switch = argparse.BooleanOptionalAction
    model.add_argument("--qkv-bias", action=switch, help="bias in query, key and value")
    model.add_argument("--tie-weights", action=switch, help="one matrix embeds and predicts")

    training = parser.add_argument_group("training (defaults from the preset)")
    training.add_argument("--steps", type=int, metavar="N", help="stop after so many in total")
    training.add_argument("--batch-size", type=int, metavar="N", help="windows of text in a step")
    training.add_argument("--lr", type=float, metavar="X", help="highest learning rate")
    training.add_argument("--warmup-steps", type=int, metavar="N", help="steps to reach it")
    training.add_argument("--decay-steps", type=int, metavar="N", help="steps to fall to a tenth")
    training.add_argument(
        "--eval-every", type=int, metavar="N", help="steps between validations, each then saved"
    )
    training.add_argument("--seed", type=int, metavar="N", help="of all chance (default: 1)")

    text = parser.add_argument_group("the text it writes")
    text.add_argument("--prompt", metavar="TEXT", help="its start (default: the text's first word)")
    text.add_argument("--tokens", type=int, metavar="N", help="its length (default: 500)")
    text.add_argument(
        "--temperature", type=float, metavar="X", help="0 always takes the likeliest (default: 0.7)"
    )
    text.add_argument("--top-k", type=int, metavar="N", help="choose among the N likeliest")
    text.add_argument(
        "--no-cache", dest="cache", action="store_false", help="compute keys and values anew"
    )
    return parser.parse_args(argv)


def presets_table():
    rows = ["presets:      context  width  heads  layers  batch   steps"]
    for name, (model, training) in PRESETS.items():
        shape = f"{model.context_length:7}{model.emb_dim:7}{model.n_heads:7}{model.n_layers:8}"
        rows.append(f"  {name:10}  {shape}{training.batch_size:7}{training.steps:8}")
    return "\n".join(rows)
