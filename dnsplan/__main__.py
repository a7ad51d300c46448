"""`python -m dnsplan` is `dsplan`."""

from __future__ import annotations

import sys

from dnsplan.cli import main

sys.exit(main())
