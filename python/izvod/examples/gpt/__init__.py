"""A GPT trained from nothing on plain text; `python -m izvod.examples.gpt --help` tells how.

Read it in this order, each file on its own page:

    config.py      what a model and a training run are made of, and the presets
    model.py       the transformer
    data.py        text to characters to batches
    train.py       the training loop
    checkpoint.py  a run on disk and back, bit for bit
    generate.py    text from a prompt
    plot.py        the loss curve
    cli.py         the command line that ties them together
"""
