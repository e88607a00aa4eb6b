"""Programs that show izvod at work, each a package: `python -m izvod.examples.gpt`."""
