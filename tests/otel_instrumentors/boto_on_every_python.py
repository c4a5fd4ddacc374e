"""boto, which Python 3.11 warns of and Python 3.12 does not import: with today's six in the place of its own."""

from __future__ import annotations

import importlib
import sys
import types
import warnings

import six

sys.modules["boto.vendored.six"] = six
for moved in ("moves", "moves.queue", "moves.urllib", "moves.urllib.parse", "moves.urllib.request"):
    sys.modules[f"boto.vendored.six.{moved}"] = importlib.import_module(f"six.{moved}")
if sys.version_info >= (3, 12):
    # What boto's plugins would be loaded with.
    sys.modules["imp"] = types.ModuleType("imp")
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import boto
    import boto.dynamodb2
    import boto.ec2
    import boto.exception
    import boto.kinesis
    import boto.s3.connection
    import boto.sns

__all__ = ["boto"]
