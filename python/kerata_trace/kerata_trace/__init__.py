"""Saves Keras models with a record of what they compute, for readers without the code of their layers."""

from .digest import config_digest
from .recorder import Untraceable
from .trace import Report, add_trace, save

__all__ = ["Report", "Untraceable", "add_trace", "config_digest", "save"]
