"""Text from the example's GPT with its key-value cache: the same source, run in either library."""

import importlib
import sys
import types
from pathlib import Path

import izvod

EXAMPLE = Path(izvod.__file__).parent / "examples" / "gpt"
TOKENS = 50


def example_in(lib):
    """The example's modules, with this library's tensors in place of izvod's."""
    if lib.name == "izvod":
        return importlib.import_module("izvod.examples.gpt")
    package = types.ModuleType("gpt_in_torch")
    package.__path__ = []
    sys.modules[package.__name__] = package
    for name in ("errors", "config", "model", "generate"):
        module = types.ModuleType(f"gpt_in_torch.{name}")
        module.__package__ = package.__name__
        sys.modules[module.__name__] = module
        text = (EXAMPLE / f"{name}.py").read_text()
        text = text.replace("import izvod\n", f"import {lib.name} as izvod\n")
        text = text.replace("import izvod.nn", f"import {lib.name}.nn")
        exec(text.replace("from izvod", f"from {lib.name}"), module.__dict__)
    return package


def generation(lib, **shape):
    example = example_in(lib).__name__
    config, model, generate = (
        importlib.import_module(f"{example}.{name}") for name in ("config", "model", "generate")
    )
    lib.torch.manual_seed(0)
    gpt = model.GPT(config.GPTConfig(**shape))
    sample = config.SampleConfig(tokens=TOKENS)
    generator = lib.torch.Generator()

    def run():
        for _ in generate.generate(gpt, [0], sample, shape["vocab_size"], generator):
            pass

    return run


def generate_50_tokens_char_gpt(lib):
    """The default model, 0.8 million parameters."""
    return generation(lib, vocab_size=65)


def generate_50_tokens_gpt2_124m(lib):
    """GPT-2's shape."""
    return generation(
        lib, vocab_size=50257, context_length=1024, emb_dim=768, n_heads=12, n_layers=12
    )


WORKLOADS = [generate_50_tokens_char_gpt, generate_50_tokens_gpt2_124m]
