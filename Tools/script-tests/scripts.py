"""Loads the scripts under test, which have no .py ending, as modules."""

import importlib.machinery
import importlib.util
import os
import sys

TOOLS = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def load(name):
    """The script Tools/NAME as a module."""
    sys.dont_write_bytecode = True
    module_name = name.replace("-", "_")
    loader = importlib.machinery.SourceFileLoader(module_name, os.path.join(TOOLS, name))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader(module_name, loader))
    loader.exec_module(module)
    return module
