"""`isthmus sae`: sparse dictionaries of what goes through a network, from the activations to the files of others."""

from __future__ import annotations

from isthmus.cli.groups import Group

sae = Group("sae", "Make sparse dictionaries of a network's activations, and read and write those of others.", {})
