"""`autokitteh.attr_dict`."""

from aetherflow.data import Data as AttrDict

__all__ = ["AttrDict"]
